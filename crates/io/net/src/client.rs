//! A small HTTP/1.1 client for talking to one endpoint, in plain text.
//!
//! For the CLI's verbs, the sample service and tests: one connection is kept and reused, every step has a time,
//! every answer a size, and an error says whether the request may have been processed. It is not for proxying.
//!
//! Invariant: a request that may have been processed is repeated only if its method is idempotent (RFC 9110
//! §9.2.2), at most once, and only when a kept connection turned out to be closed.

mod connection;
mod endpoint;
mod error;
pub mod sse;
mod stream;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::{HOST, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use tokio::time::{Instant, timeout_at};

use crate::body::{ReadBodyError, read_body_limited};
use connection::{Connection, SendFailure};
pub use endpoint::Endpoint;
pub use error::ClientError;
pub use stream::AnswerStream;

/// The client's limits.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The longest wait for a connection. 2 s: the peers are near.
    pub connect_timeout: Duration,
    /// The longest wait for a whole answer (of a stream: for its head), connecting included. 10 s.
    pub total_timeout: Duration,
    /// The most bytes of an answer's body. 64 MiB: a listing of 100,000 instances fits.
    pub body_size_max: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            total_timeout: Duration::from_secs(10),
            body_size_max: 64 * 1024 * 1024,
        }
    }
}

/// What to ask for.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query, below the endpoint's own path; starts with `/`.
    pub path: String,
    /// Headers beside `Host` and `Content-Length`, which are added.
    pub headers: HeaderMap,
    /// The body; may be empty.
    pub body: Bytes,
}

impl Call {
    /// A call without headers and body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// The same call with a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// The same call with a JSON body.
    #[must_use]
    pub fn json(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", "application/json")
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// A client of one endpoint. Requests may run at once; each then has its own connection, and one is kept.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    options: ClientOptions,
    kept: Mutex<Option<Connection>>,
}

impl Client {
    /// A client of `endpoint`. Connects with the first request.
    #[must_use]
    pub fn new(endpoint: Endpoint, options: ClientOptions) -> Self {
        Self {
            endpoint,
            options,
            kept: Mutex::new(None),
        }
    }

    /// Where it sends its requests.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends `call` and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// When no answer came, or not all of it; see [`ClientError::kind`].
    pub async fn request(&self, call: &Call) -> Result<Answer, ClientError> {
        let deadline = Instant::now() + self.options.total_timeout;
        let (head, body, connection) = self.exchange(call, deadline).await?.into_parts();
        let left = deadline.saturating_duration_since(Instant::now());
        let body = read_body_limited(body, self.options.body_size_max, left)
            .await
            .map_err(|e| match e {
                ReadBodyError::TooLarge { limit } => ClientError::TooLarge {
                    endpoint: self.endpoint.to_string(),
                    limit,
                },
                ReadBodyError::TimedOut { .. } => self.timed_out(call),
                ReadBodyError::Broken(source) => self.lost(call, source),
            })?;
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    /// Sends `call` and returns as soon as the answer's head is there; its body is read piece by piece.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub async fn stream(&self, call: &Call) -> Result<AnswerStream, ClientError> {
        let deadline = Instant::now() + self.options.total_timeout;
        let (head, body, connection) = self.exchange(call, deadline).await?.into_parts();
        let endpoint = self.endpoint.to_string();
        Ok(AnswerStream::new(
            endpoint,
            head,
            body,
            connection,
            self.options.body_size_max,
        ))
    }

    async fn exchange(&self, call: &Call, deadline: Instant) -> Result<Exchange, ClientError> {
        let request = self.build(call)?;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(connection) = kept.filter(Connection::is_open) {
            match self.send(connection, call, request.clone(), deadline).await {
                Ok(done) => return Ok(done),
                // The server may close a connection that rests; that says nothing about this request.
                Err(Failed::Unsent(_)) => {}
                Err(Failed::Lost(_)) if call.method.is_idempotent() => {}
                Err(failed) => return Err(self.explain(call, failed)),
            }
        }
        let connect_by = deadline.min(Instant::now() + self.options.connect_timeout);
        let connection = Connection::open(&self.endpoint, connect_by).await?;
        self.send(connection, call, request, deadline)
            .await
            .map_err(|failed| self.explain(call, failed))
    }

    async fn send(
        &self,
        mut connection: Connection,
        call: &Call,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Exchange, Failed> {
        match timeout_at(deadline, connection.send(request)).await {
            Ok(Ok(response)) => Ok(Exchange { response, connection }),
            Ok(Err(SendFailure::Unsent(source))) => Err(Failed::Unsent(source)),
            Ok(Err(SendFailure::Lost(source))) => Err(Failed::Lost(source)),
            Err(_elapsed) => Err(Failed::Known(self.timed_out(call))),
        }
    }

    fn build(&self, call: &Call) -> Result<Request<Full<Bytes>>, ClientError> {
        let path = format!("{}{}", self.endpoint.base_path(), call.path);
        let bad = |source| ClientError::BadRequest {
            path: call.path.clone(),
            source,
        };
        let host = HeaderValue::from_str(self.endpoint.authority()).map_err(|e| bad(e.into()))?;
        let mut request = Request::builder()
            .method(&call.method)
            .uri(path)
            .header(HOST, host)
            .body(Full::new(call.body.clone()))
            .map_err(bad)?;
        request.headers_mut().extend(call.headers.clone());
        Ok(request)
    }

    fn explain(&self, call: &Call, failed: Failed) -> ClientError {
        match failed {
            Failed::Unsent(source) => ClientError::Unsent {
                endpoint: self.endpoint.to_string(),
                source,
            },
            Failed::Lost(source) => self.lost(call, source.into()),
            Failed::Known(error) => error,
        }
    }

    fn lost(&self, call: &Call, source: Box<dyn std::error::Error + Send + Sync>) -> ClientError {
        let (endpoint, method) = (self.endpoint.to_string(), call.method.clone());
        ClientError::Lost {
            endpoint,
            method,
            source,
        }
    }

    fn timed_out(&self, call: &Call) -> ClientError {
        let (endpoint, method) = (self.endpoint.to_string(), call.method.clone());
        ClientError::TimedOut {
            endpoint,
            method,
            waited: self.options.total_timeout,
        }
    }
}

/// An answer's head, and the connection that its body is still on.
struct Exchange {
    response: http::Response<Incoming>,
    connection: Connection,
}

impl Exchange {
    fn into_parts(self) -> (http::response::Parts, Incoming, Connection) {
        let (head, body) = self.response.into_parts();
        (head, body, self.connection)
    }
}

/// How sending failed, before it is known whether it will be tried again.
enum Failed {
    Unsent(hyper::Error),
    Lost(hyper::Error),
    Known(ClientError),
}
