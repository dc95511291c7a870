//! HTTP/1.1: which path is whose, the host guard, and answers that last.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use koinon_io_net::{Drain, HostGuard};

use super::door::{Door, Inner};
use super::gateway::{self, Streaming};
use super::{probes, v2};

/// The HTTP/1.1 side of a door.
#[derive(Clone)]
pub(super) struct Service {
    shared: Arc<Shared>,
}

/// What its requests share.
pub(super) struct Shared {
    pub(super) door: Arc<Inner>,
    pub(super) guard: HostGuard,
    pub(super) drain: Drain,
    pub(super) v2: v2::State,
}

impl Service {
    pub(super) fn new(door: Door, guard: HostGuard, drain: Drain) -> Self {
        let shared = Shared {
            v2: v2::State::new(&door.inner, &drain),
            door: door.inner,
            guard,
            drain,
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(answer(shared, request).await) })
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Response<Answer> {
    let (head, body) = request.into_parts();
    if let Err(refused) = shared.guard.check(&head) {
        return text(StatusCode::FORBIDDEN, format!("{refused}\n"));
    }
    let path = head.uri.path();
    if path.starts_with("/v3/") || path.starts_with("/v3beta/") {
        return gateway::answer(shared, &head, body).await;
    }
    match v2::answer(&shared, &head, body).await {
        Some(answer) => answer,
        None => probes::answer(&shared, &head).await,
    }
}

/// A plain text.
pub(super) fn text(status: StatusCode, text: String) -> Response<Answer> {
    whole(
        status,
        HeaderValue::from_static("text/plain; charset=utf-8"),
        text.into(),
    )
}

/// JSON in one piece.
pub(super) fn json(status: StatusCode, json: Vec<u8>) -> Response<Answer> {
    whole(status, HeaderValue::from_static("application/json"), json.into())
}

fn whole(status: StatusCode, content_type: HeaderValue, content: Bytes) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Some(content)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// An answer's content.
pub(super) enum Answer {
    /// All of it.
    Whole(Option<Bytes>),
    /// As it comes.
    Lasting(Streaming),
    /// Events of v2 as they come.
    Watching(v2::Watching),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(content) => Poll::Ready(content.take().map(|content| Ok(Frame::data(content)))),
            Self::Lasting(streaming) => streaming
                .poll_piece(cx)
                .map(|piece| piece.map(|piece| Ok(Frame::data(piece)))),
            Self::Watching(watching) => watching
                .poll_piece(cx)
                .map(|piece| piece.map(|piece| Ok(Frame::data(piece)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(content) => SizeHint::with_exact(content.as_ref().map_or(0, Bytes::len) as u64),
            Self::Lasting(_) | Self::Watching(_) => SizeHint::default(),
        }
    }
}
