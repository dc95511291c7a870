//! Many gRPC calls over some connections in one thread.
//!
//! Why one thread and no library: the load shares two cores with the server, and what it spends the server cannot. What
//! is sent in one turn leaves each connection in one write, as gRPC's own clients batch.
//!
//! Invariants: a call that is refused ends the run, because the cost of refusing means nothing; no wait is longer than
//! [`SILENCE_MAX`]; what the server lets us send on a connection is never exceeded, what is asked beyond it waits.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::h2::{self, Head, Table};
use crate::error::{Error, Result};

/// A server that is silent for so long while calls wait has lost one.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const EVENTS_MAX: usize = 256;
const READ_LEN: usize = 256 * 1024;
/// The bytes that a connection may carry before its window is enlarged.
const SEND_WINDOW_FIRST: i64 = 65_535;
/// Read bytes are acknowledged this often: a window of 2 GiB is far from empty then.
const ACKNOWLEDGE_AFTER: u32 = 1 << 29;
const MESSAGE_PREFIX: usize = 5;

/// Something that a call was told.
#[derive(Debug)]
pub(super) struct Answer {
    /// The number that the caller gave the call.
    pub(super) client: usize,
    /// When the call was due or sent.
    pub(super) from: Instant,
    pub(super) at: Instant,
    /// A message of a lasting call, or the message of one that ended; a lasting call ends without one.
    pub(super) message: Option<Vec<u8>>,
}

/// What a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One message, one answer.
    Unary,
    /// One message; answers until the server ends it.
    Answers,
    /// One message now, and neither side ends.
    Open,
}

/// A call to make.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) connection: usize,
    pub(super) client: usize,
    pub(super) path: &'static str,
    pub(super) message: &'a [u8],
    pub(super) shape: Shape,
    pub(super) from: Instant,
}

#[derive(Debug)]
struct Call {
    stream: u32,
    client: usize,
    from: Instant,
    shape: Shape,
    /// Bytes of a message that is not whole yet.
    partial: Vec<u8>,
    whole: Option<Vec<u8>>,
    unacknowledged: u32,
}

#[derive(Debug)]
struct Held {
    stream: u32,
    path: &'static str,
    message: Vec<u8>,
    last: bool,
}

struct Connection {
    socket: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    table: Table,
    stream_next: u32,
    calls: Vec<Call>,
    send_window: i64,
    /// Asked for, and no room for it; its calls are among the others, in the same order.
    held: VecDeque<Held>,
    unacknowledged: u32,
    /// The socket took no more; epoll will say when it does.
    full: bool,
}

pub(super) struct Engine {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    events: Vec<epoll::Event>,
    scratch: Vec<u8>,
    answers: Vec<Answer>,
}

impl Engine {
    /// Opens so many connections.
    pub(super) fn connect(server: SocketAddr, count: usize) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|e| os("creating an epoll")(e))?;
        let mut connections = Vec::with_capacity(count);
        for index in 0..count {
            let connection =
                Connection::open(server).map_err(Error::io(format!("connecting to {server}")))?;
            let data = epoll::EventData::new_u64(index as u64);
            let interest = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
            epoll::add(&epoll, &connection.socket, data, interest)
                .map_err(|e| os("watching a connection")(e))?;
            connections.push(connection);
        }
        Ok(Self {
            epoll,
            connections,
            events: Vec::with_capacity(EVENTS_MAX),
            scratch: vec![0; READ_LEN],
            answers: Vec::new(),
        })
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Makes a call; it leaves with the next turn.
    pub(super) fn ask(&mut self, ask: &Ask<'_>) -> Result<()> {
        self.connections[ask.connection].ask(ask)
    }

    /// Sends what was asked, then waits until something arrived or the time is over.
    pub(super) fn turn(&mut self, wait: Duration) -> Result<&mut Vec<Answer>> {
        self.answers.clear();
        for connection in &mut self.connections {
            connection.flush()?;
        }
        self.events.clear();
        let wait = Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(os("waiting for events")(error)),
        }
        for event in &self.events {
            let index = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            let connection = &mut self.connections[index];
            connection.full = false;
            connection.receive(&mut self.scratch, &mut self.answers)?;
        }
        Ok(&mut self.answers)
    }

    /// Makes one call on the first connection and waits for its message.
    pub(super) fn ask_one(&mut self, path: &'static str, message: &[u8]) -> Result<Vec<u8>> {
        let from = Instant::now();
        self.ask(&Ask {
            connection: 0,
            client: 0,
            path,
            message,
            shape: Shape::Unary,
            from,
        })?;
        loop {
            let answer = self.turn(SILENCE_MAX)?.pop();
            if let Some(message) = answer.and_then(|answer| answer.message) {
                return Ok(message);
            }
            check_silence(from)?;
        }
    }
}

