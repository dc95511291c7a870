//! Finds the end of a head while it arrives.
//!
//! Invariant: no byte is looked at twice, however small the reads are; and a line that does not end in CR LF is refused
//! when it arrives, not when a timeout ends the wait for an end that never comes.

use memchr::memchr;

use crate::{Limits, Refusal};

/// How far a head has been looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct HeadScan {
    /// Everything before was looked at.
    seen: usize,
    line_start: usize,
    /// Where the head begins: behind an empty line, if one came first.
    start: usize,
    /// Whether an empty line before the head is a head.
    exact: bool,
}

/// A whole head within the bytes that were scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadEnd {
    /// Its first byte. Clients of old send an empty line after a body; one is skipped (RFC 9112 §2.2).
    pub start: usize,
    /// The byte behind its empty line.
    pub end: usize,
}

impl HeadScan {
    /// A scan for a response's head. Only requests may have an empty line before them; before a response it would be
    /// the end of a body that was longer than it said.
    #[must_use]
    pub fn for_response() -> Self {
        Self {
            exact: true,
            ..Self::default()
        }
    }

    /// Looks at what is new in `bytes`, which begin where they began at the call before.
    ///
    /// # Errors
    /// A line end without CR, or more bytes than a head may have.
    pub fn find(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<HeadEnd>, Refusal> {
        loop {
            // What lies beyond the limit is not looked at, so that it refuses the same however the bytes come.
            let reach = bytes.len().min(self.start + limits.head_len_max);
            let Some(at) = memchr(b'\n', bytes.get(self.seen..reach).unwrap_or_default()) else {
                self.seen = reach.max(self.seen);
                return self.wait_for_more(bytes.len(), limits);
            };
            let lf = self.seen + at;
            if lf == self.line_start || bytes.get(lf - 1) != Some(&b'\r') {
                return Err(Refusal::BareLineEnd);
            }
            let is_empty = lf - 1 == self.line_start;
            self.seen = lf + 1;
            self.line_start = lf + 1;
            if is_empty && lf == 1 && !self.exact {
                self.start = lf + 1;
            } else if is_empty {
                return Ok(Some(HeadEnd {
                    start: self.start,
                    end: lf + 1,
                }));
            }
        }
    }

    fn wait_for_more(&self, len: usize, limits: &Limits) -> Result<Option<HeadEnd>, Refusal> {
        if len <= self.start + limits.head_len_max {
            return Ok(None);
        }
        let in_first_line = self.line_start == self.start;
        Err(match in_first_line {
            true => Refusal::TargetTooLong,
            false => Refusal::HeadTooLong,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Result<Option<HeadEnd>, Refusal> {
        HeadScan::default().find(text.as_bytes(), &Limits::default())
    }

    /// The end is the same whether the head comes in one piece or byte by byte.
    #[test]
    fn cuts_do_not_matter() {
        let text = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nnext";
        let whole = Some(HeadEnd { start: 2, end: 29 });
        assert_eq!(HeadScan::default().find(text, &Limits::default()), Ok(whole));
        let mut scan = HeadScan::default();
        let found = (1..=text.len()).find_map(|len| scan.find(&text[..len], &Limits::default()).unwrap());
        assert_eq!(found, whole);
    }

    /// A lone LF is refused at once: some readers end a line there, others do not.
    #[test]
    fn a_lone_lf_is_refused() {
        assert_eq!(find("GET / HTTP/1.1\nHost"), Err(Refusal::BareLineEnd));
        assert_eq!(find("\nGET"), Err(Refusal::BareLineEnd));
        assert_eq!(find("GET / HTTP/1.1\r\nHost: a\n"), Err(Refusal::BareLineEnd));
    }

    /// One empty line may come first; two are a message that ends where it begins.
    #[test]
    fn one_empty_line_is_skipped() {
        assert_eq!(find("\r\n"), Ok(None));
        assert_eq!(find("\r\n\r\n"), Ok(Some(HeadEnd { start: 2, end: 4 })));
    }

    /// Before a response, an empty line is what a body left behind.
    #[test]
    fn a_response_begins_at_once() {
        let whole = Some(HeadEnd { start: 0, end: 2 });
        let found = HeadScan::for_response().find(b"\r\nHTTP/1.1 200 OK\r\n\r\n", &Limits::default());
        assert_eq!(found, Ok(whole));
    }

    /// An endless line ends at the limit.
    #[test]
    fn a_head_has_an_end() {
        let limits = Limits {
            head_len_max: 20,
            ..Limits::default()
        };
        let mut scan = HeadScan::default();
        assert_eq!(scan.find(&[b'a'; 20], &limits), Ok(None));
        assert_eq!(scan.find(&[b'a'; 21], &limits), Err(Refusal::TargetTooLong));
        let head = b"GET / HTTP/1.1\r\nA: b\r\n\r\n";
        assert_eq!(HeadScan::default().find(head, &limits), Err(Refusal::HeadTooLong));
        // The same line is to blame whether it comes whole or not.
        let line = b"GET /abcdef HTTP/1.1\r\n\r\n";
        assert_eq!(
            HeadScan::default().find(line, &limits),
            Err(Refusal::TargetTooLong)
        );
    }
}
