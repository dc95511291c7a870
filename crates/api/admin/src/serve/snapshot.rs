//! `GET /v1/snapshot`: the whole store, as one stream of checked chunks.
//!
//! The stream is pulled: a chunk is read from the disk when the client has taken the one before, so a client costs one
//! chunk's memory. What it also costs is the space of all that is overwritten meanwhile; so few may read at once, and one
//! that stops reading is cut off by the listener.
//!
//! Invariant: an answer that ends is whole. When the store cannot be read to the end, the connection breaks instead.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http_body::Frame;
use koinon_base::ErrorKind;
use koinon_io_backend::BackendError;
use koinon_io_backend::snapshot::SnapshotChunks;
use koinon_io_net::Drain;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinError;

use super::State;
use crate::translate::ApiError;
use crate::wire::ErrorBody;

/// Snapshots that are read at the same time.
pub(super) const AT_ONCE_MAX: usize = 2;

/// Save the whole store
///
/// All keyspaces at one moment, with everything in it that was answered before: what `koinon snapshot save` writes to a
/// file and `koinon snapshot restore` makes a data folder of. The body ends with a SHA-256 over all of it; one that was
/// cut off has none.
#[utoipa::path(
    get, path = "/v1/snapshot", operation_id = "get_snapshot", tag = "operations",
    responses(
        (status = 200, description = "A snapshot", content_type = "application/octet-stream"),
        (status = "default", body = ErrorBody, description = "An error"),
    ),
)]
pub(super) async fn get(extract::State(state): extract::State<State>) -> Result<Response, ApiError> {
    let none = || ApiError::new(ErrorKind::NotFound, "this process has no store");
    let store = state.door.store.as_ref().ok_or_else(none)?;
    let place = Arc::clone(&state.door.snapshots).try_acquire_owned();
    let place = place.map_err(|_| {
        let message = format!("{AT_ONCE_MAX} snapshots are being read already; try again later");
        ApiError::new(ErrorKind::Overloaded, message)
    })?;
    let reader = Reader {
        chunks: store.snapshot().await?,
        drain: state.drain.clone(),
        _place: place,
    };
    let mut answer = Body::new(SnapshotBody(Some(Box::pin(reader.next())))).into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Why an answer broke off. Only the log sees it.
#[derive(Debug, thiserror::Error)]
enum BrokenOff {
    #[error("the store cannot be read")]
    Backend(#[from] BackendError),
    #[error("reading the store failed")]
    Reader(#[from] JoinError),
    #[error("the process is stopping")]
    Draining,
}

/// A snapshot on its way.
struct Reader {
    chunks: SnapshotChunks,
    drain: Drain,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// The next chunk, read where nobody waits for the disk; `None` after the last.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, BrokenOff> {
        if self.drain.is_draining() {
            return Err(BrokenOff::Draining);
        }
        let step = tokio::task::spawn_blocking(move || {
            let chunk = self.chunks.next().transpose()?;
            Ok(chunk.map(|chunk| (chunk, self)))
        });
        step.await?
    }
}

/// The reader as a body: each frame is one chunk.
struct SnapshotBody(Option<Step>);

type Step = Pin<Box<dyn Future<Output = Result<Option<(Bytes, Reader)>, BrokenOff>> + Send>>;

impl fmt::Debug for SnapshotBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotBody").finish_non_exhaustive()
    }
}

impl http_body::Body for SnapshotBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let Some(step) = self.0.as_mut() else {
            return Poll::Ready(None);
        };
        let done = ready!(step.as_mut().poll(cx));
        self.0 = None;
        match done {
            Ok(None) => Poll::Ready(None),
            Ok(Some((chunk, reader))) => {
                self.0 = Some(Box::pin(reader.next()));
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            Err(error) => {
                tracing::warn!(%error, "a snapshot broke off");
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}
