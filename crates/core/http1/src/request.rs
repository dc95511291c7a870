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
        self.fields.hold(head);
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
        self.target = self.fields.hold(target.as_bytes());
        self.split_target().is_ok()
    }

    /// Replaces the method.
    ///
    /// # Errors
    /// Gives `false` and changes nothing when it is no token.
    #[must_use = "a method that is not valid is not set"]
    pub fn set_method(&mut self, method: &str) -> bool {
        let valid = is_token(method.as_bytes());
        if valid {
            self.method = self.fields.hold(method.as_bytes());
        }
        valid
    }

    /// Makes this the head of a request that is built rather than read.
    ///
    /// # Errors
    /// Gives `false` when method or target are not valid.
    #[must_use = "a head that is not valid must not be sent"]
    pub fn start(&mut self, method: &str, path: &str, query: Option<&str>) -> bool {
        self.fields.clear();
        self.version = Version::Http11;
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
            if !is_host(fields.at(authority)) {
                return Err(Refusal::Target);
            }
            self.authority = authority;
        }
        let (path, query) = rest.split_at_byte(fields.at(rest), b'?');
        (self.path, self.query) = (path, query);
        if authority.is_some() && method != b"CONNECT" && path.is_empty() {
            self.path = self.fields.hold(b"/");
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

/// `host[:port]`, with the bytes that a name or an address may have.
pub(crate) fn is_host(text: &[u8]) -> bool {
    let (host, port) = match text {
        [b'[', inside @ ..] => match inside.iter().position(|byte| *byte == b']') {
            Some(end) => {
                let (address, port) = inside.split_at(end);
                let good = address
                    .iter()
                    .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
                (good && !address.is_empty(), port.get(1..).unwrap_or_default())
            }
            None => return false,
        },
        _ => {
            let end = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
            let (name, port) = text.split_at(end);
            let good = name
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=%".contains(byte));
            (good && !name.is_empty(), port)
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
