//! A request's head.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig};

use crate::fields::{Fields, Span, is_token};
use crate::framing::RequestPlan;
use crate::{Limits, Refusal};

/// The protocol's version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

impl Version {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

/// The head of a request. One value serves a whole connection: parsing the next head reuses its memory.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    fields: Fields,
    version: Version,
    method: Span,
    target: Span,
    path: Span,
    query: Option<Span>,
    authority: Span,
}

impl RequestHead {
    /// Reads one whole head, as [`crate::HeadScan`] found it, in place of what was here.
    ///
    /// # Errors
    /// Why it is not taken. What is here then is not a head; parse another before reading it.
    pub fn parse(&mut self, head: &[u8], limits: &Limits) -> Result<RequestPlan, Refusal> {
        self.fields.clear();
        self.fields.hold(head).ok_or(Refusal::HeadTooLong)?;
        let mut room = [const { MaybeUninit::<Header<'_>>::uninit() }; Limits::FIELDS_MAX];
        let allowed = limits.fields_max.min(Limits::FIELDS_MAX);
        let mut parsed = httparse::Request::new(&mut []);
        let read = ParserConfig::default().parse_request_with_uninit_headers(
            &mut parsed,
            head,
            room.get_mut(..allowed).unwrap_or_default(),
        );
        match read {
            Ok(httparse::Status::Complete(len)) if len == head.len() => {}
            Ok(_) => return Err(Refusal::RequestLine),
            Err(error) => return Err(refusal_of(error, head)),
        }
        let (Some(method), Some(target)) = (parsed.method, parsed.path) else {
            return Err(Refusal::RequestLine);
        };
        if target.len() > limits.target_len_max {
            return Err(Refusal::TargetTooLong);
        }
        self.version = match parsed.version {
            Some(0) => Version::Http10,
            _ => Version::Http11,
        };
        self.method = Fields::place(head, method.as_bytes());
        self.target = Fields::place(head, target.as_bytes());
        for header in parsed.headers.iter() {
            let name = Fields::place(head, header.name.as_bytes());
            self.fields.push_placed(name, Fields::place(head, header.value));
        }
        self.split_target()?;
        RequestPlan::of(self)
    }

    /// The method, as it was sent: methods are told apart by case.
    #[must_use]
    pub fn method(&self) -> &str {
        self.fields.text_at(self.method)
    }

    /// The whole target, as it was sent.
    #[must_use]
    pub fn target(&self) -> &str {
        self.fields.text_at(self.target)
    }

    /// The target's path, undecoded; `*` for the target `*`, empty for CONNECT's.
    #[must_use]
    pub fn path(&self) -> &str {
        self.fields.text_at(self.path)
    }

    /// What follows the first `?` of the target.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.map(|query| self.fields.text_at(query))
    }

    /// The target's host and port, where it names them: absolute targets and CONNECT's.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        (!self.authority.is_empty()).then(|| self.fields.text_at(self.authority))
    }

