//! An upgraded connection: bytes both ways until both sides have ended, or nothing has come for long.
//!
//! It begins only after the endpoint's 101, and not a byte of the client's goes up before.

use std::future::poll_fn;
use std::task::{Context, Poll};

use koinon_core_http1::{BodyReader, Known};

use super::End;
use super::client::Client;
use super::deliver::Reply;
use super::record::Record;
use crate::head::strip_hop_by_hop;
use crate::io::{Buffer, Clock, Scratch, Transport};
use crate::meter::bump;
use crate::pump::{Framing, Pump, PumpError};
use crate::worker::Worker;

pub(super) async fn run(worker: &Worker, client: &mut Client, reply: Reply, record: &mut Record) -> End {
    let Reply {
        mut arrived, attempt, ..
    } = reply;
    bump(&worker.counts().upgrades, 1);
    client.unread.take(arrived.sent_from_buffer);
    let fields = arrived.head.fields_mut();
    let protocol = fields.known(Known::Upgrade).next().map(<[u8]>::to_vec);
    strip_hop_by_hop(fields, |_| false);
    fields.remove("content-length");
    // Read from a head, it may stand in one.
    let _ = (
        fields.set("Connection", b"Upgrade"),
        protocol.is_none_or(|protocol| fields.set("Upgrade", &protocol)),
    );
    let mut text = Scratch::new();
    arrived.head.write(&mut text);
    record.status = 101;
    let mut up = Way::new(Scratch::new());
    let mut down = Way::new(text);
    let idle = worker.node.settings.timeouts.tunnel_idle;
    let link = &mut arrived.link;
    let mut deadline = Clock::coarse() + idle;
    poll_fn(|cx| {
        let mut moved = false;
        let up_is_over = up.poll(
            cx,
            &mut client.stream,
            &mut client.unread,
            &mut link.stream,
            &mut moved,
        );
        let down_is_over = down.poll(
            cx,
            &mut link.stream,
            &mut link.unread,
            &mut client.stream,
            &mut moved,
        );
        if moved {
            deadline = Clock::tick() + idle;
        }
        if up.failed || down.failed || (up_is_over && down_is_over) {
            return Poll::Ready(());
        }
        client.poll_tunnel_end(cx, deadline)
    })
    .await;
    record.bytes = down.pump.passed;
    drop(attempt);
    End::Close
}

/// One direction.
struct Way {
    pump: Pump,
    source_over: bool,
    over: bool,
    failed: bool,
}

impl Way {
    fn new(head: Scratch) -> Self {
        Self {
            pump: Pump::new(BodyReader::UntilClose, Framing::Plain, head),
            source_over: false,
            over: false,
            failed: false,
        }
    }

    /// Moves what can be moved; when the source has ended, so does the other side's input, and only that.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut impl Transport,
        buffer: &mut Buffer,
        to: &mut impl Transport,
        moved: &mut bool,
    ) -> bool {
        if !self.source_over {
            match self.pump.poll(cx, (from, buffer), to, moved) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) => self.source_over = true,
                Poll::Ready(Err(PumpError::Source(_) | PumpError::Sink)) => {
                    self.failed = true;
                    return true;
                }
            }
        }
        if !self.over {
            self.over = to.poll_shutdown(cx).is_ready();
        }
        self.over
    }
}
