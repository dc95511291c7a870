//! One gRPC call on an HTTP/2 connection: its head, its messages in, its messages out, its status.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use koinon_io_net::Drain;
use tokio::time::timeout;

use super::calls::{Call, Lasting, Unary, unknown};
use super::door::Inner;
use super::gate::Gate;
use super::pipe::{Incoming, Outgoing};
use crate::translate::Refused;
use crate::wire::frame::{FrameError, Frames};
use crate::wire::status::{Code, Status};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// Answers up to this size are handed over without waiting for the client to make room: they lie in memory anyway.
const AT_ONCE_BYTES_MAX: usize = 32 * 1024;

/// One call, and how far it has come.
pub(super) struct Exchange {
    call: Result<Call, Unfit>,
    requests: Requests,
    respond: SendResponse<Bytes>,
    stage: Stage,
}

/// How far a unary call has come.
enum Stage {
    Begun,
    /// Its request is here.
    Asked(Bytes),
    /// Its answer is made and not sent.
    Answered(Result<Bytes, Status>),
}

/// Why a request is no call.
enum Unfit {
    NotGrpc,
    Unknown(Status),
}

impl Exchange {
    /// A call whose head was read; its messages have at most `len_max` bytes.
    pub(super) fn new(request: Request<RecvStream>, respond: SendResponse<Bytes>, len_max: usize) -> Self {
        let call = if request.method() == Method::POST && is_grpc(request.headers()) {
            let path = request.uri().path();
            Call::at(path).ok_or_else(|| Unfit::Unknown(unknown(path)))
        } else {
            Err(Unfit::NotGrpc)
        };
        Self {
            call,
            requests: Requests {
                body: request.into_body(),
                frames: Frames::new(len_max),
            },
            respond,
            stage: Stage::Begun,
        }
    }

    /// Answers a call whose request is here whole, if memory can answer it: then nothing is made that would wait for
    /// anything. Whether it did; if not, [`Self::go_on`] is for it.
    pub(super) fn answer_at_once(&mut self, door: &Inner, cx: &mut Context<'_>) -> bool {
        let Ok(Call::Unary(Unary::Range)) = self.call else {
            return false;
        };
        let Poll::Ready(request) = self.requests.poll_only(cx) else {
            return false;
        };
        let answer = match request {
            Ok(message) => match door.range_at_once(message.clone()) {
                Some(answer) => answer,
                None => {
                    self.stage = Stage::Asked(message);
                    return false;
                }
            },
            Err(status) => Err(status),
        };
        if answer
            .as_ref()
            .is_ok_and(|framed| framed.len() > AT_ONCE_BYTES_MAX)
        {
            self.stage = Stage::Answered(answer);
            return false;
        }
        door.stats.count(answer.is_ok());
        match answer {
            Ok(framed) => drop(send_small(&mut self.respond, framed)),
            Err(status) => send_status(&mut self.respond, &status),
        }
        true
    }

    /// Answers the call.
    pub(super) async fn go_on(mut self, door: Arc<Inner>, drain: Drain) {
        match self.call {
            Ok(Call::Unary(call)) => self.unary(call, &door, &drain).await,
            Ok(Call::Lasting(call)) => Box::pin(self.lasting(call, &door, &drain)).await,
            Err(Unfit::Unknown(status)) => {
                door.stats.count(false);
                send_status(&mut self.respond, &status);
            }
            Err(Unfit::NotGrpc) => {
                let mut refusal = Response::new(());
                *refusal.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                drop(self.respond.send_response(refusal, true));
            }
        }
    }

    async fn unary(&mut self, call: Unary, door: &Inner, drain: &Drain) {
        let asked = match std::mem::replace(&mut self.stage, Stage::Begun) {
            Stage::Begun => self.requests.only().await,
            Stage::Asked(message) => Ok(message),
            Stage::Answered(answer) => {
                door.stats.count(answer.is_ok());
                return finish_unary(&mut self.respond, answer, door.limits.stall_timeout).await;
            }
        };
        let answer = match asked {
            Ok(message) if call.waits() => {
                answer_or_gone(door, call, message, drain, &mut self.respond).await
            }
            Ok(message) => door.unary(call, message).await,
            Err(status) => Err(status),
        };
        door.stats.count(answer.is_ok());
        finish_unary(&mut self.respond, answer, door.limits.stall_timeout).await;
    }

