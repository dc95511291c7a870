//! One timer for a whole connection.
//!
//! Each phase of a request has another deadline, but nearly all end long before theirs. So the timer is left to run when
//! the deadline moves away, and set anew only when it fires too early or the deadline comes nearer: tokio's timer wheel
//! is touched once in a timeout's time, not once in a request's.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

use super::Clock;

#[derive(Debug, Default)]
pub(crate) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready when `deadline` has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let at = tokio::time::Instant::from_std(deadline);
        let timer = match &mut self.0 {
            Some(timer) if timer.deadline() <= at && !timer.is_elapsed() => return Poll::Pending,
            Some(timer) => {
                if Clock::tick() >= deadline {
                    return Poll::Ready(());
                }
                timer.as_mut().reset(at);
                timer
            }
            none => none.insert(Box::pin(sleep_until(at))),
        };
        timer.as_mut().poll(cx)
    }
}