/// Ends the run when the server fell silent.
pub(super) fn check_silence(last: Instant) -> Result<()> {
    if last.elapsed() > SILENCE_MAX {
        return Err(Error::io("waiting for an answer")(ErrorKind::TimedOut.into()));
    }
    Ok(())
}

impl Connection {
    fn open(server: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpStream::connect_timeout(&server, SILENCE_MAX)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let mut output = Vec::new();
        h2::greet(&mut output);
        Ok(Self {
            socket,
            input: Vec::new(),
            output,
            table: Table::new(server.to_string()),
            stream_next: 1,
            calls: Vec::new(),
            send_window: SEND_WINDOW_FIRST,
            held: VecDeque::new(),
            unacknowledged: 0,
            full: false,
        })
    }

    fn ask(&mut self, ask: &Ask<'_>) -> Result<()> {
        if MESSAGE_PREFIX + ask.message.len() > h2::FRAME_LEN_MAX {
            return Err(refused("a request that fits a frame"));
        }
        let stream = self.stream_next;
        self.stream_next += 2;
        let last = ask.shape != Shape::Open;
        if self.held.is_empty() && self.has_room(ask.message.len()) {
            self.write(stream, ask.path, ask.message, last);
        } else {
            self.held.push_back(Held {
                stream,
                path: ask.path,
                message: ask.message.to_vec(),
                last,
            });
        }
        self.calls.push(Call {
            stream,
            client: ask.client,
            from: ask.from,
            shape: ask.shape,
            partial: Vec::new(),
            whole: None,
            unacknowledged: 0,
        });
        Ok(())
    }

    fn has_room(&self, message_len: usize) -> bool {
        self.send_window >= (MESSAGE_PREFIX + message_len) as i64
    }

    fn write(&mut self, stream: u32, path: &'static str, message: &[u8], last: bool) {
        self.send_window -= (MESSAGE_PREFIX + message.len()) as i64;
        h2::headers(&mut self.output, stream, &mut self.table, path);
        h2::message(&mut self.output, stream, message, last);
    }

    /// Writes what was held for want of room, as far as there is some now.
    fn release(&mut self) {
        while let Some(held) = self.held.pop_front() {
            if !self.has_room(held.message.len()) {
                self.held.push_front(held);
                return;
            }
            self.write(held.stream, held.path, &held.message, held.last);
        }
    }

    fn flush(&mut self) -> Result<()> {
        while !self.output.is_empty() && !self.full {
            match self.socket.write(&self.output) {
                Ok(written) => drop(self.output.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.full = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("sending a request")(error)),
            }
        }
        Ok(())
    }

