//! A second reader of HTTP/1, to compare ours with: written from RFC 9112 and 9110 alone, line by line and byte by
//! byte, with no eye on speed and no code in common with ours.
//!
//! Where the RFC lets a recipient choose, it chooses the strictest: it repairs nothing, takes no transfer coding but
//! `chunked`, one length at most, one `Host`, no expectation but `100-continue`, and no field that decides about
//! borders in a trailer.
//!
//! Invariant: everything it needs is in the bytes before it; it never looks at what our reader said.

use std::net::Ipv6Addr;

use super::message::{Kind, Message, Pairs, Stop, What};

/// Fields that a trailer may not have.
const DECISIVE: [&str; 12] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "expect",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
];

/// Reads messages until the bytes or the connection end.
#[must_use]
pub fn read(kind: Kind, bytes: &[u8]) -> (Vec<Message>, Stop) {
    let mut messages = Vec::new();
    let mut input = Input { bytes, at: 0 };
    while input.at < bytes.len() {
        match message(kind, &mut input) {
            Ok(message) => {
                let goes_on = message.keep_alive;
                messages.push(message);
                if !goes_on {
                    return (messages, Stop::Closed);
                }
            }
            Err(stop) => return (messages, stop),
        }
    }
    (messages, Stop::Clean)
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    fn byte(&mut self) -> Result<u8, Stop> {
        let byte = self.bytes.get(self.at).ok_or(Stop::Incomplete)?;
        self.at += 1;
        Ok(*byte)
    }

    /// A line that ends in CR LF, without them; no other CR, LF or NUL is in it.
    fn line(&mut self) -> Result<Vec<u8>, Stop> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\r' if self.byte()? == b'\n' => return Ok(line),
                b'\r' | b'\n' | 0 => return Err(Stop::Malformed),
                byte => line.push(byte),
            }
        }
    }

    fn count(&mut self, count: u64) -> Result<Vec<u8>, Stop> {
        let mut bytes = Vec::new();
        for _ in 0..count {
            bytes.push(self.byte()?);
        }
        Ok(bytes)
    }
}

/// The start line and the fields of a head; its end is where the input stands then.
pub(super) struct Head {
    pub(super) start_line: Vec<u8>,
    pub(super) fields: Pairs,
}

/// Takes one head apart without judging what it says.
pub(super) fn head(bytes: &[u8]) -> Result<(Head, usize), Stop> {
    let mut input = Input { bytes, at: 0 };
    let head = lines(&mut input)?;
    Ok((head, input.at))
}

fn lines(input: &mut Input<'_>) -> Result<Head, Stop> {
    let start_line = input.line()?;
    if start_line.is_empty() {
        return Err(Stop::Malformed);
    }
    let fields = field_lines(input)?;
    Ok(Head { start_line, fields })
}

fn field_lines(input: &mut Input<'_>) -> Result<Pairs, Stop> {
    let mut fields = Vec::new();
    loop {
        let line = input.line()?;
        if line.is_empty() {
            return Ok(fields);
        }
        let colon = line.iter().position(|b| *b == b':').ok_or(Stop::Malformed)?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if !is_token(name) || !value.iter().all(|b| *b == b'\t' || (*b >= b' ' && *b != 127)) {
            return Err(Stop::Malformed);
        }
        if is_lookalike(name) {
            return Err(Stop::Malformed);
        }
        fields.push((name.to_vec(), trim(value).to_vec()));
    }
}

/// `Content_Length` and its like: not the name, but the name to whoever makes a variable of it.
fn is_lookalike(name: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
    let plain = lower.replace(['-', '_'], "");
    (plain == "contentlength" && lower != "content-length")
        || (plain == "transferencoding" && lower != "transfer-encoding")
}

fn message(kind: Kind, input: &mut Input<'_>) -> Result<Message, Stop> {
    if kind == Kind::Request && input.bytes[input.at..].starts_with(b"\r\n") {
        input.at += 2;
    }
    let start = input.at;
    let Head { start_line, fields } = lines(input)?;
    let head_end = input.at;
    let (what, minor) = match kind {
        Kind::Request => request_line(&start_line)?,
        Kind::Response { .. } => status_line(&start_line)?,
    };
    let size = size(&fields, minor)?;
    let mut closes = has_option(&fields, "close") || (minor == 0 && !has_option(&fields, "keep-alive"));
    let size = match kind {
        Kind::Request => {
            hosts(&what, &fields, minor)?;
            expectations(&fields)?;
            closes |= what.0 == b"CONNECT";
            size.unwrap_or(Size::Bytes(0))
        }
        Kind::Response { answers_head } => {
            let status = &what.0[..];
            let bodiless = answers_head || status[0] == b'1' || status == b"204" || status == b"304";
            let forbidden = status[0] == b'1' || status == b"204";
            // A server that announces a body where none may be is not asked again.
            closes |= forbidden && size.is_some_and(|size| size != Size::Bytes(0));
            if bodiless {
                Size::Bytes(0)
            } else {
                closes |= size.is_none();
                size.unwrap_or(Size::Rest)
            }
        }
    };
    let (content, trailer) = body(input, size)?;
    Ok(Message {
        start,
        head_end,
        end: input.at,
        what,
        fields,
        content,
        trailer,
        keep_alive: !closes,
    })
}

