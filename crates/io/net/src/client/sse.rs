//! Server-sent events, from bytes as they come (WHATWG HTML §9.2.6).
//!
//! Invariant: what is buffered between two events never exceeds the limit.
//! Invariant: how the bytes were cut into pieces changes nothing.

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its type; `message` when the server named none.
    pub event: String,
    /// Its position, to be sent back as `Last-Event-ID`.
    pub id: Option<String>,
    /// Its data, lines joined by line feeds.
    pub data: String,
}

/// More bytes without the end of an event than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTooLarge;

/// The state between two pieces.
#[derive(Debug)]
pub struct Parser {
    buffer: Vec<u8>,
    /// Up to here the buffer has been searched for a line's end.
    searched: usize,
    /// Bytes of the event being read, lines already taken from the buffer included.
    event_size: usize,
    partial: Partial,
    limit: usize,
}

#[derive(Debug, Default)]
struct Partial {
    event: String,
    id: Option<String>,
    data: Option<String>,
}

impl Parser {
    /// A parser that buffers at most `limit` bytes for one event.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            searched: 0,
            event_size: 0,
            partial: Partial::default(),
            limit,
        }
    }

    /// Takes the next piece of the stream.
    ///
    /// # Errors
    /// When one event grows over the limit; the stream cannot be read on.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<(), EventTooLarge> {
        if self.event_size + self.buffer.len() + bytes.len() > self.limit {
            return Err(EventTooLarge);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// The next complete event of what was taken so far. Call it until it has none before the next piece.
    pub fn poll_event(&mut self) -> Option<Event> {
        while let Some(line) = self.take_line() {
            self.event_size += line.len();
            if !line.is_empty() {
                self.partial.field(&String::from_utf8_lossy(&line));
                continue;
            }
            self.event_size = 0;
            if let Some(event) = std::mem::take(&mut self.partial).finish() {
                return Some(event);
            }
        }
        None
    }

    /// A line ends with LF, CR LF or CR. A CR at the buffer's end waits for the next byte, which may be its LF.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        let found = self.buffer[self.searched..]
            .iter()
            .position(|b| matches!(b, b'\n' | b'\r'));
        let Some(end) = found.map(|at| self.searched + at) else {
            self.searched = self.buffer.len();
            return None;
        };
        self.searched = end;
        let next = match (self.buffer[end], self.buffer.get(end + 1)) {
            (b'\r', None) => return None,
            (b'\r', Some(b'\n')) => end + 2,
            _ => end + 1,
        };
        let mut line: Vec<u8> = self.buffer.drain(..next).collect();
        line.truncate(end);
        self.searched = 0;
        Some(line)
    }
}

impl Partial {
    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // A comment, `retry`, or a field of a later standard.
            _ => {}
        }
    }

    /// An event without data is none.
    fn finish(self) -> Option<Event> {
        let event = if self.event.is_empty() {
            "message".to_owned()
        } else {
            self.event
        };
        self.data.map(|data| Event {
            event,
            id: self.id,
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": hello\n\nevent: snapshot\nid: 7\ndata: {\"a\":\ndata: 1}\n\nretry: 5\n\r\ndata:x\r\n\r\ndata\r\r";

    fn events() -> Vec<Event> {
        let event = |event: &str, id: Option<&str>, data: &str| Event {
            event: event.into(),
            id: id.map(Into::into),
            data: data.into(),
        };
        vec![
            event("snapshot", Some("7"), "{\"a\":\n1}"),
            event("message", None, "x"),
        ]
    }

    fn read(pieces: impl Iterator<Item = Vec<u8>>) -> Vec<Event> {
        let mut parser = Parser::new(1000);
        let mut found = Vec::new();
        for piece in pieces {
            parser.handle_bytes(&piece).unwrap();
            found.extend(std::iter::from_fn(|| parser.poll_event()));
        }
        found
    }

    /// However the network cuts the stream, the events are the same. (The last one waits for its final LF.)
    #[test]
    fn pieces_do_not_matter() {
        for size in 1..=STREAM.len() {
            let pieces = STREAM.as_bytes().chunks(size).map(<[u8]>::to_vec);
            assert_eq!(read(pieces), events(), "pieces of {size}");
        }
    }

    /// An endless line or an endless event must not fill the memory.
    #[test]
    fn an_event_has_a_limit() {
        let mut parser = Parser::new(100);
        assert_eq!(parser.handle_bytes(&[b'x'; 101]), Err(EventTooLarge));

        let mut parser = Parser::new(100);
        let refused = (0..20).any(|_| {
            let refused = parser.handle_bytes(b"data: 123456\n").is_err();
            assert_eq!(parser.poll_event(), None);
            refused
        });
        assert!(refused);
    }

    /// After an event the limit starts anew: a long stream of small events is fine.
    #[test]
    fn the_limit_is_per_event() {
        let mut parser = Parser::new(100);
        for _ in 0..100 {
            parser.handle_bytes(b"data: 123456\n\n").unwrap();
            assert!(parser.poll_event().is_some());
        }
    }
}