    /// Reads all there is, as an edge is told only once.
    fn receive(&mut self, scratch: &mut [u8], answers: &mut Vec<Answer>) -> Result<()> {
        loop {
            let read = match self.socket.read(scratch) {
                Ok(0) => return Err(refused("a connection that stays open")),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io("receiving an answer")(error)),
            };
            let now = Instant::now();
            // Mostly frames arrive whole, and nothing is copied but the messages in them.
            if self.input.is_empty() {
                let used = self.frames(&scratch[..read], now, answers)?;
                self.input.extend_from_slice(&scratch[used..read]);
            } else {
                self.input.extend_from_slice(&scratch[..read]);
                let input = std::mem::take(&mut self.input);
                let used = self.frames(&input, now, answers)?;
                self.input = input;
                self.input.drain(..used);
            }
            if read < scratch.len() {
                return Ok(());
            }
        }
    }

    /// Handles the whole frames among the bytes; says how many bytes those were.
    fn frames(&mut self, bytes: &[u8], now: Instant, answers: &mut Vec<Answer>) -> Result<usize> {
        let mut at = 0;
        while let Some(head) = Head::read(&bytes[at..]) {
            let from = at + h2::HEAD_LEN;
            let Some(payload) = bytes.get(from..from + head.len) else {
                break;
            };
            self.frame(head, payload, now, answers)?;
            at = from + head.len;
        }
        Ok(at)
    }

    fn frame(&mut self, head: Head, payload: &[u8], now: Instant, answers: &mut Vec<Answer>) -> Result<()> {
        let acknowledged = head.flags & h2::ACK != 0;
        match head.kind {
            h2::DATA => self.data(head, payload, now, answers),
            h2::HEADERS if head.flags & h2::END_STREAM != 0 => self.end(head.stream, now, answers),
            h2::SETTINGS | h2::PING if !acknowledged => {
                let echo = if head.kind == h2::PING { payload } else { &[] };
                h2::frame(&mut self.output, head.kind, h2::ACK, 0, echo);
                self.flush()
            }
            h2::WINDOW_UPDATE if head.stream == 0 => {
                let more = payload
                    .first_chunk()
                    .map_or(0, |bytes| u32::from_be_bytes(*bytes));
                self.send_window += i64::from(more);
                self.release();
                Ok(())
            }
            h2::RST_STREAM => Err(refused("a call that is not reset")),
            h2::GOAWAY => Err(refused("a connection that is not given up")),
            _ => Ok(()),
        }
    }

    fn data(&mut self, head: Head, payload: &[u8], now: Instant, answers: &mut Vec<Answer>) -> Result<()> {
        if head.flags & h2::PADDED != 0 {
            return Err(refused("no padding"));
        }
        // Frames are far shorter than 4 GiB.
        self.unacknowledged += head.len as u32;
        acknowledge(&mut self.unacknowledged, 0, &mut self.output);
        if let Some(call) = self.calls.iter_mut().find(|call| call.stream == head.stream) {
            // A lasting call's own window ends too. A window that is made larger than it can be is an error.
            call.unacknowledged += head.len as u32;
            acknowledge(&mut call.unacknowledged, call.stream, &mut self.output);
            call.take(payload, now, answers);
        }
        if head.flags & h2::END_STREAM != 0 {
            return self.end(head.stream, now, answers);
        }
        Ok(())
    }

    fn end(&mut self, stream: u32, now: Instant, answers: &mut Vec<Answer>) -> Result<()> {
        let Some(at) = self.calls.iter().position(|call| call.stream == stream) else {
            return Ok(());
        };
        let call = self.calls.swap_remove(at);
        if call.shape == Shape::Open || (call.shape == Shape::Unary && call.whole.is_none()) {
            return Err(refused("a call that succeeds"));
        }
        answers.push(Answer {
            client: call.client,
            from: call.from,
            at: now,
            message: call.whole,
        });
        Ok(())
    }
}

impl Call {
    fn take(&mut self, mut payload: &[u8], now: Instant, answers: &mut Vec<Answer>) {
        if self.partial.is_empty() {
            while let Some((message, rest)) = whole(payload) {
                self.told(message.to_vec(), now, answers);
                payload = rest;
            }
            self.partial.extend_from_slice(payload);
            return;
        }
        self.partial.extend_from_slice(payload);
        let partial = std::mem::take(&mut self.partial);
        let mut left = &partial[..];
        while let Some((message, rest)) = whole(left) {
            self.told(message.to_vec(), now, answers);
            left = rest;
        }
        if left.len() == partial.len() {
            self.partial = partial;
        } else {
            self.partial = left.to_vec();
        }
    }

    fn told(&mut self, message: Vec<u8>, now: Instant, answers: &mut Vec<Answer>) {
        if self.shape == Shape::Unary {
            self.whole = Some(message);
            return;
        }
        answers.push(Answer {
            client: self.client,
            from: self.from,
            at: now,
            message: Some(message),
        });
    }
}

/// A gRPC message, if it is whole, and what follows.
fn whole(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [_, a, b, c, d, rest @ ..] = bytes else {
        return None;
    };
    let len = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).ok()?;
    rest.split_at_checked(len)
}

fn refused(expected: &str) -> Error {
    Error::Answer {
        request: "a call".into(),
        expected: expected.into(),
        got: "something else from the server".into(),
    }
}

fn os(what: &str) -> impl FnOnce(rustix::io::Errno) -> Error {
    let what = what.to_owned();
    move |errno| Error::Io {
        what,
        source: errno.into(),
    }
}

