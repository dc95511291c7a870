//! Figures for `/metrics`: read where they live, written as OpenMetrics text.
//!
//! Names are `koinon_` + what is counted + its unit (`koinon_http_requests`, `koinon_registry_renewals_per_minute`);
//! the format adds `_total` to counters itself. The numbers are kept by whoever counts, as atomics or behind a
//! function, so that counting costs no more than it must and no crate needs this one to count.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

/// The content type of what [`Metrics::encode`] writes.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The prefix of every name.
const PREFIX: &str = "koinon";

/// One value of a family of figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What tells it from the others of its family.
    pub labels: Vec<(&'static str, String)>,
    /// The value now.
    pub value: u64,
}

impl Sample {
    /// A value without labels.
    #[must_use]
    pub fn plain(value: u64) -> Self {
        Self {
            labels: Vec::new(),
            value,
        }
    }

    /// A value with one label.
    pub fn labelled(name: &'static str, label: impl Into<String>, value: u64) -> Self {
        Self {
            labels: vec![(name, label.into())],
            value,
        }
    }
}

/// Every figure of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            registry: Registry::with_prefix(PREFIX),
        }
    }
}

impl Metrics {
    /// Adds a family of figures that only grow. `read` is called at every scrape; it must not wait.
    pub fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) {
        self.add(Figure {
            name,
            help,
            kind: MetricType::Counter,
            read: Box::new(read),
        });
    }

    /// Adds a family of figures that go up and down. `read` is called at every scrape; it must not wait.
    pub fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) {
        self.add(Figure {
            name,
            help,
            kind: MetricType::Gauge,
            read: Box::new(read),
        });
    }

    /// The registry itself, for metric types beyond these two (histograms).
    pub fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// All figures as they are now.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail; should a metric type of a library do, the rest is still worth reading.
        if text::encode(&mut text, &self.registry).is_err() {
            tracing::error!("a metric could not be encoded; the text is cut short");
        }
        text
    }

    fn add(&mut self, figure: Figure) {
        self.registry.register_collector(Box::new(figure));
    }
}

struct Figure {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    read: Box<dyn Fn() -> Vec<Sample> + Send + Sync>,
}

impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Figure")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Collector for Figure {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut family = encoder.encode_descriptor(self.name, self.help, None, self.kind)?;
        for Sample { labels, value } in (self.read)() {
            if labels.is_empty() {
                self.write(&mut family, value)?;
            } else {
                self.write(&mut family.encode_family(&labels)?, value)?;
            }
        }
        Ok(())
    }
}

impl Figure {
    fn write(&self, metric: &mut MetricEncoder<'_>, value: u64) -> Result<(), fmt::Error> {
        if matches!(self.kind, MetricType::Counter) {
            metric.encode_counter::<NoLabelSet, u64, u64>(&value, None)
        } else {
            metric.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text is what a Prometheus server reads: one description per family, labels escaped, counters `_total`.
    #[test]
    fn figures_are_written_as_they_are_now() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicU64, Ordering};

        let count = Arc::new(AtomicU64::new(1));
        let mut metrics = Metrics::default();
        let read = Arc::clone(&count);
        metrics.counter("http_requests", "Requests whose head was read", move || {
            vec![
                Sample::labelled("listener", "admin", read.load(Ordering::Relaxed)),
                Sample::labelled("listener", "a\"b", 0),
            ]
        });
        metrics.gauge("registry_instances", "Instances registered now", || {
            vec![Sample::plain(7)]
        });
        count.store(42, Ordering::Relaxed);
        assert_eq!(
            metrics.encode(),
            "# HELP koinon_http_requests Requests whose head was read\n\
             # TYPE koinon_http_requests counter\n\
             koinon_http_requests_total{listener=\"admin\"} 42\n\
             koinon_http_requests_total{listener=\"a\\\"b\"} 0\n\
             # HELP koinon_registry_instances Instances registered now\n\
             # TYPE koinon_registry_instances gauge\n\
             koinon_registry_instances 7\n\
             # EOF\n"
        );
    }
}