    /// The host that the request is for: the target's, else the `Host` field's.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.authority().or_else(|| self.fields.text("host"))
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The header fields.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The header fields, to be changed.
    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }

    /// Replaces path and query; the target becomes one in origin form.
    ///
    /// # Errors
    /// Gives `false` and changes nothing when that is no such target.
    #[must_use = "a target that is not valid is not set"]
    pub fn set_path_and_query(&mut self, path: &str, query: Option<&str>) -> bool {
        let fits = |part: &str, but: &[u8]| {
            part.bytes()
                .all(|byte| is_target_byte(byte) && !but.contains(&byte))
        };
        if !path.starts_with('/') || !fits(path, b"?") || !query.is_none_or(|query| fits(query, b"")) {
            return false;
        }
        let mut target = String::with_capacity(path.len() + 1 + query.map_or(0, str::len));
        target.push_str(path);
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        let target = self.fields.hold(target.as_bytes());
        self.replace_target(target)
    }

    /// Replaces the path and keeps the query; the target becomes one in origin form.
    ///
    /// # Errors
    /// Gives `false` and changes nothing when that is no such target.
    #[must_use = "a path that is not valid is not set"]
    pub fn set_path(&mut self, path: &str) -> bool {
        let fits = path.starts_with('/') && path.bytes().all(|byte| is_target_byte(byte) && byte != b'?');
        if !fits {
            return false;
        }
        let path = self.fields.hold(path.as_bytes());
        path.is_some_and(|path| self.compose_target(path))
    }

    /// Cuts `bytes` from the front of the path, which must then still start with `/`.
    ///
    /// # Errors
    /// Gives `false` and changes nothing when it would not, or the target is not one in origin form.
    #[must_use = "a path that is not valid is not set"]
    pub fn cut_path(&mut self, bytes: usize) -> bool {
        let fits = self.authority.is_empty()
            && self.path.starts_like(self.target)
            && self.path().as_bytes().get(bytes) == Some(&b'/');
        if fits {
            self.target = self.target.without(bytes);
            self.path = self.path.without(bytes);
        }
        fits
    }

    /// Makes the target one in origin form, as it is sent to the server that the request is for. An absolute target's
    /// authority is forgotten: take [`RequestHead::host`] before.
    ///
    /// # Errors
    /// Gives `false` for `*` and CONNECT's targets, which have no path.
    #[must_use = "some targets have no path"]
    pub fn to_origin_form(&mut self) -> bool {
        if !self.path().starts_with('/') {
            return false;
        }
        self.authority.is_empty() || self.compose_target(self.path)
    }

    /// Path and query, one behind the other, become the target.
    fn compose_target(&mut self, path: Span) -> bool {
        let query = self.query;
        let mark: &[u8] = if query.is_some() { b"?" } else { b"" };
        let target = self.fields.join(path, mark, query.unwrap_or_default());
        self.replace_target(target)
    }

    /// Puts a target in place if there is one and it fits the method.
    fn replace_target(&mut self, target: Option<Span>) -> bool {
        let Some(target) = target else { return false };
        let old = std::mem::replace(&mut self.target, target);
        let fits = self.split_target().is_ok();
        if !fits {
            self.target = old;
            let _restored = self.split_target();
        }
        fits
    }

    /// Replaces the method.
    ///
    /// # Errors
    /// Gives `false` and changes nothing when it is no token, or when the target is of a form that it does not take:
    /// CONNECT and the target `*` go with nothing else.
    #[must_use = "a method that is not valid is not set"]
    pub fn set_method(&mut self, method: &str) -> bool {
        if !is_token(method.as_bytes()) {
            return false;
        }
        let old = self.method;
        let Some(method) = self.fields.hold(method.as_bytes()) else {
            return false;
        };
        self.method = method;
        let fits = self.target.is_empty() || self.split_target().is_ok();
        if !fits {
            self.method = old;
            let _restored = self.split_target();
        }
        fits
    }

    /// Makes this the head of a request that is built rather than read.
    ///
    /// # Errors
    /// Gives `false` when method or target are not valid.
    #[must_use = "a head that is not valid must not be sent"]
    pub fn start(&mut self, method: &str, path: &str, query: Option<&str>) -> bool {
        self.fields.clear();
        self.version = Version::Http11;
        // What they were is no longer in the buffer.
        (self.method, self.target) = (Span::default(), Span::default());
        self.set_method(method) && self.set_path_and_query(path, query)
    }

    /// Writes the head, its empty line included. What is sent is always HTTP/1.1: a version belongs to a connection.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.fields.at(self.method));
        out.push(b' ');
        out.extend_from_slice(self.fields.at(self.target));
        out.extend_from_slice(b" HTTP/1.1\r\n");
        self.fields.write(out);
        out.extend_from_slice(b"\r\n");
    }

    /// Finds the parts of the target (RFC 9112 §3.2).
    fn split_target(&mut self) -> Result<(), Refusal> {
        (self.query, self.authority) = (None, Span::default());
        let fields = &self.fields;
        let (method, target) = (fields.at(self.method), fields.at(self.target));
        if !target.iter().all(|byte| is_target_byte(*byte)) {
            return Err(Refusal::Target);
        }
        let (authority, rest) = match target {
            [b'/', ..] => (None, self.target),
            b"*" if method == b"OPTIONS" => (None, self.target),
            _ if method == b"CONNECT" => (Some(self.target), Span::default()),
            _ => {
                let (authority, rest) = split_absolute(self.target, target).ok_or(Refusal::Target)?;
                (Some(authority), rest)
            }
        };
        if method == b"CONNECT" && authority.is_none() {
            return Err(Refusal::Target);
        }
        if let Some(authority) = authority {
            let text = fields.at(authority);
            // A tunnel has no default port (RFC 9112 §3.2.3).
            let whole = method != b"CONNECT" || text.last().is_some_and(u8::is_ascii_digit) && has_port(text);
            if !is_host(text) || !whole {
                return Err(Refusal::Target);
            }
            self.authority = authority;
        }
        let (path, query) = rest.split_at_byte(fields.at(rest), b'?');
        (self.path, self.query) = (path, query);
        if authority.is_some() && method != b"CONNECT" && path.is_empty() {
            self.path = self.fields.hold(b"/").ok_or(Refusal::TargetTooLong)?;
        }
        Ok(())
    }
}

