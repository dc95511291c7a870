//! Both ends of a proxy in one thread: clients that send to it, and the endpoints that it sends to.
//!
//! Why in one thread: on a machine with two cores the proxy has one, and everything else shares the other. An event
//! loop that plays both ends costs less for each request than the proxies do, so that the proxy is what is
//! measured; `cpu_time` says how close it came.
//!
//! Invariants: a client has at most one request in flight; an answer other than 200 and a connection that the proxy
//! closes end the run, because the cost of failing means nothing; no wait is longer than [`SILENCE_MAX`].

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::message::{self, Seen};
use crate::error::{Error, Result};

/// A proxy that is silent for so long while requests are in flight has lost one.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Larger than any head and body that pass here.
const BUFFER_LEN: usize = 4096;
const EVENTS_MAX: usize = 512;
const ENDPOINTS: usize = 2;
const BACKLOG: i32 = 4096;

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    pub(super) client: usize,
    pub(super) status: u16,
    /// When the request was due or sent.
    pub(super) from: Instant,
    pub(super) at: Instant,
}

pub(super) struct Engine {
    epoll: OwnedFd,
    endpoints: Vec<Endpoint>,
    answer: Vec<u8>,
    /// Connections from proxies; the places of closed ones are used again.
    served: Vec<Option<Served>>,
    clients: Vec<Client>,
    events: Vec<epoll::Event>,
    done: Vec<Done>,
}

#[derive(Debug)]
struct Endpoint {
    listener: TcpListener,
    requests: u64,
}

#[derive(Debug)]
struct Served {
    endpoint: usize,
    stream: TcpStream,
    buffer: Buffer,
}

#[derive(Debug)]
struct Client {
    stream: TcpStream,
    buffer: Buffer,
    /// Since when it waits for an answer.
    from: Option<Instant>,
}

/// What an event is about; it travels through the kernel as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Endpoint(usize),
    Served(usize),
    Client(usize),
}

impl Engine {
    pub(super) fn new() -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|e| os("creating an epoll")(e))?;
        let mut engine = Self {
            epoll,
            endpoints: Vec::new(),
            answer: message::answer(),
            served: Vec::new(),
            clients: Vec::new(),
            events: Vec::with_capacity(EVENTS_MAX),
            done: Vec::new(),
        };
        for index in 0..ENDPOINTS {
            let listener = listen().map_err(Error::io("listening as an endpoint"))?;
            watch(&engine.epoll, &listener, Token::Endpoint(index))?;
            engine.endpoints.push(Endpoint {
                listener,
                requests: 0,
            });
        }
        Ok(engine)
    }

    /// The addresses of the endpoints.
    pub(super) fn upstreams(&self) -> Result<Vec<SocketAddr>> {
        let addresses = self.endpoints.iter().map(|e| e.listener.local_addr());
        addresses
            .collect::<io::Result<_>>()
            .map_err(Error::io("asking for an endpoint's address"))
    }

    /// Requests that each endpoint has answered.
    pub(super) fn requests(&self) -> Vec<u64> {
        self.endpoints.iter().map(|endpoint| endpoint.requests).collect()
    }

    /// Opens that many client connections, in addition to those there are.
    pub(super) fn connect(&mut self, proxy: SocketAddr, count: usize) -> Result<()> {
        for _ in 0..count {
            let connect = || -> io::Result<TcpStream> {
                let stream = TcpStream::connect_timeout(&proxy, SILENCE_MAX)?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                Ok(stream)
            };
            let stream = connect().map_err(Error::io(format!("connecting to {proxy}")))?;
            watch(&self.epoll, &stream, Token::Client(self.clients.len()))?;
            self.clients.push(Client {
                stream,
                buffer: Buffer::new(),
                from: None,
            });
        }
        Ok(())
    }

    /// Closes all client connections.
    pub(super) fn disconnect(&mut self) {
        self.clients.clear();
        self.done.clear();
    }

    /// Sends on an idle client connection.
    pub(super) fn send(&mut self, client: usize, request: &[u8], from: Instant) -> Result<()> {
        let client = &mut self.clients[client];
        client.from = Some(from);
        // One request in flight fits any socket's buffer.
        client
            .stream
            .write_all(request)
            .map_err(Error::io("sending a request"))
    }

    /// Plays both ends until an event was handled or the time is over; what was answered is in the list.
    pub(super) fn turn(&mut self, wait: Duration) -> Result<&[Done]> {
        self.done.clear();
        self.events.clear();
        let wait = Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(os("waiting for events")(error)),
        }
        for index in 0..self.events.len() {
            match Token::from_number(self.events[index].data.u64()) {
                Token::Endpoint(endpoint) => self.accept(endpoint)?,
                Token::Served(index) => self.serve(index)?,
                Token::Client(index) => self.receive(index)?,
            }
        }
        Ok(&self.done)
    }

    /// Sends one request and waits for its answer.
    pub(super) fn ask(&mut self, client: usize, request: &[u8]) -> Result<Done> {
        self.send(client, request, Instant::now())?;
        let deadline = Instant::now() + SILENCE_MAX;
        loop {
            let found = self.turn(SILENCE_MAX)?.iter().find(|done| done.client == client);
            if let Some(done) = found {
                return Ok(*done);
            }
            if Instant::now() > deadline {
                return Err(silent());
            }
        }
    }

    /// Plays the endpoints while the clients are silent.
    pub(super) fn idle(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.turn(left)?;
        }
        Ok(())
    }

    fn accept(&mut self, endpoint: usize) -> Result<()> {
        loop {
            let stream = match self.endpoints[endpoint].listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(Error::io("accepting as an endpoint")(error)),
            };
            let prepared = stream
                .set_nodelay(true)
                .and_then(|()| stream.set_nonblocking(true));
            prepared.map_err(Error::io("accepting as an endpoint"))?;
            let free = self.served.iter().position(Option::is_none);
            let index = free.unwrap_or(self.served.len());
            watch(&self.epoll, &stream, Token::Served(index))?;
            let served = Some(Served {
                endpoint,
                stream,
                buffer: Buffer::new(),
            });
            match free {
                Some(index) => self.served[index] = served,
                None => self.served.push(served),
            }
        }
    }

    fn serve(&mut self, index: usize) -> Result<()> {
        let Some(served) = self.served[index].as_mut() else {
            return Ok(());
        };
        if !served.buffer.fill(&mut served.stream) {
            // Proxies close connections that they do not need.
            self.served[index] = None;
            return Ok(());
        }
        if !served.buffer.unread().ends_with(b"\r\n\r\n") {
            return Ok(());
        }
        served.buffer.clear();
        self.endpoints[served.endpoint].requests += 1;
        served
            .stream
            .write_all(&self.answer)
            .map_err(Error::io("answering as an endpoint"))
    }

    fn receive(&mut self, index: usize) -> Result<()> {
        let client = &mut self.clients[index];
        if !client.buffer.fill(&mut client.stream) {
            let what = "the proxy closed a client's connection";
            return Err(Error::io(what)(ErrorKind::UnexpectedEof.into()));
        }
        let Some(Seen { status, len }) = message::look(client.buffer.unread())? else {
            return Ok(());
        };
        if client.buffer.unread().len() < len {
            return Ok(());
        }
        let from = client.from.take();
        let extra = client.buffer.unread().len() > len;
        client.buffer.clear();
        let Some(from) = from.filter(|_| !extra) else {
            return Err(Error::Answer {
                request: "a request through the proxy".into(),
                expected: "one answer".into(),
                got: "more bytes than that".into(),
            });
        };
        self.done.push(Done {
            client: index,
            status,
            from,
            at: Instant::now(),
        });
        Ok(())
    }
}

