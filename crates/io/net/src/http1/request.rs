//! A request in the hands of its handler.

use std::io;
use std::time::Duration;

use koinon_core_http1::{BodyReader, RequestHead};
use tokio::time::Instant;

use super::wire::Wire;
use crate::body::ReadBodyError;

/// What a client gets that waits before it sends a body.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// One request: its head, and the body that may still be on its way.
pub struct Request<'a> {
    pub(super) head: &'a RequestHead,
    pub(super) body: &'a mut Body,
    pub(super) wire: &'a mut Wire,
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.head.method())
            .field("target", &self.head.target())
            .finish_non_exhaustive()
    }
}

/// How far a request's body has been read.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) reader: BodyReader,
    /// The client waits for leave to send it.
    pub(super) awaits_continue: bool,
}

impl<'a> Request<'a> {
    /// The head.
    #[must_use]
    pub fn head(&self) -> &'a RequestHead {
        self.head
    }

    /// Reads the body to its end. A declared length over `limit` is refused before a byte is read.
    ///
    /// # Errors
    /// When it is too large, too slow, malformed or breaks off.
    pub async fn read_body(&mut self, limit: usize, within: Duration) -> Result<Vec<u8>, ReadBodyError> {
        let mut content = Vec::new();
        self.body
            .read(self.wire, limit, within, |bytes| content.extend_from_slice(bytes))
            .await
            .map(|()| content)
    }
}

impl Body {
    /// Reads to the end and hands out the content, which is at most `limit` bytes.
    pub(super) async fn read(
        &mut self,
        wire: &mut Wire,
        limit: usize,
        within: Duration,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), ReadBodyError> {
        let deadline = Instant::now() + within;
        let too_large = || ReadBodyError::TooLarge { limit };
        if self.reader.left_min() > limit as u64 {
            return Err(too_large());
        }
        if self.awaits_continue && !self.reader.has_ended() {
            wire.write(CONTINUE, &[]).await.map_err(broken)?;
        }
        self.awaits_continue = false;
        let mut left = limit;
        while !self.reader.has_ended() {
            let bytes = wire.unread();
            let part = self
                .reader
                .next(bytes)
                .map_err(|refusal| ReadBodyError::Broken(refusal.into()))?;
            left = left.checked_sub(part.data).ok_or_else(too_large)?;
            each(bytes.get(part.skip..part.skip + part.data).unwrap_or_default());
            wire.take(part.skip + part.data);
            if part.skip + part.data > 0 {
                continue;
            }
            match wire.fill(deadline).await {
                Ok(0) => return Err(broken(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(ReadBodyError::TimedOut { waited: within });
                }
                Err(error) => return Err(broken(error)),
            }
        }
        Ok(())
    }
}

fn broken(error: io::Error) -> ReadBodyError {
    ReadBodyError::Broken(error.into())
}