    async fn lasting(self, call: Lasting, door: &Inner, drain: &Drain) {
        let mut answers = Answers::new(self.respond, door.limits.stall_timeout);
        let ended = {
            let mut running = pin!(door.lasting(call, self.requests, &mut answers));
            let (mut stopped, gate) = (pin!(drain.cancelled()), Gate::new());
            poll_fn(|cx| {
                if let Poll::Ready(ended) = running.as_mut().poll(cx) {
                    return Poll::Ready(ended);
                }
                gate.poll(cx, |cx| stopped.as_mut().poll(cx))
                    .map(|()| Err(Refused::Stopped.into()))
            })
            .await
        };
        door.stats.count(ended.is_ok());
        answers.finish(ended);
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// A call that waits for others ends when its client goes away, and when the process does.
async fn answer_or_gone(
    door: &Inner,
    call: Unary,
    message: Bytes,
    drain: &Drain,
    respond: &mut SendResponse<Bytes>,
) -> Result<Bytes, Status> {
    let gone = || Status::new(Code::Canceled, "context canceled");
    tokio::select! {
        biased;
        answer = door.unary(call, message) => answer,
        _ = poll_fn(|cx| respond.poll_reset(cx)) => Err(gone()),
        () = drain.cancelled() => Err(Refused::Stopped.into()),
    }
}

/// Sends an answer that need not wait for room.
fn send_small(respond: &mut SendResponse<Bytes>, framed: Bytes) -> Result<(), h2::Error> {
    let mut stream = respond.send_response(answer_head(), false)?;
    stream.send_data(framed, false)?;
    stream.send_trailers(trailers(&Ok(())))
}

async fn finish_unary(respond: &mut SendResponse<Bytes>, answer: Result<Bytes, Status>, stall: Duration) {
    let framed = match answer {
        Ok(framed) => framed,
        Err(status) => return send_status(respond, &status),
    };
    if framed.len() <= AT_ONCE_BYTES_MAX {
        // A client that has gone needs no answer.
        drop(send_small(respond, framed));
        return;
    }
    let Ok(mut stream) = respond.send_response(answer_head(), false) else {
        return;
    };
    if send_framed(&mut stream, framed, stall).await.is_ok() {
        drop(stream.send_trailers(trailers(&Ok(()))));
    }
}

fn answer_head() -> Response<()> {
    let mut head = Response::new(());
    head.headers_mut().insert(CONTENT_TYPE, GRPC);
    head
}

fn trailers(ended: &Result<(), Status>) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    match ended {
        Ok(()) => {
            trailers.insert(GRPC_STATUS, HeaderValue::from_static(Code::Ok.digits()));
        }
        Err(status) => {
            trailers.insert(GRPC_STATUS, HeaderValue::from_static(status.code.digits()));
            if let Ok(text) = HeaderValue::try_from(status.escaped()) {
                trailers.insert(GRPC_MESSAGE, text);
            }
        }
    }
    trailers
}

/// An answer that is only a status.
fn send_status(respond: &mut SendResponse<Bytes>, status: &Status) {
    let mut head = answer_head();
    head.headers_mut().extend(trailers(&Err(status.clone())));
    drop(respond.send_response(head, true));
}

/// Sends one large message: as fast as the client makes room, and it is given up when that takes too long.
async fn send_framed(
    stream: &mut SendStream<Bytes>,
    mut framed: Bytes,
    stall: Duration,
) -> Result<(), Status> {
    while !framed.is_empty() {
        let room = timeout(stall, room(stream, framed.len())).await;
        let Ok(Some(room)) = room else {
            stream.send_reset(Reason::CANCEL);
            return Err(gone());
        };
        let piece = framed.split_to(room.min(framed.len()));
        stream.send_data(piece, false).map_err(|_| gone())?;
    }
    Ok(())
}

/// How much the client can take now, at least a byte; `None` if it is gone.
async fn room(stream: &mut SendStream<Bytes>, wanted: usize) -> Option<usize> {
    stream.reserve_capacity(wanted);
    loop {
        match poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(Ok(0)) => {}
            Some(Ok(room)) => return Some(room),
            Some(Err(_)) | None => return None,
        }
    }
}

