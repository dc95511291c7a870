//! The JSON gateway: every call as a POST with JSON in and out, a lasting one with a line for each answer.
//!
//! One way for all calls: the path names the call, descriptors turn JSON into its message and back, and the same functions
//! answer it that answer gRPC.

mod routes;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, request};
use hyper::body::Incoming as HttpBody;
use koinon_io_net::{ReadBodyError, read_body_limited};
use serde::Serialize;
use tokio::sync::mpsc;

use self::routes::route;
use super::calls::{Call, Lasting, Unary};
use super::http1::{Answer, Shared, json};
use super::pipe::{Incoming, Outgoing};
use crate::translate::Refused;
use crate::wire::frame;
use crate::wire::json::{JsonError, Piece, Shapes};
use crate::wire::status::{Code, Status};

/// How long a request's body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Base 64 takes four characters for three bytes, and there are names and blanks.
const JSON_FOR_BYTES: usize = 2;
/// The most bytes of a lasting call's request. What came of one is read anew whenever more comes, so it must be short.
const LASTING_JSON_MAX: usize = 128 * 1024;
/// Answers of a lasting call that wait for the connection.
const ANSWERS_WAITING_MAX: usize = 4;
/// What etcd's gateway says of an answer that came by gRPC.
const CAME_BY: HeaderName = HeaderName::from_static("grpc-metadata-content-type");

/// An error as etcd's gateways write it: the older ones have `error`, the newer ones `details` where there are any.
#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    code: u8,
    message: &'a str,
}

/// Answers a request below `/v3/`.
pub(super) async fn answer(shared: Arc<Shared>, head: &request::Parts, body: HttpBody) -> Response<Answer> {
    let Some((service, method)) = route(head.uri.path()) else {
        return failed(&Status::new(Code::NotFound, "Not Found"));
    };
    if head.method != Method::POST {
        return failed(&Status::new(Code::Unimplemented, "Method Not Allowed"));
    }
    let shapes = match Shapes::of(service, method) {
        Ok(shapes) => shapes,
        Err(error) => return failed(&Status::new(Code::Unimplemented, error.to_string())),
    };
    match Call::at(&format!("/{service}/{method}")) {
        Some(Call::Unary(call)) => unary(&shared, call, &shapes, body).await,
        Some(Call::Lasting(call)) => lasting(shared, call, shapes, body),
        None => failed(&Status::new(Code::NotFound, "Not Found")),
    }
}

async fn unary(shared: &Shared, call: Unary, shapes: &Shapes, body: HttpBody) -> Response<Answer> {
    let answered = answer_unary(shared, call, shapes, body).await;
    shared.door.stats.count(answered.is_ok());
    match answered {
        Ok(content) => from_grpc(json(StatusCode::OK, content)),
        Err(status) => failed(&status),
    }
}

async fn answer_unary(
    shared: &Shared,
    call: Unary,
    shapes: &Shapes,
    body: HttpBody,
) -> Result<Vec<u8>, Status> {
    let body = read_body_limited(body, json_max(shared), BODY_TIMEOUT)
        .await
        .map_err(unread)?;
    let message = match shapes.read(&body).map_err(malformed)? {
        Piece::Message(message, _) => message,
        Piece::Nothing => Bytes::new(),
        Piece::Unfinished => return Err(unfinished()),
    };
    let framed = tokio::select! {
        biased;
        framed = shared.door.unary(call, message) => framed?,
        () = shared.drain.cancelled(), if call.waits() => return Err(Refused::Stopped.into()),
    };
    let mut out = Vec::new();
    shapes.write(frame::body(framed), &mut out).map_err(malformed)?;
    Ok(out)
}

fn json_max(shared: &Shared) -> usize {
    shared.door.limits.message_bytes_max() * JSON_FOR_BYTES
}

fn from_grpc(mut response: Response<Answer>) -> Response<Answer> {
    response
        .headers_mut()
        .insert(CAME_BY, HeaderValue::from_static("application/grpc"));
    response
}

fn failed(status: &Status) -> Response<Answer> {
    let code = StatusCode::from_u16(status.code.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(code, serde_json::to_vec(&body_of(status)).unwrap_or_default())
}

fn body_of(status: &Status) -> ErrorBody<'_> {
    ErrorBody {
        error: &status.text,
        code: status.code as u8,
        message: &status.text,
    }
}

fn malformed(error: JsonError) -> Status {
    Status::new(Code::InvalidArgument, error.to_string())
}

fn unfinished() -> Status {
    Status::new(Code::InvalidArgument, "unexpected EOF")
}

