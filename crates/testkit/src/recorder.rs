//! An upstream that writes down what reaches it, as a strict reader sees it, and answers as it is told.
//!
//! What a proxy makes of a request is what arrives here: how many messages, where each ends, what it says. The reader is
//! the codec's reference, which shares no code with the product.
//!
//! Invariant: bytes that are no whole request are kept too, so that nothing can arrive unseen.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use koinon_core_http1::laws::message::{Kind, Message, Stop};
use koinon_core_http1::laws::reference;

use crate::{Error, Result};

/// How often a silent connection looks whether it is over.
const LOOK: Duration = Duration::from_millis(20);
/// The most bytes of one connection that are no whole request.
const UNREAD_LEN_MAX: usize = 4 * 1024 * 1024;
/// The most connections at once.
const CONNECTIONS_MAX: usize = 512;

/// What an upstream answers.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Everything that is written.
    pub bytes: Vec<u8>,
    /// Whether the connection closes behind it.
    pub closes: bool,
}

impl Reply {
    /// 200 with a text, or without one for HEAD.
    #[must_use]
    pub fn ok(request: &Message, text: &str) -> Self {
        let body = if request.what.0 == b"HEAD" { "" } else { text };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", text.len());
        Self::raw(head)
    }

    /// These bytes, and the connection stays open.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            closes: false,
        }
    }

    /// The same, and the connection closes.
    #[must_use]
    pub fn and_close(self) -> Self {
        Self { closes: true, ..self }
    }
}

/// What arrived since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrived {
    /// Whole requests, in the order in which they ended.
    pub requests: Vec<Message>,
    /// Bytes that are not, or not yet, a request: one entry for each connection that has some.
    pub rest: Vec<Vec<u8>>,
}

impl Arrived {
    /// Whether not a byte arrived.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.requests.is_empty() && self.rest.is_empty()
    }
}

type Answer = dyn Fn(&Message) -> Reply + Send + Sync;

struct State {
    answer: Box<Answer>,
    arrived: Mutex<Vec<Message>>,
    rest: Mutex<BTreeMap<usize, Vec<u8>>>,
    open: AtomicUsize,
    over: AtomicBool,
}

impl State {
    fn arrived(&self) -> MutexGuard<'_, Vec<Message>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rest(&self) -> MutexGuard<'_, BTreeMap<usize, Vec<u8>>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A recording upstream. Dropping it ends it.
pub struct Recorder {
    address: SocketAddr,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// Starts one that answers everything with 200 and the text `recorded`.
    ///
    /// # Errors
    /// When the system gives no socket.
    pub fn start() -> Result<Self> {
        Self::answering(|request| Reply::ok(request, "recorded"))
    }

    /// Starts one that answers as it is told.
    ///
    /// # Errors
    /// When the system gives no socket.
    pub fn answering(answer: impl Fn(&Message) -> Reply + Send + Sync + 'static) -> Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let failed = |source| Error::Connection { address: any, source };
        let listener = TcpListener::bind(any).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let state = Arc::new(State {
            answer: Box::new(answer),
            arrived: Mutex::default(),
            rest: Mutex::default(),
            open: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        let accepting = thread::spawn(move || accept(&listener, &shared));
        Ok(Self {
            address,
            state,
            accepting: Some(accepting),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// What arrived since the last call.
    #[must_use]
    pub fn take(&self) -> Arrived {
        let requests = std::mem::take(&mut *self.state.arrived());
        let rest = std::mem::take(&mut *self.state.rest());
        Arrived {
            requests,
            rest: rest.into_values().filter(|bytes| !bytes.is_empty()).collect(),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for (number, stream) in listener.incoming().enumerate() {
        if state.over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if state.open.load(Ordering::SeqCst) >= CONNECTIONS_MAX {
            continue;
        }
        state.open.fetch_add(1, Ordering::SeqCst);
        let state = Arc::clone(state);
        thread::spawn(move || {
            // A proxy may reset a connection whenever it likes.
            let _ = serve(stream, number, &state);
            state.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn serve(mut stream: TcpStream, number: usize, state: &State) -> io::Result<()> {
    stream.set_read_timeout(Some(LOOK))?;
    stream.set_nodelay(true)?;
    let mut unread = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    let mut told_to_go_on = false;
    while !state.over.load(Ordering::SeqCst) {
        let len = match stream.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(len) => len,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                continue;
            }
            Err(error) => return Err(error),
        };
        unread.extend_from_slice(piece.get(..len).unwrap_or_default());
        let (messages, stop) = reference::read(Kind::Request, &unread);
        let end = messages.last().map_or(0, |message| message.end);
        unread.drain(..end);
        state.rest().insert(number, unread.clone());
        let closes = messages.last().is_some_and(|last| !last.keep_alive);
        for message in messages {
            let reply = (state.answer)(&message);
            state.arrived().push(message);
            told_to_go_on = false;
            stream.write_all(&reply.bytes)?;
            if reply.closes {
                return Ok(());
            }
        }
        if closes || stop == Stop::Malformed || unread.len() > UNREAD_LEN_MAX {
            return Ok(());
        }
        if !told_to_go_on && waits_to_go_on(&unread) {
            told_to_go_on = true;
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
    }
    Ok(())
}

/// Whether there is a whole head that asks for `100 Continue`.
fn waits_to_go_on(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let head = text.split_once("\r\n\r\n").map(|(head, _)| head);
    head.is_some_and(|head| head.contains("\r\nexpect: 100-continue"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::wait_until;

    /// Protects: whole requests are told from parts, and parts are never lost.
    #[test]
    fn what_arrives_is_seen() {
        let recorder = Recorder::start().unwrap();
        let mut stream = TcpStream::connect(recorder.address()).unwrap();
        stream
            .write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /b")
            .unwrap();
        let arrived = wait_until("a request", Duration::from_secs(10), || {
            let arrived = recorder.take();
            (!arrived.requests.is_empty()).then_some(arrived)
        });
        let arrived = arrived.unwrap();
        assert_eq!(arrived.requests[0].what.1, b"/a");
        assert_eq!(arrived.rest, [b"POST /b".to_vec()]);
        assert!(recorder.take().is_nothing());
    }
}