fn gone() -> Status {
    Status::new(Code::Canceled, "context canceled")
}

/// A call's requests.
struct Requests {
    body: RecvStream,
    frames: Frames,
}

impl Requests {
    /// The one request of a unary call.
    async fn only(&mut self) -> Result<Bytes, Status> {
        poll_fn(|cx| self.poll_only(cx)).await
    }

    fn poll_only(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Status>> {
        let message = ready!(self.poll_next(cx))?;
        let none = || Status::new(Code::Internal, "grpc: the request has no message");
        Poll::Ready(message.ok_or_else(none))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Status>> {
        loop {
            if let Some(message) = self.frames.take().map_err(refused)? {
                return Poll::Ready(Ok(Some(message)));
            }
            match ready!(self.body.poll_data(cx)) {
                Some(Ok(piece)) => {
                    // It is ours now; the client may send as much again.
                    drop(self.body.flow_control().release_capacity(piece.len()));
                    self.frames.push(piece);
                }
                Some(Err(_)) => return Poll::Ready(Err(gone())),
                None => {
                    self.frames.end().map_err(refused)?;
                    return Poll::Ready(Ok(None));
                }
            }
        }
    }
}

impl Incoming for Requests {
    async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        poll_fn(|cx| self.poll_next(cx)).await
    }
}

fn refused(error: FrameError) -> Status {
    let code = match &error {
        FrameError::TooLarge { .. } => Code::ResourceExhausted,
        FrameError::Compressed => Code::Unimplemented,
        FrameError::Torn => Code::Internal,
    };
    Status::new(code, error.to_string())
}

/// A lasting call's answers. Its head is sent with the first of them, so that a call that fails before is only a status.
struct Answers {
    sending: Sending,
    stall: Duration,
}

enum Sending {
    Head(SendResponse<Bytes>),
    Messages(SendStream<Bytes>),
    Nothing,
}

impl Answers {
    fn new(respond: SendResponse<Bytes>, stall: Duration) -> Self {
        Self {
            sending: Sending::Head(respond),
            stall,
        }
    }

    fn stream(&mut self) -> Result<&mut SendStream<Bytes>, Status> {
        if let Sending::Head(respond) = &mut self.sending {
            self.sending = match respond.send_response(answer_head(), false) {
                Ok(stream) => Sending::Messages(stream),
                Err(_) => Sending::Nothing,
            };
        }
        match &mut self.sending {
            Sending::Messages(stream) => Ok(stream),
            Sending::Head(_) | Sending::Nothing => Err(gone()),
        }
    }

    fn finish(mut self, ended: Result<(), Status>) {
        match (&mut self.sending, &ended) {
            (Sending::Head(respond), Err(status)) => send_status(respond, status),
            _ => {
                if let Ok(stream) = self.stream() {
                    drop(stream.send_trailers(trailers(&ended)));
                }
            }
        }
    }
}

impl Outgoing for Answers {
    async fn send(&mut self, framed: Bytes) -> Result<(), Status> {
        let stall = self.stall;
        let stream = self.stream()?;
        // Unlike a single answer, a stream may be endless: each message waits for its room.
        stream.reserve_capacity(framed.len());
        if stream.capacity() >= framed.len() {
            return stream.send_data(framed, false).map_err(|_| gone());
        }
        send_in_room(stream, framed, stall).await
    }

    async fn closed(&mut self) -> Status {
        let _reason = match &mut self.sending {
            Sending::Head(respond) => poll_fn(|cx| respond.poll_reset(cx)).await,
            Sending::Messages(stream) => poll_fn(|cx| stream.poll_reset(cx)).await,
            Sending::Nothing => return gone(),
        };
        gone()
    }
}

/// Sends a message of a stream piece by piece, without end if the client takes a little now and then. A client that takes
/// nothing at all keeps only this message waiting, for it may come back: its connection's pulse says whether it lives.
async fn send_in_room(
    stream: &mut SendStream<Bytes>,
    mut framed: Bytes,
    _stall: Duration,
) -> Result<(), Status> {
    while !framed.is_empty() {
        let room = room(stream, framed.len()).await.ok_or_else(gone)?;
        let piece = framed.split_to(room.min(framed.len()));
        stream.send_data(piece, false).map_err(|_| gone())?;
    }
    Ok(())
}