/// `http://host[:port][/path]`: the place of the authority, and that of the rest.
fn split_absolute(span: Span, target: &[u8]) -> Option<(Span, Span)> {
    let scheme = ["http://", "https://"].into_iter().find(|scheme| {
        target
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    })?;
    let after = target.get(scheme.len()..)?;
    let end = after
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?'))
        .unwrap_or(after.len());
    let authority = span.part(scheme.len(), end);
    let rest = span.part(scheme.len() + end, after.len() - end);
    (end > 0).then_some((authority, rest))
}

/// Visible ASCII; `#` never reaches a server in a well-formed request.
fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

/// Whether a host is followed by a port; colons within brackets are the address's.
fn has_port(host: &[u8]) -> bool {
    let behind = host
        .iter()
        .rposition(|byte| *byte == b']')
        .map_or(0, |end| end + 1);
    host.get(behind..).is_some_and(|rest| rest.contains(&b':'))
}

/// Whether every `%` is followed by two hexadecimal digits.
fn is_percent_encoded(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'%')
        .skip(1)
        .all(|rest| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
}

/// `host[:port]`, with the bytes that a name or an address may have.
pub(crate) fn is_host(text: &[u8]) -> bool {
    let (host, port) = match text {
        [b'[', inside @ ..] => match inside.iter().position(|byte| *byte == b']') {
            Some(end) => {
                let (address, port) = inside.split_at(end);
                let address = std::str::from_utf8(address).unwrap_or_default();
                let good = address.parse::<std::net::Ipv6Addr>().is_ok();
                (good, port.get(1..).unwrap_or_default())
            }
            None => return false,
        },
        _ => {
            let end = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
            let (name, port) = text.split_at(end);
            let good = name
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=%".contains(byte));
            (good && !name.is_empty() && is_percent_encoded(name), port)
        }
    };
    host && match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn refusal_of(error: httparse::Error, head: &[u8]) -> Refusal {
    match error {
        httparse::Error::HeaderName | httparse::Error::HeaderValue => Refusal::Field,
        httparse::Error::NewLine => Refusal::BareLineEnd,
        httparse::Error::TooManyHeaders => Refusal::TooManyFields,
        httparse::Error::Version => {
            let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            let mut words = line.split(|byte| *byte == b' ').skip(2);
            let version = words
                .next()
                .filter(|_| words.next().is_none())
                .unwrap_or_default();
            match version {
                [b'H', b'T', b'T', b'P', b'/', major, rest @ ..]
                    if major.is_ascii_digit() && matches!(rest, [] | [b'.', _]) =>
                {
                    Refusal::Version
                }
                _ => Refusal::RequestLine,
            }
        }
        httparse::Error::Status | httparse::Error::Token => Refusal::RequestLine,
    }
}
