//! Passes a response on to the client.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use koinon_core_http1::{BodyLength, BodyReader, RequestHead, RequestPlan, ResponseHead, Version};
use koinon_core_route::Exchange;

use super::End;
use super::answer::answer_fault;
use super::client::Client;
use super::deliver::{Arrived, Reply};
use super::frame::frame_response;
use super::record::Record;
use crate::fault::Fault;
use crate::head::{ResponseEditor, strip_hop_by_hop};
use crate::io::{Clock, Scratch};
use crate::meter::bump;
use crate::pump::{Pump, PumpError};
use crate::snapshot::RoutePlan;
use crate::worker::Worker;

/// Passes the response on, and what is left of the request up; then both connections are free or closed.
#[expect(
    clippy::too_many_arguments,
    reason = "the two halves of an exchange meet here, each with its own state"
)]
pub(super) async fn relay(
    worker: &Worker,
    client: &mut Client,
    path: &RoutePlan,
    head: &RequestHead,
    plan: RequestPlan,
    reply: Reply,
    notes: &Exchange,
    record: &mut Record,
) -> End {
    let Reply {
        mut arrived,
        attempt,
        total,
    } = reply;
    client.unread.take(arrived.sent_from_buffer);
    client.unread.release();
    let hint = keep_alive_hint(&arrived.head);
    strip_hop_by_hop(arrived.head.fields_mut(), |_| false);
    run_filters(path, &mut arrived.head, notes);
    let takes_chunks = head.version() == Version::Http11;
    let passing = frame_response(
        &mut arrived.head,
        arrived.plan.body,
        takes_chunks,
        head.method() == "HEAD",
    );
    let keeps = plan.keep_alive && !passing.closes && arrived.sending.is_none() && !client.is_draining();
    let connection = match (keeps, takes_chunks) {
        (false, _) => Some("close"),
        (true, false) => Some("keep-alive"),
        (true, true) => None,
    };
    // Fixed words are always valid.
    let _ = connection.is_none_or(|word| arrived.head.fields_mut().set("Connection", word.as_bytes()));
    let mut text = Scratch::new();
    arrived.head.write(&mut text);
    record.status = arrived.head.status();
    let mut down = Pump::new(BodyReader::new(passing.body), passing.framing, text);
    let moved = move_bodies(worker, client, &mut arrived, &mut down, total).await;
    record.bytes = down.passed;
    drop(attempt);
    let Arrived {
        link,
        head: response,
        plan: response_plan,
        sending,
        ..
    } = arrived;
    worker.keep_response_head(response);
    match moved {
        Ok(()) => {}
        Err(PumpError::Sink) => {
            bump(&worker.counts().aborted, 1);
            return End::Close;
        }
        Err(PumpError::Source(refusal)) if !down.has_begun() => {
            let fault = refusal.map_or(Fault::UpstreamClosed, |_| Fault::UpstreamMalformed);
            return answer_fault(client, record, fault, Some(head), false).await;
        }
        Err(PumpError::Source(_)) => {
            bump(&worker.counts().truncated, 1);
            record.fault = Some(Fault::UpstreamClosed);
            if passing.closes {
                // Its end would look like the body's; a reset does not.
                client.reset_on_close();
            }
            return End::Close;
        }
    }
    // A server that does not expect a body there reads it as its next request; then nobody else's may follow.
    let is_odd = plan.body != BodyLength::Empty && matches!(head.method(), "GET" | "HEAD");
    let is_clean = response_plan.keep_alive && !passing.drops_body && sending.is_none() && !is_odd;
    if is_clean && down.source_ended() && link.unread.is_empty() {
        worker.pool.borrow_mut().give(link.addr, link.stream, hint);
    }
    match (keeps, response_plan.body) {
        (true, _) => End::KeepAlive,
        (false, BodyLength::UntilClose) if passing.closes => End::Close,
        (false, _) => End::Linger,
    }
}

/// Has the route's filters change the response.
fn run_filters(path: &RoutePlan, head: &mut ResponseHead, notes: &Exchange) {
    if !path.route.has_after() {
        return;
    }
    let mut editor = ResponseEditor { head, failed: false };
    path.route.after(&mut editor, notes);
    if editor.failed {
        tracing::warn!(
            route = &*path.route.id,
            "a filter made a response header that is not valid; it is left out"
        );
    }
}

/// Moves the response down, and beside it what is left of the request up. Ends with the response.
async fn move_bodies(
    worker: &Worker,
    client: &mut Client,
    arrived: &mut Arrived,
    down: &mut Pump,
    total: std::time::Instant,
) -> Result<(), PumpError> {
    let idle = worker.node.settings.timeouts.idle;
    let Arrived { link, sending, .. } = arrived;
    let mut deadline = Clock::coarse() + idle;
    let mut stuck = false;
    poll_fn(|cx| {
        let mut moved = false;
        if let Some(up) = sending
            && !stuck
        {
            let source = (&mut client.stream, &mut client.unread);
            match up.poll(cx, source, &mut link.stream, &mut moved) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => *sending = None,
                // The endpoint has answered already; the rest of the request is nobody's.
                Poll::Ready(Err(_)) => stuck = true,
            }
        }
        let source = (&mut link.stream, &mut link.unread);
        let polled = down.poll(cx, source, &mut client.stream, &mut moved);
        if polled.is_ready() {
            return polled;
        }
        if moved {
            deadline = Clock::tick() + idle;
        }
        // While it reads, its end shows in what is written; a silent endpoint would wait for nobody.
        if sending.is_none() && !down.is_held_up() && client.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(PumpError::Sink));
        }
        let over = client.timer.poll(cx, deadline.min(total));
        over.map(|()| match down.is_held_up() {
            true => Err(PumpError::Sink),
            false => Err(PumpError::Source(None)),
        })
    })
    .await
}

/// How long the endpoint says it keeps the connection, less a second for the way.
fn keep_alive_hint(head: &ResponseHead) -> Option<Duration> {
    let value = head.fields().text("keep-alive")?;
    let seconds = value.split(',').find_map(|part| {
        let (name, seconds) = part.trim().split_once('=')?;
        name.trim().eq_ignore_ascii_case("timeout").then_some(())?;
        seconds.trim().parse::<u64>().ok()
    })?;
    Some(Duration::from_secs(seconds.saturating_sub(1)))
}
