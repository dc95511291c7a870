//! Wakes the flusher: when there is enough to do, or when the store closes.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Bell {
    state: Mutex<State>,
    condvar: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rung: bool,
    closing: bool,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.change(|state| state.rung = true);
    }

    pub(crate) fn close(&self) {
        self.change(|state| state.closing = true);
    }

    /// Sleeps until it is rung, or `timeout` is over. True when the store closes.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        self.sleep(timeout, |state| !state.rung && !state.closing)
    }

    /// Sleeps for `timeout`, whatever is rung, unless the store closes. True when it does.
    pub(crate) fn pause(&self, timeout: Duration) -> bool {
        self.sleep(timeout, |state| !state.closing)
    }

    fn sleep(&self, timeout: Duration, mut on: impl FnMut(&mut State) -> bool) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .condvar
            .wait_timeout_while(state, timeout, |state| on(state))
            .unwrap_or_else(PoisonError::into_inner);
        state.rung = false;
        state.closing
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.condvar.notify_one();
    }
}
