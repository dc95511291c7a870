//! One client connection and the task that drives it.
//!
//! Invariant: dropping the connection ends the task, so that an abandoned request holds no socket.

use std::io;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::{ClientError, Endpoint};

pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
}

/// Whether the peer may have seen a request that failed.
pub(super) enum SendFailure {
    Unsent(hyper::Error),
    Lost(hyper::Error),
}

impl Connection {
    pub(super) async fn open(endpoint: &Endpoint, by: Instant) -> Result<Self, ClientError> {
        let failed = |source| ClientError::Connect {
            endpoint: endpoint.to_string(),
            source,
        };
        let stream = match timeout_at(by, TcpStream::connect(endpoint.host_and_port())).await {
            Ok(connected) => connected.map_err(failed)?,
            Err(_elapsed) => return Err(failed(io::ErrorKind::TimedOut.into())),
        };
        // A failure costs latency, not correctness.
        drop(stream.set_nodelay(true));
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|source| ClientError::Unsent {
                    endpoint: endpoint.to_string(),
                    source,
                })?;
        // Its errors reach the caller through the request that they concern.
        let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Self { sender, driver })
    }

    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, SendFailure> {
        self.sender.ready().await.map_err(SendFailure::Unsent)?;
        self.sender
            .try_send_request(request)
            .await
            .map_err(|mut failure| {
                // The request comes back exactly when not a byte of it was written.
                let unsent = failure.take_message().is_some();
                let error = failure.into_error();
                if unsent {
                    SendFailure::Unsent(error)
                } else {
                    SendFailure::Lost(error)
                }
            })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("open", &self.is_open())
            .finish_non_exhaustive()
    }
}
