//! How often each operation was asked for, and how it went.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a request asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// To register.
    Register,
    /// A heartbeat.
    Renew,
    /// To leave.
    Cancel,
    /// To set or remove an override.
    Override,
    /// To change metadata.
    Metadata,
    /// All applications.
    Fetch,
    /// What changed lately.
    FetchDelta,
    /// One application or instance.
    FetchOne,
    /// The instances of a virtual address.
    FetchVip,
    /// The page for people.
    Page,
    /// Nothing that there is.
    Refused,
}

impl Operation {
    /// Every operation, in the order of their discriminants.
    pub const ALL: [Self; 11] = [
        Self::Register,
        Self::Renew,
        Self::Cancel,
        Self::Override,
        Self::Metadata,
        Self::Fetch,
        Self::FetchDelta,
        Self::FetchOne,
        Self::FetchVip,
        Self::Page,
        Self::Refused,
    ];

    /// Its name in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Renew => "renew",
            Self::Cancel => "cancel",
            Self::Override => "override",
            Self::Metadata => "metadata",
            Self::Fetch => "fetch",
            Self::FetchDelta => "fetch_delta",
            Self::FetchOne => "fetch_one",
            Self::FetchVip => "fetch_vip",
            Self::Page => "page",
            Self::Refused => "refused",
        }
    }
}

/// The classes of answers that are told apart: done, asked for in vain, refused, failed.
const CLASSES: [&str; 4] = ["2xx", "404", "4xx", "5xx"];

/// The door's counters.
#[derive(Debug, Default)]
pub struct DoorStats {
    counts: [[AtomicU64; CLASSES.len()]; Operation::ALL.len()],
}

impl DoorStats {
    pub(super) fn count(&self, operation: Operation, status: u16) {
        let class = match status {
            404 => 1,
            400..=499 => 2,
            500.. => 3,
            _ => 0,
        };
        self.counts[operation as usize][class].fetch_add(1, Ordering::Relaxed);
    }

    /// Operation, class of answer (`2xx`, `404`, other `4xx`, `5xx`), and how often; those that occurred.
    pub fn iter(&self) -> impl Iterator<Item = (Operation, &'static str, u64)> {
        Operation::ALL.into_iter().flat_map(move |operation| {
            let counts = &self.counts[operation as usize];
            let named = CLASSES
                .into_iter()
                .zip(counts)
                .map(move |(class, count)| (operation, class, count.load(Ordering::Relaxed)));
            named.filter(|(_, _, count)| *count > 0)
        })
    }
}
