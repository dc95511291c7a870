//! Closing gently.
//!
//! A socket closed with unread bytes resets the connection, and the reset may overtake the answer: a client whose body
//! was refused as too large would see a broken connection instead of the reason. So what is still coming is read and
//! thrown away first, within limits. A peer that is silent is not waited for.

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The most bytes that a peer may send after its answer before the connection is cut. 8 MiB: four times the largest
/// body that any of our doors takes.
const DISCARD_MAX: usize = 8 * 1024 * 1024;
/// The longest that is waited for them.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn close(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut left = DISCARD_MAX;
    let Some(came) = discard(&stream, &mut left) else {
        return;
    };
    if came == Came::Bytes || has_more(&stream) {
        // Whatever ends the wait, the connection ends with it.
        let _ = timeout(DISCARD_TIMEOUT, async {
            while stream.readable().await.is_ok() && discard(&stream, &mut left).is_some() {}
        })
        .await;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Nothing,
    Bytes,
}

/// Whether the kernel has something that the poller has not told of: it looks only when its thread has nothing else to do.
fn has_more(stream: &TcpStream) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    SockRef::from(stream).peek(&mut byte).is_ok_and(|len| len > 0)
}

/// Reads and forgets what is there; `None` at the end, after an error or when enough has been read.
fn discard(stream: &TcpStream, left: &mut usize) -> Option<Came> {
    let mut scratch = [0; 8 * 1024];
    let mut came = Came::Nothing;
    loop {
        match stream.try_read(&mut scratch) {
            Ok(0) => return None,
            Ok(read) => {
                came = Came::Bytes;
                *left = left.checked_sub(read)?;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(came),
            Err(_) => return None,
        }
    }
}
