//! Passes a response on to the client.

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use koinon_core_http1::{BodyLength, BodyReader, Refusal, RequestHead, RequestPlan, ResponseHead, Version};
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
use crate::pace::Pace;
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
    let pace = Pace::new(path.client_pace, worker.node.settings.timeouts.idle);
    let moved = move_bodies(worker, client, &mut arrived, (&mut down, pace), total).await;
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
        Err(Break::OfEndpoint(refusal)) if !down.has_begun() => {
            let fault = refusal.map_or(Fault::UpstreamClosed, |_| Fault::UpstreamMalformed);
            return answer_fault(client, record, fault, Some(head), false).await;
        }
        Err(why) => {
            cut_off(worker, client, record, &why, passing.closes);
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

/// Why a response did not reach its client whole.
#[derive(Debug)]
enum Break {
    /// The endpoint closed, failed, fell silent or broke the rules.
    OfEndpoint(Option<Refusal>),
    /// The client went away.
    ClientGone,
    /// The client sends or takes too slowly.
    ClientSlow(Fault),
    /// The exchange as a whole took too long.
    TooLong,
}

impl From<PumpError> for Break {
    fn from(error: PumpError) -> Self {
        match error {
            PumpError::Source(refusal) => Self::OfEndpoint(refusal),
            PumpError::Sink => Self::ClientGone,
        }
    }
}

/// Notes why a response that has begun is not ended. `until_close`: its end is the connection's, so an orderly one would look
/// like the body's; a reset does not.
fn cut_off(worker: &Worker, client: &Client, record: &mut Record, why: &Break, until_close: bool) {
    let counts = worker.counts();
    let count = match why {
        Break::OfEndpoint(_) | Break::TooLong => &counts.truncated,
        Break::ClientGone | Break::ClientSlow(_) => &counts.aborted,
    };
    bump(count, 1);
    record.fault = match why {
        Break::OfEndpoint(_) => Some(Fault::UpstreamClosed),
        Break::ClientGone => None,
        Break::ClientSlow(fault) => Some(*fault),
        Break::TooLong => Some(Fault::TotalTimeout),
    };
    if let Some(fault) = record.fault {
        let upstream = record.upstream_name();
        tracing::debug!(reason = fault.code(), upstream, "a response was cut off");
    }
    // What a slow reader has not read yet would otherwise stay in the kernel for minutes.
    if until_close || record.fault == Some(Fault::ReaderTooSlow) {
        client.reset_on_close();
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
    (down, mut pace): (&mut Pump, Pace),
    total: Instant,
) -> Result<(), Break> {
    let idle = worker.node.settings.timeouts.idle;
    let Arrived {
        link, sending, head, ..
    } = arrived;
    let mut deadline = Clock::coarse() + idle;
    let mut stuck = false;
    // A client that is told no before it has sent everything does well to stop.
    let is_judged = head.status() < 300;
    poll_fn(|cx| {
        let mut moved = false;
        if let Some(up) = sending
            && !stuck
        {
            match up.poll(cx, client, link, &mut moved) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => *sending = None,
                // The endpoint has answered already; the rest of the request is nobody's.
                Poll::Ready(Err(_)) => stuck = true,
            }
        }
        let source = (&mut link.stream, &mut link.unread);
        let polled = down.poll(cx, source, &mut client.stream, &mut moved);
        if let Poll::Ready(result) = polled {
            return Poll::Ready(result.map_err(Break::from));
        }
        if moved {
            deadline = Clock::tick() + idle;
        }
        let now = Clock::coarse();
        let sends_until = sending
            .as_mut()
            .filter(|_| is_judged && !stuck)
            .and_then(|up| up.slow_at(now));
        let takes_until = pace.note(now, down.sent, down.is_held_up());
        // While it reads, its end shows in what is written; a silent endpoint would wait for nobody.
        if sending.is_none() && !down.is_held_up() && client.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Break::ClientGone));
        }
        let ends = [Some(deadline), sends_until, takes_until, Some(total)];
        let end = ends.into_iter().flatten().min().unwrap_or(total);
        let over = client.timer.poll(cx, end);
        over.map(|()| {
            let is_over = |until: Option<Instant>| until.is_some_and(|until| until <= Clock::coarse());
            Err(match down.is_held_up() {
                _ if is_over(Some(total)) => Break::TooLong,
                _ if is_over(sends_until) => Break::ClientSlow(Fault::BodyTooSlow),
                true => Break::ClientSlow(Fault::ReaderTooSlow),
                false => Break::OfEndpoint(None),
            })
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
