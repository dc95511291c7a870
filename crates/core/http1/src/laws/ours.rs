//! Our reader driven over a whole connection, as servers and clients drive it.

use super::message::{Kind, Message, Pairs, Stop, What};
use crate::{BodyLength, BodyReader, Fields, HeadScan, Limits, Refusal, RequestHead, ResponseHead};

/// Reads messages from bytes that arrive `cut` at a time, until they or the connection end.
#[must_use]
pub fn read(kind: Kind, bytes: &[u8], cut: usize, limits: &Limits) -> (Vec<Message>, Stop) {
    let mut connection = Arriving {
        bytes,
        until: 0,
        cut: cut.max(1),
    };
    let (mut messages, mut at) = (Vec::new(), 0);
    loop {
        if at == bytes.len() {
            return (messages, Stop::Clean);
        }
        match message(kind, &mut connection, at, limits) {
            Ok(Some(message)) => {
                let goes_on = message.keep_alive;
                at = message.end;
                messages.push(message);
                if !goes_on {
                    return (messages, Stop::Closed);
                }
            }
            Ok(None) => return (messages, Stop::Incomplete),
            Err(_) => return (messages, Stop::Malformed),
        }
    }
}

/// Why our reader stops reading these requests, if it refuses one.
#[must_use]
pub fn refusal(bytes: &[u8]) -> Option<Refusal> {
    let mut connection = Arriving {
        bytes,
        until: bytes.len(),
        cut: bytes.len().max(1),
    };
    let mut at = 0;
    while at < bytes.len() {
        match message(Kind::Request, &mut connection, at, &Limits::default()) {
            Ok(Some(message)) if message.keep_alive => at = message.end,
            Ok(_) => return None,
            Err(refusal) => return Some(refusal),
        }
    }
    None
}

struct Arriving<'a> {
    bytes: &'a [u8],
    until: usize,
    cut: usize,
}

impl<'a> Arriving<'a> {
    fn from(&self, at: usize) -> &'a [u8] {
        self.bytes.get(at..self.until).unwrap_or_default()
    }

    /// Lets more arrive; `false` when there is none.
    fn more(&mut self) -> bool {
        let before = self.until;
        self.until = self.until.saturating_add(self.cut).min(self.bytes.len());
        self.until > before
    }
}

/// What a head said.
struct Said {
    what: What,
    fields: Pairs,
    body: BodyLength,
    keep_alive: bool,
}

fn message(
    kind: Kind,
    connection: &mut Arriving<'_>,
    from: usize,
    limits: &Limits,
) -> Result<Option<Message>, Refusal> {
    let mut scan = match kind {
        Kind::Request => HeadScan::default(),
        Kind::Response { .. } => HeadScan::for_response(),
    };
    let place = loop {
        if let Some(place) = scan.find(connection.from(from), limits)? {
            break place;
        }
        if !connection.more() {
            return Ok(None);
        }
    };
    let (start, head_end) = (from + place.start, from + place.end);
    let said = head(
        kind,
        connection.bytes.get(start..head_end).unwrap_or_default(),
        limits,
    )?;
    let mut reader = BodyReader::new(said.body);
    let (mut content, mut at) = (Vec::new(), head_end);
    while !reader.has_ended() {
        let part = reader.next(connection.from(at))?;
        let data = connection.from(at).get(part.skip..part.skip + part.data);
        content.extend_from_slice(data.unwrap_or_else(|| panic!("{part:?} goes beyond what came")));
        at += part.skip + part.data;
        assert_eq!(part.ended, reader.has_ended());
        if part.skip + part.data == 0 && !part.ended && !connection.more() {
            if reader.may_end_here() {
                break;
            }
            return Ok(None);
        }
    }
    Ok(Some(Message {
        start,
        head_end,
        end: at,
        what: said.what,
        fields: said.fields,
        content,
        trailer: reader.trailer().map(pairs).unwrap_or_default(),
        keep_alive: said.keep_alive,
    }))
}

fn head(kind: Kind, bytes: &[u8], limits: &Limits) -> Result<Said, Refusal> {
    match kind {
        Kind::Request => {
            let mut head = RequestHead::default();
            let plan = head.parse(bytes, limits)?;
            Ok(Said {
                what: (head.method().into(), head.target().into()),
                fields: pairs(head.fields()),
                body: plan.body,
                keep_alive: plan.keep_alive,
            })
        }
        Kind::Response { answers_head } => {
            let mut head = ResponseHead::default();
            let plan = head.parse(bytes, answers_head, limits)?;
            Ok(Said {
                what: (head.status().to_string().into_bytes(), Vec::new()),
                fields: pairs(head.fields()),
                body: plan.body,
                keep_alive: plan.keep_alive,
            })
        }
    }
}

/// The fields, as plain pairs.
#[must_use]
pub fn pairs(fields: &Fields) -> Pairs {
    let pair = |field: crate::Field<'_>| (field.name.as_bytes().to_vec(), field.value.to_vec());
    fields.iter().map(pair).collect()
}
