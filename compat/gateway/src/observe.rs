//! Sends one connection's bytes through a proxy and writes down what arrived behind it and what came back.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use koinon_core_http1::laws::message::{Kind, Message, Stop};
use koinon_core_http1::laws::reference;
use koinon_testkit::{Exchange, Recorder, Result, exchange};

use crate::generate::Sent;

/// No answer takes longer.
const WITHIN: Duration = Duration::from_secs(10);
/// After so long without a byte nothing more will come of what was not understood.
const QUIET: Duration = Duration::from_millis(700);

/// What became of one connection's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The requests that arrived, whole.
    pub arrived: Vec<Request>,
    /// Whether bytes arrived that are no request to a strict reader.
    pub garbage: bool,
    /// The statuses of the final answers.
    pub statuses: Vec<u16>,
    /// Whether the proxy closed the connection.
    pub closed: bool,
}

/// A request as it arrived, without what every proxy changes for every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Its target.
    pub target: String,
    /// Its fields: names in lower case, in the order of names, without the framing's and `Host`.
    pub fields: Vec<(String, String)>,
    /// What its `Host` says.
    pub host: String,
    /// Its content.
    pub content: Vec<u8>,
    /// The fields behind it.
    pub trailer: Vec<(String, String)>,
}

/// A proxy with an upstream of its own, so that what arrives is known to be of the connection that was just open.
#[derive(Debug)]
pub struct Lane {
    /// Where the proxy listens.
    pub proxy: SocketAddr,
    /// What is behind it.
    pub recorder: Recorder,
}

/// Sends everything through the lanes, each connection through one of them.
///
/// # Errors
/// When a proxy cannot be connected to.
pub fn observe(lanes: &[Lane], all: &[Sent]) -> Result<Vec<Seen>> {
    let next = AtomicUsize::new(0);
    let seen = Mutex::new(vec![None; all.len()]);
    let run = |lane: &Lane| -> Result<()> {
        while let Some((number, sent)) = {
            let number = next.fetch_add(1, Ordering::SeqCst);
            all.get(number).map(|sent| (number, sent))
        } {
            let one = observe_one(lane, sent)?;
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen[number] = Some(one);
        }
        Ok(())
    };
    let outcome = thread::scope(|scope| {
        let running: Vec<_> = lanes.iter().map(|lane| scope.spawn(|| run(lane))).collect();
        let mut outcome = Ok(());
        for lane in running {
            let ended = lane
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            outcome = outcome.and(ended);
        }
        outcome
    });
    outcome?;
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(seen.into_iter().flatten().collect())
}

fn observe_one(lane: &Lane, sent: &Sent) -> Result<Seen> {
    let _before = lane.recorder.take();
    let (expected, stop) = reference::read(Kind::Request, &sent.bytes);
    let is_head = expected.first().is_some_and(|request| request.what.0 == b"HEAD");
    let mut last = (0, Instant::now());
    let came = exchange(lane.proxy, &[&sent.bytes], WITHIN, |came| {
        if came.received.len() != last.0 {
            last = (came.received.len(), Instant::now());
        }
        // Everything was understood and answered; or nothing more comes.
        let answered = stop == Stop::Clean && answers(came, is_head).len() >= expected.len();
        answered || last.1.elapsed() >= QUIET
    })?;
    let arrived = lane.recorder.take();
    Ok(Seen {
        arrived: arrived.requests.iter().map(request).collect(),
        garbage: arrived
            .rest
            .iter()
            .any(|bytes| reference::read(Kind::Request, bytes).1 == Stop::Malformed),
        statuses: answers(&came, is_head),
        closed: came.closed,
    })
}

/// The statuses of the final answers, of which the first may answer HEAD.
fn answers(came: &Exchange, is_head: bool) -> Vec<u16> {
    if !is_head {
        return came.statuses();
    }
    let kind = Kind::Response { answers_head: true };
    let first = reference::read(kind, &came.received).0.into_iter().next();
    let status = first.and_then(|answer| String::from_utf8(answer.what.0).ok()?.parse().ok());
    status.into_iter().collect()
}

fn request(message: &Message) -> Request {
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let pairs = |fields: &[(Vec<u8>, Vec<u8>)]| -> Vec<(String, String)> {
        let pair = |(name, value): &(Vec<u8>, Vec<u8>)| (text(name).to_ascii_lowercase(), text(value));
        fields.iter().map(pair).collect()
    };
    let mut fields = pairs(&message.fields);
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    let host = fields
        .iter()
        .find(|field| field.0 == "host")
        .map(|field| field.1.clone());
    let left_out = BTreeSet::from(["host", "content-length", "transfer-encoding"]);
    fields.retain(|field| !left_out.contains(&*field.0));
    Request {
        method: text(&message.what.0),
        target: text(&message.what.1),
        fields,
        host: host.unwrap_or_default(),
        content: message.content.clone(),
        trailer: pairs(&message.trailer),
    }
}
