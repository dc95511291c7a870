//! Ctrl-C, or what a supervisor sends: the end of what would go on for ever.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::KvError;

pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// From here on a signal does not end the process.
    pub(super) fn new() -> Result<Self, KvError> {
        let listen = |kind| signal(kind).map_err(KvError::Signals);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