/// Ends the run when the proxy fell silent.
pub(super) fn check_silence(last: Instant, now: Instant) -> Result<()> {
    if now.saturating_duration_since(last) > SILENCE_MAX {
        Err(silent())
    } else {
        Ok(())
    }
}

fn silent() -> Error {
    Error::io("waiting for the proxy's answer")(ErrorKind::TimedOut.into())
}

/// What was received and not yet understood.
#[derive(Debug)]
struct Buffer {
    bytes: Box<[u8; BUFFER_LEN]>,
    used: usize,
}

impl Buffer {
    fn new() -> Self {
        Self {
            bytes: Box::new([0; BUFFER_LEN]),
            used: 0,
        }
    }

    /// Reads what there is; `false` when the connection is over or sends more than anybody here should.
    fn fill(&mut self, stream: &mut TcpStream) -> bool {
        match stream.read(&mut self.bytes[self.used..]) {
            Ok(read) => {
                self.used += read;
                read > 0
            }
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    fn clear(&mut self) {
        self.used = 0;
    }
}

impl Token {
    const KIND_BITS: u32 = 2;

    fn number(self) -> u64 {
        let (kind, index) = match self {
            Self::Endpoint(index) => (0, index),
            Self::Served(index) => (1, index),
            Self::Client(index) => (2, index),
        };
        (index as u64) << Self::KIND_BITS | kind
    }

    fn from_number(number: u64) -> Self {
        let index = usize::try_from(number >> Self::KIND_BITS).unwrap_or(usize::MAX);
        match number & 3 {
            0 => Self::Endpoint(index),
            1 => Self::Served(index),
            _ => Self::Client(index),
        }
    }
}

fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    // A proxy opens hundreds at once when the load begins; the library's own backlog is shorter than that.
    rustix::net::listen(&listener, BACKLOG)?;
    Ok(listener)
}

fn watch(epoll: &OwnedFd, what: impl std::os::fd::AsFd, token: Token) -> Result<()> {
    let data = epoll::EventData::new_u64(token.number());
    epoll::add(epoll, what, data, epoll::EventFlags::IN).map_err(|e| os("watching a connection")(e))
}

fn os(what: &str) -> impl FnOnce(rustix::io::Errno) -> Error {
    let what = what.to_owned();
    move |errno| Error::Io {
        what,
        source: errno.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: both ends understand each other, so that what is measured is what stands between them; here it is
    /// nothing.
    #[test]
    fn both_ends_talk_without_a_proxy() {
        let mut engine = Engine::new().unwrap();
        let endpoint = engine.upstreams().unwrap()[1];
        engine.connect(endpoint, 3).unwrap();
        let request = message::request(endpoint, "/a");
        for client in [0, 2, 1, 2] {
            let done = engine.ask(client, &request).unwrap();
            assert_eq!((done.client, done.status), (client, 200));
            assert!(done.from <= done.at);
        }
        assert_eq!(engine.requests(), [0, 4]);
    }

    /// Protects: a proxy that closes connections ends the run instead of making it look cheap.
    #[test]
    fn a_closed_connection_ends_the_run() {
        let mut engine = Engine::new().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = listener.local_addr().unwrap();
        engine.connect(proxy, 1).unwrap();
        drop(listener.accept().unwrap());
        let error = engine
            .ask(0, &message::request(proxy, "/a"))
            .map(|done| done.status);
        assert!(error.is_err(), "{error:?}");
    }

    /// Protects: an event reaches whom it is for.
    #[test]
    fn tokens_come_back_from_the_kernel_as_they_went() {
        for token in [Token::Endpoint(1), Token::Served(4095), Token::Client(100_000)] {
            assert_eq!(Token::from_number(token.number()), token);
        }
    }
}
