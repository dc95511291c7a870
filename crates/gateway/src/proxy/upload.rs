//! A request's body on its way to an endpoint, and whether its client keeps up.

use std::task::{Context, Poll};
use std::time::Instant;

use super::client::Client;
use super::link::Link;
use crate::pace::Pace;
use crate::pump::{Pump, PumpError};

/// A request's body on its way, its head before it.
#[derive(Debug)]
pub(super) struct Upload {
    pump: Pump,
    pace: Pace,
    /// The client may be waiting for a 100 (Continue), which only the endpoint can give.
    awaits_continue: bool,
    /// When the client will have been too slow, if it is what is waited for.
    slow_at: Option<Instant>,
}

impl Upload {
    pub(super) fn new(pump: Pump, pace: Pace, awaits_continue: bool) -> Self {
        Self {
            pump,
            pace,
            awaits_continue,
            slow_at: None,
        }
    }

    /// Moves what can be moved. `moved` is set when anything was.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Client,
        link: &mut Link,
        moved: &mut bool,
    ) -> Poll<Result<(), PumpError>> {
        let source = (&mut client.stream, &mut client.unread);
        self.pump.poll(cx, source, &mut link.stream, moved)
    }

    /// When the client will have been too slow. To be asked after each `poll`, by the time of that moment.
    pub(super) fn slow_at(&mut self, now: Instant) -> Option<Instant> {
        let is_invited = !self.awaits_continue || self.pump.has_taken();
        let is_awaited = is_invited && !self.pump.is_held_up();
        self.slow_at = self.pace.note(now, self.pump.read, is_awaited);
        self.slow_at
    }

    /// Whether it has been.
    pub(super) fn is_slow(&self, now: Instant) -> bool {
        self.slow_at.is_some_and(|at| at <= now)
    }

    /// The endpoint wants the body.
    pub(super) fn invite(&mut self) {
        self.awaits_continue = false;
    }

    /// Whether something waits for the endpoint to take it.
    pub(super) fn is_held_up(&self) -> bool {
        self.pump.is_held_up()
    }

    /// Whether anything has been written to the endpoint.
    pub(super) fn has_begun(&self) -> bool {
        self.pump.has_begun()
    }

    /// Whether some of the body is gone, so that it cannot be sent once more.
    pub(super) fn has_taken(&self) -> bool {
        self.pump.has_taken()
    }
}
