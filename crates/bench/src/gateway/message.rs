//! The request and the answer that every proxy carries, and how far an answer goes.
//!
//! Both are of everyday size: a browser's or a service's GET with eight headers beside Host, an answer of 130 bytes
//! of JSON. They are bytes made once, so that the load costs little and the same for everybody.

use std::net::SocketAddr;

use crate::error::{Error, Result};

pub(super) const BODY_LEN: usize = 130;
const HEADERS: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
     Accept: application/json, text/plain, */*\r\nAccept-Language: en-GB,en;q=0.8,de;q=0.5\r\n\
     Accept-Encoding: gzip, deflate, br\r\nReferer: https://shop.example.org/orders/overview\r\n\
     Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark\r\n\
     Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.dGhlIHNpZ25hdHVyZSBpcyBoZXJl\r\n\
     traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";

/// `GET PATH` as a client of the proxy at this address sends it.
pub(super) fn request(proxy: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {proxy}\r\n{HEADERS}\r\n").into_bytes()
}

/// What an endpoint answers, whatever it is asked.
pub(super) fn answer() -> Vec<u8> {
    let start = "{\"id\":42,\"state\":\"shipped\",\"lines\":[{\"sku\":\"A-1001\",\"count\":2}],\"note\":\"";
    let mut body = start.to_owned();
    body.extend(std::iter::repeat_n('x', BODY_LEN - start.len() - 2));
    body.push_str("\"}");
    format!(
        "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\nContent-Type: application/json\r\n\
         Cache-Control: no-store\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What is known of an answer from its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) status: u16,
    /// Head and body.
    pub(super) len: usize,
}

/// `None` while the head is not whole. Everything measured here answers with a Content-Length; what does not ends
/// the run.
pub(super) fn look(bytes: &[u8]) -> Result<Option<Seen>> {
    let Some(head_len) = memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    let head = &bytes[..head_len];
    let status = head
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| number(rest.get(..3)?));
    let length = memchr::memchr_iter(b'\n', head).find_map(|at| content_length(&head[at + 1..]));
    match (status.and_then(|status| u16::try_from(status).ok()), length) {
        (Some(status), Some(length)) => Ok(Some(Seen {
            status,
            len: head_len.saturating_add(length),
        })),
        (Some(_), None) | (None, _) => Err(Error::Answer {
            request: "a request through the proxy".into(),
            expected: "HTTP/1.1 with a Content-Length".into(),
            got: String::from_utf8_lossy(head).into_owned(),
        }),
    }
}

/// The value, when this is where the line of that header begins.
fn content_length(line: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let (name, value) = line.split_at_checked(NAME.len())?;
    if !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let end = memchr::memchr(b'\r', value)?;
    number(value[..end].trim_ascii())
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: what is measured is what the figures say: eight headers beside Host, 130 bytes back.
    #[test]
    fn messages_have_the_size_they_are_said_to_have() {
        let request = request(([127, 0, 0, 1], 80).into(), "/a");
        assert_eq!(memchr::memmem::find_iter(&request, b"\r\n").count(), 11);
        assert!(request.ends_with(b"\r\n\r\n"));
        let answer = answer();
        let seen = look(&answer).unwrap().unwrap();
        assert_eq!((seen.status, seen.len), (200, answer.len()));
        let body = &answer[answer.len() - BODY_LEN..];
        assert!(serde_json::from_slice::<serde_json::Value>(body).is_ok());
    }

    /// Protects: an answer is taken as whole only when it is, and one without a length is an error, not a hang.
    #[test]
    fn answers_end_where_they_say() {
        let whole = b"HTTP/1.1 503 X\r\na: b\r\nCONTENT-LENGTH:  7\r\n\r\n{}";
        let head_len = whole.len() - 2;
        let seen = Some(Seen {
            status: 503,
            len: head_len + 7,
        });
        assert_eq!(look(whole).unwrap(), seen);
        for cut in 0..head_len {
            assert_eq!(look(&whole[..cut]).unwrap(), None);
        }
        assert!(look(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(look(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n").is_err());
    }
}
