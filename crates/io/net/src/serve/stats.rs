//! A listener's counters, readable at any time for `/metrics`.
//!
//! Plain atomics rather than metric types, so that this crate needs no opinion on how they are exposed.
//!
//! Invariant: `open` is raised before a connection's task starts and lowered when it ends in any way, a panic
//! included.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the process started, except for `open`.
#[derive(Debug, Default)]
pub struct ListenerStats {
    accepted: AtomicU64,
    open: AtomicU64,
    requests: AtomicU64,
    accept_errors: AtomicU64,
    write_stalls: AtomicU64,
    panics: AtomicU64,
}

macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> u64 {
            self.$name.load(Ordering::Relaxed)
        })*
    };
}

impl ListenerStats {
    readers! {
        /// Connections accepted.
        accepted,
        /// Connections open now.
        open,
        /// Requests whose head was read.
        requests,
        /// Times that accepting failed, for example for want of file descriptors.
        accept_errors,
        /// Connections closed because the peer stopped reading.
        write_stalls,
        /// Connections lost to a panic in their handler: each is a fault of ours.
        panics,
    }

    pub(super) fn open_one(self: &Arc<Self>) -> OpenConnection {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn accept_failed(&self) {
        self.accept_errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn write_stalled(&self) {
        self.write_stalls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts one connection as open for as long as it lives.
#[derive(Debug)]
pub(super) struct OpenConnection(Arc<ListenerStats>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
