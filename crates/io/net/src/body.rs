//! Reading a whole request body, within a size and a time.

use std::error::Error as StdError;
use std::pin::pin;
use std::time::Duration;

use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Bytes;
use koinon_base::ErrorKind;
use thiserror::Error;
use tokio::time::timeout;

/// Why a body could not be read.
#[derive(Debug, Error)]
pub enum ReadBodyError {
    /// More bytes than allowed: HTTP's 413.
    #[error("the body is larger than {limit} bytes; send less")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// The peer took too long: HTTP's 408.
    #[error("the body did not arrive within {} ms; send it faster", waited.as_millis())]
    TimedOut {
        /// How long was waited.
        waited: Duration,
    },
    /// The connection or the framing broke; there is usually nobody left to answer.
    #[error("the body ended early")]
    Broken(#[source] Box<dyn StdError + Send + Sync>),
}

impl ReadBodyError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLarge { .. } | Self::Broken(_) => ErrorKind::Invalid,
            Self::TimedOut { .. } => ErrorKind::Unavailable,
        }
    }
}

/// Reads `body` to its end. A declared length over `limit` is refused before a byte is read.
///
/// # Errors
/// When it is too large, too slow or breaks off.
pub async fn read_body_limited<B>(body: B, limit: usize, within: Duration) -> Result<Bytes, ReadBodyError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(ReadBodyError::TooLarge { limit });
    }
    let reading = pin!(Limited::new(body, limit).collect());
    match timeout(within, reading).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ReadBodyError::TooLarge { limit }),
        Ok(Err(error)) => Err(ReadBodyError::Broken(error)),
        Err(_elapsed) => Err(ReadBodyError::TimedOut { waited: within }),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;
    use std::task::Poll;

    use http_body::Frame;
    use http_body_util::{Empty, Full};

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    /// Gives its chunks, then ends or never ends; declares no length.
    struct Chunks(Vec<&'static [u8]>, bool);

    impl Body for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.0.pop() {
                Some(chunk) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(chunk))))),
                None if self.1 => Poll::Ready(None),
                None => pin!(pending()).poll(cx),
            }
        }
    }

    /// A body of exactly the limit passes, one byte more does not, whether or not its length was declared.
    #[tokio::test]
    async fn the_limit_is_exact() {
        assert_eq!(
            read_body_limited(Empty::<Bytes>::new(), 0, SOON).await.unwrap(),
            ""
        );
        assert_eq!(
            read_body_limited(Full::new(Bytes::from("12345")), 5, SOON)
                .await
                .unwrap(),
            "12345"
        );
        let error = read_body_limited(Full::new(Bytes::from("123456")), 5, SOON)
            .await
            .unwrap_err();
        assert!(matches!(error, ReadBodyError::TooLarge { limit: 5 }));
        assert_eq!(
            read_body_limited(Chunks(vec![b"45", b"123"], true), 5, SOON)
                .await
                .unwrap(),
            "12345"
        );
        let error = read_body_limited(Chunks(vec![b"456", b"123"], true), 5, SOON)
            .await
            .unwrap_err();
        assert!(matches!(error, ReadBodyError::TooLarge { limit: 5 }));
    }

    /// A peer that never finishes its body does not hold the handler.
    #[tokio::test(start_paused = true)]
    async fn a_slow_body_times_out() {
        let error = read_body_limited(Chunks(vec![b"123"], false), 5, SOON)
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the body did not arrive within 5000 ms; send it faster"
        );
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}