fn body(input: &mut Input<'_>, size: Size) -> Result<(Vec<u8>, Pairs), Stop> {
    match size {
        Size::Bytes(count) => Ok((input.count(count)?, Vec::new())),
        Size::Rest => Ok((input.count((input.bytes.len() - input.at) as u64)?, Vec::new())),
        Size::Chunks => {
            let mut content = Vec::new();
            loop {
                let line = input.line()?;
                let count = chunk_size(&line)?;
                if count == 0 {
                    break;
                }
                content.extend(input.count(count)?);
                if input.byte()? != b'\r' || input.byte()? != b'\n' {
                    return Err(Stop::Malformed);
                }
            }
            let trailer = field_lines(input)?;
            let decides = |name: &[u8]| DECISIVE.iter().any(|known| is_named(name, known));
            if trailer.iter().any(|(name, _)| decides(name)) {
                return Err(Stop::Malformed);
            }
            Ok((content, trailer))
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Bytes(u64),
    Chunks,
    Rest,
}

/// RFC 9112 §6.3.
fn size(fields: &Pairs, minor: u8) -> Result<Option<Size>, Stop> {
    let lengths = values(fields, "content-length");
    let codings = values(fields, "transfer-encoding");
    if lengths.is_empty() && codings.is_empty() {
        return Ok(None);
    }
    if lengths.len() + codings.len() > 1 {
        return Err(Stop::Malformed);
    }
    if let Some(coding) = codings.first() {
        let known = is_named(coding, "chunked") && minor == 1;
        return if known {
            Ok(Some(Size::Chunks))
        } else {
            Err(Stop::Malformed)
        };
    }
    let mut count: u64 = 0;
    for digit in lengths[0] {
        if !digit.is_ascii_digit() {
            return Err(Stop::Malformed);
        }
        let ten = count.checked_mul(10).ok_or(Stop::Malformed)?;
        count = ten.checked_add(u64::from(digit - b'0')).ok_or(Stop::Malformed)?;
    }
    if lengths[0].is_empty() {
        Err(Stop::Malformed)
    } else {
        Ok(Some(Size::Bytes(count)))
    }
}

/// RFC 9112 §7.1: digits, then extensions, each `;name`, `;name=token` or `;name="text"`.
fn chunk_size(line: &[u8]) -> Result<u64, Stop> {
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    if digits == 0 || digits > 16 {
        return Err(Stop::Malformed);
    }
    let text: String = line[..digits].iter().map(|b| char::from(*b)).collect();
    let count = u64::from_str_radix(&text, 16).map_err(|_| Stop::Malformed)?;
    let mut rest = &line[digits..];
    while let Some(after) = rest.strip_prefix(b";") {
        rest = token(after)?;
        if let Some(after) = rest.strip_prefix(b"=") {
            rest = match after.strip_prefix(b"\"") {
                Some(text) => quoted_end(text)?,
                None => token(after)?,
            };
        }
    }
    if rest.is_empty() {
        Ok(count)
    } else {
        Err(Stop::Malformed)
    }
}

/// What follows the token at the beginning.
fn token(text: &[u8]) -> Result<&[u8], Stop> {
    let len = text.iter().take_while(|b| is_token(&[**b])).count();
    if len == 0 {
        Err(Stop::Malformed)
    } else {
        Ok(&text[len..])
    }
}

/// What follows the closing quote.
fn quoted_end(mut text: &[u8]) -> Result<&[u8], Stop> {
    let visible = |b: u8| b == b'\t' || (b >= b' ' && b != 127);
    loop {
        text = match text {
            [b'"', rest @ ..] => return Ok(rest),
            [b'\\', next, rest @ ..] if visible(*next) => rest,
            [b'\\', ..] => return Err(Stop::Malformed),
            [next, rest @ ..] if visible(*next) => rest,
            _ => return Err(Stop::Malformed),
        };
    }
}

/// Method and target, and the minor version.
fn request_line(line: &[u8]) -> Result<(What, u8), Stop> {
    let words: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
    let [method, target, version] = words[..] else {
        return Err(Stop::Malformed);
    };
    let minor = match version {
        b"HTTP/1.0" => 0,
        b"HTTP/1.1" => 1,
        _ => return Err(Stop::Malformed),
    };
    if !is_token(method) || !is_target(method, target) {
        return Err(Stop::Malformed);
    }
    Ok(((method.to_vec(), target.to_vec()), minor))
}

/// Status and reason, and the minor version. The space before an empty reason may be missing: many leave it out.
fn status_line(line: &[u8]) -> Result<(What, u8), Stop> {
    let minor = match line.get(..9) {
        Some(b"HTTP/1.0 ") => 0,
        Some(b"HTTP/1.1 ") => 1,
        _ => return Err(Stop::Malformed),
    };
    let status = line.get(9..12).ok_or(Stop::Malformed)?;
    if !matches!(status, [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9']) {
        return Err(Stop::Malformed);
    }
    let reason = match line.get(12..) {
        None | Some([]) => &[],
        Some([b' ', reason @ ..]) => reason,
        Some(_) => return Err(Stop::Malformed),
    };
    if reason.iter().any(|b| (*b < b' ' && *b != b'\t') || *b == 127) {
        return Err(Stop::Malformed);
    }
    Ok(((status.to_vec(), reason.to_vec()), minor))
}

/// RFC 9112 §3.2: the four forms.
fn is_target(method: &[u8], target: &[u8]) -> bool {
    if !target.iter().all(|b| *b > b' ' && *b < 127 && *b != b'#') {
        return false;
    }
    if method == b"CONNECT" {
        let ends_in_port = target.last().is_some_and(u8::is_ascii_digit);
        return ends_in_port && matches!(host_and_port(target), Some((_, Some(_))));
    }
    target.starts_with(b"/")
        || (target == b"*" && method == b"OPTIONS")
        || authority(target).is_some_and(|authority| host_and_port(authority).is_some())
}

/// What stands between `//` and the path of an absolute target.
fn authority(target: &[u8]) -> Option<&[u8]> {
    let lower = target.to_ascii_lowercase();
    let scheme = ["http://", "https://"]
        .into_iter()
        .find(|s| lower.starts_with(s.as_bytes()))?;
    target[scheme.len()..].split(|b| matches!(b, b'/' | b'?')).next()
}

/// RFC 3986 §3.2: an address in brackets or a name, and what follows the colon behind it.
fn host_and_port(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let text_str = std::str::from_utf8(text).ok()?;
    let (host, rest) = if let Some(inside) = text_str.strip_prefix('[') {
        let (address, rest) = inside.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        (&text[..address.len() + 2], rest)
    } else {
        let end = text_str.find(':').unwrap_or(text_str.len());
        is_name(&text[..end]).then_some(())?;
        (&text[..end], &text_str[end..])
    };
    match rest.strip_prefix(':') {
        Some(port) if port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) => {
            Some((host, Some(port.as_bytes())))
        }
        None if rest.is_empty() => Some((host, None)),
        Some(_) | None => None,
    }
}

/// A registered name that is not empty. A comma is not taken: it would make a list of two hosts look like one.
fn is_name(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        let hex = |i: usize| text.get(i).is_some_and(u8::is_ascii_hexdigit);
        match text[at] {
            b'%' if hex(at + 1) && hex(at + 2) => at += 3,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => at += 1,
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b';'
            | b'=' => at += 1,
            _ => return false,
        }
    }
    at > 0
}

/// RFC 9112 §3.2: one `Host`, the one that the target names.
fn hosts(what: &What, fields: &Pairs, minor: u8) -> Result<(), Stop> {
    let (method, target) = what;
    let host = match values(fields, "host")[..] {
        [] if minor == 0 => return Ok(()),
        [host] => host,
        _ => return Err(Stop::Malformed),
    };
    host_and_port(host).ok_or(Stop::Malformed)?;
    let named = if method == b"CONNECT" {
        Some(&target[..])
    } else {
        authority(target)
    };
    let plain = |text: &[u8]| {
        let lower = String::from_utf8_lossy(text).to_ascii_lowercase();
        let short = lower.strip_suffix(":80").or_else(|| lower.strip_suffix(":443"));
        short.map(str::to_owned).unwrap_or(lower)
    };
    match named {
        Some(named) if plain(named) != plain(host) => Err(Stop::Malformed),
        Some(_) | None => Ok(()),
    }
}

fn expectations(fields: &Pairs) -> Result<(), Stop> {
    let all = values(fields, "expect");
    if all.iter().all(|value| is_named(value, "100-continue")) {
        Ok(())
    } else {
        Err(Stop::Malformed)
    }
}

fn has_option(fields: &Pairs, option: &str) -> bool {
    let lists = values(fields, "connection");
    lists
        .iter()
        .flat_map(|list| list.split(|b| *b == b','))
        .any(|member| is_named(trim(member), option))
}

fn values<'a>(fields: &'a Pairs, name: &str) -> Vec<&'a [u8]> {
    let named = fields.iter().filter(|field| is_named(&field.0, name));
    named.map(|field| &field.1[..]).collect()
}

fn is_named(name: &[u8], lower: &str) -> bool {
    name.to_ascii_lowercase() == lower.as_bytes()
}

fn is_token(text: &[u8]) -> bool {
    let separators = b"\"(),/:;<=>?@[\\]{}";
    !text.is_empty()
        && text
            .iter()
            .all(|b| *b > b' ' && *b < 127 && !separators.contains(b))
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
