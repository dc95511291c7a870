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

/// How one value of a family is spread: a histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// What tells it from the others of its family.
    pub labels: Vec<(&'static str, String)>,
    /// The upper end of each bucket, ascending, and how many observations lie in that bucket alone. The last end is
    /// [`f64::INFINITY`].
    pub buckets: Vec<(f64, u64)>,
    /// All observations together, in the unit of the name.
    pub sum: f64,
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
            read: Read::Samples(Box::new(read)),
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
            read: Read::Samples(Box::new(read)),
        });
    }

    /// Adds a family of histograms; its name ends in the unit, `_seconds` for times. `read` is called at every scrape;
    /// it must not wait.
    pub fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<Distribution> + Send + Sync + 'static,
    ) {
        self.add(Figure {
            name,
            help,
            kind: MetricType::Histogram,
            read: Read::Distributions(Box::new(read)),
        });
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
    read: Read,
}

enum Read {
    Samples(Box<dyn Fn() -> Vec<Sample> + Send + Sync>),
    Distributions(Box<dyn Fn() -> Vec<Distribution> + Send + Sync>),
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
        match &self.read {
            Read::Samples(read) => read().iter().try_for_each(|sample| {
                with_labels(&mut family, &sample.labels, |metric| {
                    self.write(metric, sample.value)
                })
            }),
            Read::Distributions(read) => read().iter().try_for_each(|spread| {
                with_labels(&mut family, &spread.labels, |metric| write(metric, spread))
            }),
        }
    }
}

type Labels = Vec<(&'static str, String)>;

fn with_labels(
    family: &mut MetricEncoder<'_>,
    labels: &Labels,
    write: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    if labels.is_empty() {
        return write(family);
    }
    write(&mut family.encode_family(labels)?)
}

impl Figure {
    fn write(&self, metric: &mut MetricEncoder<'_>, value: u64) -> fmt::Result {
        if matches!(self.kind, MetricType::Counter) {
            metric.encode_counter::<NoLabelSet, u64, u64>(&value, None)
        } else {
            metric.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))
        }
    }
}

fn write(metric: &mut MetricEncoder<'_>, spread: &Distribution) -> fmt::Result {
    let count = spread.buckets.iter().map(|(_, count)| count).sum();
    metric.encode_histogram::<NoLabelSet>(spread.sum, count, &spread.buckets, None)
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

    /// A histogram's buckets add up from the smallest on, as a Prometheus server computes quantiles from them, and the
    /// last holds everything.
    #[test]
    fn histograms_are_cumulative() {
        let mut metrics = Metrics::default();
        metrics.histogram("request_duration_seconds", "Times of requests", || {
            vec![Distribution {
                labels: vec![("route", "a".into())],
                buckets: vec![(0.001, 2), (0.5, 1), (f64::INFINITY, 1)],
                sum: 3.25,
            }]
        });
        assert_eq!(
            metrics.encode(),
            "# HELP koinon_request_duration_seconds Times of requests\n\
             # TYPE koinon_request_duration_seconds histogram\n\
             koinon_request_duration_seconds_sum{route=\"a\"} 3.25\n\
             koinon_request_duration_seconds_count{route=\"a\"} 4\n\
             koinon_request_duration_seconds_bucket{le=\"0.001\",route=\"a\"} 2\n\
             koinon_request_duration_seconds_bucket{le=\"0.5\",route=\"a\"} 3\n\
             koinon_request_duration_seconds_bucket{le=\"+Inf\",route=\"a\"} 4\n\
             # EOF\n"
        );
    }
}
