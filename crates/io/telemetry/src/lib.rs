//! What a process tells about itself: logs on standard error, figures as Prometheus text.
//!
//! Both are thin: [`logs::init`] decides where logs go and which are shown; [`Metrics`] collects counters,
//! gauges and histograms that live elsewhere (as plain atomics or functions) and writes them out when somebody asks.

pub mod logs;
pub mod metrics;

pub use logs::{LogError, init as init_logs};
pub use metrics::{Distribution, Metrics, Sample};
