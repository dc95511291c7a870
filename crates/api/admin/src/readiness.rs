//! Whether the process serves: `/readyz`.
//!
//! Invariant: ready means that every part named at the start has said so, and that no drain has begun since.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// What is not ready yet. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    waiting: Arc<Mutex<BTreeSet<String>>>,
}

impl Readiness {
    /// Not ready until each of `parts` (the listeners' names) has been reported.
    pub fn waiting_for<T: Into<String>>(parts: impl IntoIterator<Item = T>) -> Self {
        let waiting = parts.into_iter().map(Into::into).collect();
        Self {
            waiting: Arc::new(Mutex::new(waiting)),
        }
    }

    /// Reports that `part` serves.
    pub fn report(&self, part: &str) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(part);
    }

    /// What has not been reported yet, by name.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ready only when the last part has reported; what nobody waits for changes nothing.
    #[test]
    fn every_part_must_report() {
        let readiness = Readiness::waiting_for(["admin", "eureka"]);
        readiness.clone().report("admin");
        readiness.report("other");
        assert_eq!(readiness.missing(), ["eureka"]);
        readiness.report("eureka");
        assert!(readiness.missing().is_empty());
    }
}