/// Makes room for as much as was read on a stream, or on the connection, if that is much.
fn acknowledge(unacknowledged: &mut u32, stream: u32, output: &mut Vec<u8>) {
    if *unacknowledged > ACKNOWLEDGE_AFTER {
        h2::frame(
            output,
            h2::WINDOW_UPDATE,
            0,
            stream,
            &unacknowledged.to_be_bytes(),
        );
        *unacknowledged = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// An engine with one connection, and its other end.
    fn pair() -> (Engine, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let engine = Engine::connect(listener.local_addr().unwrap(), 1).unwrap();
        (engine, listener.accept().unwrap().0)
    }

    fn ask(engine: &mut Engine, client: usize, shape: Shape) {
        let (connection, from) = (0, Instant::now());
        let (path, message) = ("/p", b"m".as_slice());
        let ask = Ask {
            connection,
            client,
            path,
            message,
            shape,
            from,
        };
        engine.ask(&ask).unwrap();
    }

    /// All that is told until there are so many.
    fn told(engine: &mut Engine, count: usize) -> Vec<(usize, Option<Vec<u8>>)> {
        let (mut told, from) = (Vec::new(), Instant::now());
        while told.len() < count {
            let answers = engine.turn(Duration::from_secs(1)).unwrap();
            told.extend(answers.drain(..).map(|answer| (answer.client, answer.message)));
            check_silence(from).unwrap();
        }
        told
    }

    /// Protects: an answer belongs to the call that asked, however its bytes are cut, and a lasting call is told each message.
    #[test]
    fn answers_find_their_calls() {
        let (mut engine, mut server) = pair();
        ask(&mut engine, 7, Shape::Unary);
        ask(&mut engine, 9, Shape::Open);
        let mut out = Vec::new();
        h2::message(&mut out, 3, b"one", false);
        h2::message(&mut out, 1, b"two", false);
        h2::frame(&mut out, h2::HEADERS, h2::END_STREAM, 1, b"");
        h2::frame(&mut out, h2::DATA, 0, 3, b"\0\0\0\0\x05ha");
        h2::frame(&mut out, h2::DATA, 0, 3, b"lve\0\0\0\0\x00");
        let (first, second) = out.split_at(11);
        server.write_all(first).unwrap();
        assert!(engine.turn(Duration::from_millis(100)).unwrap().is_empty());
        server.write_all(second).unwrap();
        let text = |text: &str| Some(text.as_bytes().to_vec());
        let expected = [
            (9, text("one")),
            (7, text("two")),
            (9, text("halve")),
            (9, text("")),
        ];
        assert_eq!(told(&mut engine, 4), expected);
    }

    /// Protects: a server that refuses, or gives up a connection, does not look cheap.
    #[test]
    fn refusals_end_the_run() {
        for kind in [h2::HEADERS, h2::RST_STREAM, h2::GOAWAY] {
            let (mut engine, mut server) = pair();
            ask(&mut engine, 0, Shape::Unary);
            let mut out = Vec::new();
            h2::frame(&mut out, kind, h2::END_STREAM, 1, &[0; 8]);
            server.write_all(&out).unwrap();
            let from = Instant::now();
            let failed = loop {
                match engine.turn(Duration::from_secs(1)) {
                    Ok(_) => check_silence(from).unwrap(),
                    Err(error) => break error,
                }
            };
            assert!(matches!(failed, Error::Answer { .. }), "{failed}");
        }
    }

    /// Protects: what the server has not made room for waits, and goes on in order when there is room.
    #[test]
    fn the_send_window_is_kept() {
        let (mut engine, mut server) = pair();
        let message = [0; 16_000];
        for client in 0..5 {
            let (connection, path, message) = (0, "/p", &message[..]);
            let (shape, from) = (Shape::Unary, Instant::now());
            let ask = Ask {
                connection,
                client,
                path,
                message,
                shape,
                from,
            };
            engine.ask(&ask).unwrap();
        }
        assert_eq!(engine.connections[0].held.len(), 1);
        let mut out = Vec::new();
        h2::frame(&mut out, h2::WINDOW_UPDATE, 0, 0, &65_535_u32.to_be_bytes());
        h2::message(&mut out, 9, b"fifth", true);
        server.write_all(&out).unwrap();
        assert_eq!(told(&mut engine, 1), [(4, Some(b"fifth".to_vec()))]);
        assert!(engine.connections[0].held.is_empty());
    }

    /// Protects: room is made for what a stream itself has carried: a server must reset one whose window is made larger
    /// than it can be, and a second snapshot on a connection was reset so.
    #[test]
    fn a_stream_gets_room_for_its_own_bytes_only() {
        let (mut engine, _server) = pair();
        ask(&mut engine, 0, Shape::Answers);
        ask(&mut engine, 1, Shape::Answers);
        let connection = &mut engine.connections[0];
        connection.output.clear();
        for (stream, len) in [(1, 300 << 20), (3, 300 << 20), (1, 300 << 20)] {
            let (head, mut answers) = (
                Head {
                    len,
                    kind: h2::DATA,
                    flags: 0,
                    stream,
                },
                Vec::new(),
            );
            connection.data(head, &[], Instant::now(), &mut answers).unwrap();
        }
        let mut expected = Vec::new();
        let mib = |count: u32| (count << 20).to_be_bytes();
        h2::frame(&mut expected, h2::WINDOW_UPDATE, 0, 0, &mib(600));
        h2::frame(&mut expected, h2::WINDOW_UPDATE, 0, 1, &mib(600));
        assert_eq!(connection.output, expected);
    }
}
