//! `GET /v1/watch` and `GET /v1/services/{service}/watch`: following the registry as server-sent events.
//!
//! The stream is pulled: nothing is read from the registry before the client has taken what was written, so a
//! slow client costs one event's memory and, when it has fallen too far behind, a new snapshot.
//!
//! Invariant: an event's `id` is the position that it, and all before it, bring the client to; a client that sends
//! it back as `Last-Event-ID` misses nothing and, unless it has been away for too long, is told nothing twice.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use koinon_base::ServiceName;
use koinon_core_registry::{Change, ChangeKind, ServiceView};
use koinon_io_net::{Background, Drain};
use koinon_service_registry::{Event, Position, Subscription};
use tokio::time::sleep;

use super::State;
use super::extract::{Asked, InNamespace, Segments};
use crate::translate::{self, ApiError};
use crate::wire::{ErrorBody, Problem, WatchSnapshot, sse};

/// The header with which a client resumes.
const LAST_EVENT_ID: &str = "last-event-id";

/// Follow all services of a namespace
///
/// Server-sent events: first `snapshot` (data: `WatchSnapshot`), then `upsert` (data: `Instance`) and `remove`
/// (data: `Removed`) in the order of the changes; a later `snapshot` replaces all that is known. Send the last
/// event's `id` as `Last-Event-ID` to go on from there.
#[utoipa::path(
    get, path = "/v1/watch", operation_id = "watch_services", tag = "services",
    params(InNamespace, ("Last-Event-ID" = Option<String>, Header, description = "The position to resume from")),
    responses(
        (status = 200, body = WatchSnapshot, content_type = "text/event-stream"),
        (status = "default", body = ErrorBody, description = "An error"),
    ),
)]
pub(super) async fn all(
    extract::State(state): extract::State<State>,
    Asked(asked): Asked<InNamespace>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    follow(&state, &asked, None, &headers)
}

/// Follow one service
///
/// As `/v1/watch`, with the changes of this service only. It need not have instances yet.
#[utoipa::path(
    get, path = "/v1/services/{service}/watch", operation_id = "watch_service", tag = "services",
    params(
        ("service" = String, Path), InNamespace,
        ("Last-Event-ID" = Option<String>, Header, description = "The position to resume from"),
    ),
    responses(
        (status = 200, body = WatchSnapshot, content_type = "text/event-stream"),
        (status = "default", body = ErrorBody, description = "An error"),
    ),
)]
pub(super) async fn one(
    extract::State(state): extract::State<State>,
    Segments(service): Segments<String>,
    Asked(asked): Asked<InNamespace>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    follow(&state, &asked, Some(translate::service(&service)?), &headers)
}

fn follow(
    state: &State,
    asked: &InNamespace,
    service: Option<ServiceName>,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let namespace = translate::namespace(asked.namespace.as_deref())?;
    let position = headers.get(LAST_EVENT_ID).map(position_of).transpose()?;
    let subscription = state.door.registry.subscribe(&namespace, service, position)?;
    let follower = Follower {
        subscription,
        drain: state.drain.clone(),
        heartbeat: state.door.watch_heartbeat,
        background: state.door.background.clone(),
        unsent: VecDeque::from([Piece::Text(Bytes::from_static(sse::HELLO))]),
    };
    let mut answer = Body::new(WatchBody(Box::pin(follower.next()))).into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

fn position_of(value: &HeaderValue) -> Result<Position, ApiError> {
    let bad = || ApiError::invalid(vec![Problem::new("Last-Event-ID", "is not a text")]);
    Ok(value.to_str().map_err(|_| bad())?.parse::<Position>()?)
}

/// A part of the stream that is ready to be written.
enum Piece {
    Text(Bytes),
    /// One service of a snapshot; `first` has no comma before it.
    Service {
        view: Arc<ServiceView>,
        first: bool,
    },
}

impl Piece {
    /// How many instances are to be written.
    fn items(&self) -> usize {
        match self {
            Self::Text(_) => 0,
            Self::Service { view, .. } => view.instances.len(),
        }
    }

    fn into_text(self) -> Bytes {
        match self {
            Self::Text(text) => text,
            Self::Service { view, first } => {
                let mut text = Vec::new();
                if !first {
                    text.push(b',');
                }
                sse::write_json(&mut text, &translate::service_view(&view));
                text.into()
            }
        }
    }
}

/// One watching client.
struct Follower {
    subscription: Subscription,
    drain: Drain,
    heartbeat: Duration,
    background: Background,
    /// Pieces of the latest event. A snapshot's hold references only; their text is made one by one.
    unsent: VecDeque<Piece>,
}

impl Follower {
    /// The next text to write, once the client has taken the one before; nothing when the stream ends.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if self.unsent.is_empty() {
            let event = tokio::select! {
                biased;
                () = self.drain.cancelled() => return None,
                event = self.subscription.next() => event?,
                () = sleep(self.heartbeat) => return Some((Bytes::from_static(sse::HEARTBEAT), self)),
            };
            self.take(event);
        }
        let piece = self.unsent.pop_front()?;
        let text = self
            .background
            .run(piece.items(), move || piece.into_text())
            .await;
        Some((text, self))
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Snapshot { position, services } => {
                self.unsent.push_back(Piece::Text(sse::snapshot_head(position)));
                let views = services.into_iter().enumerate();
                self.unsent
                    .extend(views.map(|(at, view)| Piece::Service { view, first: at == 0 }));
                self.unsent
                    .push_back(Piece::Text(Bytes::from_static(sse::SNAPSHOT_TAIL)));
            }
            Event::Changes { position, changes } => {
                self.unsent
                    .push_back(Piece::Text(changes_text(position, &changes)));
            }
        }
    }
}

/// Each change has the position right after it; the last one the position of all, which may be later.
fn changes_text(position: Position, changes: &[Change]) -> Bytes {
    let mut text = Vec::new();
    for (at, change) in changes.iter().enumerate() {
        let revision = if at + 1 == changes.len() {
            position.revision
        } else {
            change.revision
        };
        let here = Position { revision, ..position };
        match change.kind {
            ChangeKind::Added | ChangeKind::Modified => {
                sse::write_event(&mut text, "upsert", here, &translate::instance(&change.instance));
            }
            ChangeKind::Removed => {
                sse::write_event(&mut text, "remove", here, &translate::removed(&change.instance));
            }
        }
    }
    text.into()
}

/// The follower as a body: each frame is one step of it.
struct WatchBody(Step);

type Step = Pin<Box<dyn Future<Output = Option<(Bytes, Follower)>> + Send>>;

impl fmt::Debug for WatchBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchBody").finish_non_exhaustive()
    }
}

impl http_body::Body for WatchBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some((text, follower)) = ready!(self.0.as_mut().poll(cx)) else {
            return Poll::Ready(None);
        };
        self.0 = Box::pin(follower.next());
        Poll::Ready(Some(Ok(Frame::data(text))))
    }
}
