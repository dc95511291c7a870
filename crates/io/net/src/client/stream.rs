//! An answer whose body is read as it comes: bytes, or server-sent events.

use std::time::Duration;

use http::response::Parts;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use tokio::time::timeout;

use super::ClientError;
use super::connection::Connection;
use super::sse::{Event, Parser};

/// The answer's head, and its body to come.
#[derive(Debug)]
pub struct AnswerStream {
    endpoint: String,
    head: Parts,
    body: Incoming,
    _connection: Connection,
    parser: Parser,
    limit: usize,
}

impl AnswerStream {
    pub(super) fn new(
        endpoint: String,
        head: Parts,
        body: Incoming,
        connection: Connection,
        limit: usize,
    ) -> Self {
        Self {
            endpoint,
            head,
            body,
            _connection: connection,
            parser: Parser::new(limit),
            limit,
        }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The next piece, waiting at most `idle`; nothing when the answer has ended.
    ///
    /// # Errors
    /// When the connection broke or nothing came in time.
    pub async fn chunk(&mut self, idle: Duration) -> Result<Option<Bytes>, ClientError> {
        loop {
            let frame = timeout(idle, self.body.frame())
                .await
                .map_err(|_elapsed| ClientError::TimedOut {
                    endpoint: self.endpoint.clone(),
                    method: Method::GET,
                    waited: idle,
                })?;
            let frame = frame.transpose().map_err(|source| ClientError::Lost {
                endpoint: self.endpoint.clone(),
                method: Method::GET,
                source: source.into(),
            })?;
            // Trailers are the only other kind of frame, and the last one.
            match frame.map(hyper::body::Frame::into_data) {
                Some(Ok(data)) => return Ok(Some(data)),
                Some(Err(_trailers)) => {}
                None => return Ok(None),
            }
        }
    }

    /// The whole rest, for an answer that turned out to be an error.
    ///
    /// # Errors
    /// As [`Self::chunk`], or when it is larger than the client's limit.
    pub async fn rest(&mut self, idle: Duration) -> Result<Bytes, ClientError> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk(idle).await? {
            if whole.len() + chunk.len() > self.limit {
                return Err(self.too_large());
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.into())
    }

    /// The next server-sent event; `idle` is the longest silence, comments of the server count as life.
    ///
    /// # Errors
    /// As [`Self::chunk`], or when one event is larger than the client's limit.
    pub async fn event(&mut self, idle: Duration) -> Result<Option<Event>, ClientError> {
        loop {
            if let Some(event) = self.parser.poll_event() {
                return Ok(Some(event));
            }
            let Some(chunk) = self.chunk(idle).await? else {
                return Ok(None);
            };
            if self.parser.handle_bytes(&chunk).is_err() {
                return Err(self.too_large());
            }
        }
    }

    fn too_large(&self) -> ClientError {
        ClientError::TooLarge {
            endpoint: self.endpoint.clone(),
            limit: self.limit,
        }
    }
}
