//! Gateway routes: what Spring Cloud Gateway YAML says, compiled to a table that a request is matched against.
//!
//! Pure: texts, a look-up function for variables and views of requests are arguments; no file, socket or clock.

pub mod limits;
#[allow(
    dead_code,
    reason = "the table, which comes next, asks patterns for their certain beginnings"
)]
mod pattern;
mod vars;
mod view;

pub use pattern::{HostPattern, JavaRegex, PathPattern, PatternError, RawPath, RegexError, Replacement};
pub use vars::Vars;
pub use view::{Answer, Flow, RequestEdit, RequestView, ResponseEdit};
