//! An upstream that does exactly as told, byte by byte, and keeps all that reached it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::PATIENCE;

/// What reached it, one text a connection.
type Received = Arc<Mutex<Vec<Vec<u8>>>>;

/// A scripted upstream. Each connection runs the script in a thread of its own.
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    received: Received,
    over: Arc<AtomicBool>,
}

/// One connection, as the script sees it.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    /// How many connections came before it.
    pub(crate) nth: usize,
    unread: Vec<u8>,
    received: Received,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect_timeout(&self.addr, PATIENCE);
    }
}

impl Upstream {
    pub(crate) fn start(script: impl Fn(&mut Wire) + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), script)
    }

    /// At an address that was free a moment ago.
    pub(crate) fn start_at(addr: SocketAddr, script: impl Fn(&mut Wire) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(addr).unwrap();
        let addr = listener.local_addr().unwrap();
        let (received, over) = (Received::default(), Arc::new(AtomicBool::new(false)));
        let upstream = Self {
            addr,
            received: Arc::clone(&received),
            over: Arc::clone(&over),
        };
        let script = Arc::new(script);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (script, received, stream) =
                    (Arc::clone(&script), Arc::clone(&received), stream.unwrap());
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                stream.set_nodelay(true).unwrap();
                let nth = {
                    let mut all = received.lock().unwrap();
                    all.push(Vec::new());
                    all.len() - 1
                };
                std::thread::spawn(move || {
                    let mut wire = Wire {
                        stream,
                        nth,
                        unread: Vec::new(),
                        received,
                    };
                    script(&mut wire);
                });
            }
        });
        upstream
    }

    /// Answers every request without a body with what `answer` makes of its head.
    pub(crate) fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::start(move |wire| {
            while let Some(head) = wire.head() {
                wire.write(answer(&head));
            }
        })
    }

    /// Answers every request, whatever its body's length, with its own name.
    pub(crate) fn named(name: &'static str) -> Self {
        Self::start(move |wire| wire.serve(|_| ok(name)))
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.received.lock().unwrap().len()
    }

    /// All that reached it, connection after connection.
    pub(crate) fn received(&self) -> String {
        let all = self.received.lock().unwrap();
        all.iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect()
    }

    /// Requests that reached it, by their first lines.
    pub(crate) fn requests(&self) -> usize {
        self.received().matches(" HTTP/1.1\r\n").count()
    }
}

/// A whole response with a length.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

impl Wire {
    /// The next head; none at the end of the connection.
    pub(crate) fn head(&mut self) -> Option<String> {
        self.until(b"\r\n\r\n")
    }

    /// Everything up to and including `end`.
    pub(crate) fn until(&mut self, end: &[u8]) -> Option<String> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|part| part == end) {
                return self.bytes(at + end.len());
            }
            self.more()?;
        }
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, len: usize) -> Option<String> {
        while self.unread.len() < len {
            self.more()?;
        }
        let rest = self.unread.split_off(len);
        let bytes = std::mem::replace(&mut self.unread, rest);
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Forgets what reached it on this connection, where a long run would fill the memory.
    pub(crate) fn forget(&mut self) {
        self.received.lock().unwrap()[self.nth].clear();
    }

    /// Throws away what was read and not looked at; says how much it was.
    pub(crate) fn take_unread(&mut self) -> usize {
        std::mem::take(&mut self.unread).len()
    }

    /// Waits for the client to close; what it still sends is recorded.
    pub(crate) fn drain(&mut self) {
        while self.more().is_some() {}
    }

    /// Writes; a client that is gone is no failure of the upstream.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Answers request after request, bodies with a length read whole.
    pub(crate) fn serve(&mut self, answer: impl Fn(&str) -> String) {
        while let Some(head) = self.head() {
            let len = super::client::header(&head, "content-length").map_or(0, |len| len.parse().unwrap());
            if self.bytes(len).is_none() {
                return;
            }
            self.write(answer(&head));
        }
    }

    /// The connection will end in a reset.
    pub(crate) fn reset(&mut self) {
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    fn more(&mut self) -> Option<()> {
        let mut piece = [0; 16 * 1024];
        let len = self.stream.read(&mut piece).ok().filter(|len| *len > 0)?;
        self.unread.extend_from_slice(&piece[..len]);
        self.received.lock().unwrap()[self.nth].extend_from_slice(&piece[..len]);
        Some(())
    }
}