fn unread(error: ReadBodyError) -> Status {
    match error {
        ReadBodyError::TooLarge { .. } => Refused::TooLarge.into(),
        ReadBodyError::TimedOut { .. } | ReadBodyError::Broken(_) => {
            Status::new(Code::InvalidArgument, error.to_string())
        }
    }
}

/// A call that answers line by line. Whether it fails is only known after its head is sent: then the last line says so.
fn lasting(shared: Arc<Shared>, call: Lasting, shapes: Shapes, body: HttpBody) -> Response<Answer> {
    let (sender, answers) = mpsc::channel(ANSWERS_WAITING_MAX);
    let requests = Values {
        len_max: LASTING_JSON_MAX,
        body: Some(body),
        input: BytesMut::new(),
        shapes: shapes.clone(),
        read: 0,
        many: call != Lasting::Snapshot,
    };
    let running = async move {
        let mut lines = Lines(sender);
        tokio::select! {
            biased;
            ended = shared.door.lasting(call, requests, &mut lines) => {
                shared.door.stats.count(ended.is_ok());
                ended
            }
            () = shared.drain.cancelled() => Err(Refused::Stopped.into()),
        }
    };
    let streaming = Streaming {
        running: Some(Box::pin(running)),
        answers,
        shapes,
    };
    let mut response = Response::new(Answer::Lasting(streaming));
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    from_grpc(response)
}

type Running = Pin<Box<dyn Future<Output = Result<(), Status>> + Send>>;

/// A lasting call and its answers as lines; dropping it ends the call.
pub(super) struct Streaming {
    running: Option<Running>,
    answers: mpsc::Receiver<Bytes>,
    shapes: Shapes,
}

#[derive(Serialize)]
struct ErrorLine<'a> {
    error: ErrorBody<'a>,
}

impl Streaming {
    /// The next line; `None` when the call has ended.
    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut ended = None;
        if let Some(running) = &mut self.running
            && let Poll::Ready(result) = running.as_mut().poll(cx)
        {
            self.running = None;
            ended = result.err();
        }
        if let Some(status) = ended {
            return Poll::Ready(Some(error_line(&status)));
        }
        let Some(framed) = ready!(self.answers.poll_recv(cx)) else {
            return Poll::Ready(None);
        };
        let mut line = b"{\"result\":".to_vec();
        Poll::Ready(Some(match self.shapes.write(frame::body(framed), &mut line) {
            Ok(()) => {
                line.extend_from_slice(b"}\n");
                line.into()
            }
            Err(error) => error_line(&malformed(error)),
        }))
    }
}

fn error_line(status: &Status) -> Bytes {
    let line = ErrorLine {
        error: body_of(status),
    };
    let mut line = serde_json::to_vec(&line).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

/// The answers' way to [`Streaming`].
struct Lines(mpsc::Sender<Bytes>);

impl Outgoing for Lines {
    async fn send(&mut self, framed: Bytes) -> Result<(), Status> {
        self.0.send(framed).await.map_err(|_| gone())
    }

    async fn closed(&mut self) -> Status {
        self.0.closed().await;
        gone()
    }
}

fn gone() -> Status {
    Status::new(Code::Canceled, "context canceled")
}

/// A call's requests: the JSON values of a body, one after the other as they arrive.
struct Values {
    body: Option<HttpBody>,
    input: BytesMut,
    len_max: usize,
    shapes: Shapes,
    read: usize,
    many: bool,
}

impl Incoming for Values {
    async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            match self.shapes.read(&self.input).map_err(malformed)? {
                Piece::Message(message, taken) => {
                    drop(self.input.split_to(taken));
                    self.read += 1;
                    return Ok(Some(message));
                }
                Piece::Unfinished if self.body.is_none() => return Err(unfinished()),
                // No body at all asks for the defaults of a call that has one request.
                Piece::Nothing if self.body.is_none() => {
                    let none = self.read > 0 || self.many;
                    self.read += 1;
                    return Ok((!none).then(Bytes::new));
                }
                Piece::Unfinished | Piece::Nothing => self.fill().await?,
            }
        }
    }
}

impl Values {
    async fn fill(&mut self) -> Result<(), Status> {
        let Some(body) = &mut self.body else { return Ok(()) };
        let frame = std::future::poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut *body), cx)).await;
        match frame {
            None => self.body = None,
            Some(Err(_)) => return Err(gone()),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    if self.input.len() + data.len() > self.len_max {
                        return Err(Refused::TooLarge.into());
                    }
                    self.input.extend_from_slice(&data);
                }
            }
        }
        Ok(())
    }
}
