//! What a message's own framing fields say on the next connection, whatever filters did to the head.

use koinon_core_http1::{BodyLength, Fields, Known, RequestHead, ResponseHead};

use crate::pump::Framing;

/// Makes a request's head say how its body is sent.
pub(super) fn frame_request(head: &mut RequestHead, body: BodyLength) -> Framing {
    let expects_body = matches!(head.method(), "POST" | "PUT" | "PATCH");
    let fields = head.fields_mut();
    match body {
        BodyLength::Known(len) => set_length(fields, len),
        BodyLength::Chunked | BodyLength::UntilClose => {
            set_chunked(fields);
            return Framing::Chunked;
        }
        BodyLength::Empty if expects_body => set_length(fields, 0),
        BodyLength::Empty => drop_framing(fields),
    }
    Framing::Plain
}

/// How a response is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passing {
    /// How the client learns where the body ends.
    pub(super) framing: Framing,
    /// What of the body is passed on.
    pub(super) body: BodyLength,
    /// The end of the connection is the end of the body.
    pub(super) closes: bool,
    /// The endpoint sends a body that may not be passed on.
    pub(super) drops_body: bool,
}

/// Makes a response's head say how its body is passed on. `takes_chunks`: the client speaks HTTP/1.1.
pub(super) fn frame_response(
    head: &mut ResponseHead,
    body: BodyLength,
    takes_chunks: bool,
    answers_head: bool,
) -> Passing {
    let status = head.status();
    let fields = head.fields_mut();
    let mut passing = Passing {
        framing: Framing::Plain,
        body,
        closes: false,
        drops_body: false,
    };
    if matches!(status, 100..=199 | 204 | 304) && !answers_head {
        if status != 304 {
            drop_framing(fields);
        }
        passing.drops_body = body != BodyLength::Empty;
        passing.body = BodyLength::Empty;
        return passing;
    }
    match body {
        // The length of what is not sent: HEAD's, which must stay, or an explicit 0.
        BodyLength::Empty if answers_head => {}
        BodyLength::Empty => set_length(fields, 0),
        BodyLength::Known(len) => set_length(fields, len),
        BodyLength::Chunked | BodyLength::UntilClose if takes_chunks => {
            set_chunked(fields);
            passing.framing = Framing::Chunked;
        }
        BodyLength::Chunked | BodyLength::UntilClose => {
            drop_framing(fields);
            passing.closes = true;
        }
    }
    passing
}

fn is_framing(known: Known) -> bool {
    matches!(known, Known::ContentLength | Known::TransferEncoding)
}

fn drop_framing(fields: &mut Fields) {
    let framed = fields.iter().any(|field| is_framing(field.known));
    if framed {
        fields.remove_if(|field| is_framing(field.known));
    }
}

fn set_chunked(fields: &mut Fields) {
    drop_framing(fields);
    // A fixed name and word are always valid.
    let _ = fields.add("Transfer-Encoding", b"chunked");
}

/// Leaves the usual head, which says the right length already, alone.
fn set_length(fields: &mut Fields, len: u64) {
    let mut framing = fields.iter().filter(|field| is_framing(field.known));
    let is_right = framing.next().is_some_and(|field| {
        field.known == Known::ContentLength && field.text().and_then(|text| text.parse().ok()) == Some(len)
    });
    if is_right && framing.next().is_none() {
        return;
    }
    drop(framing);
    drop_framing(fields);
    // Digits are always valid.
    let _ = fields.add("Content-Length", len.to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, fields: &[(&str, &str)]) -> RequestHead {
        let mut head = RequestHead::default();
        assert!(head.start(method, "/", None));
        for (name, value) in fields {
            assert!(head.fields_mut().add(name, value.as_bytes()));
        }
        head
    }

    fn text(fields: &Fields) -> String {
        let mut out = Vec::new();
        fields.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// A filter that adds a length or a coding must not be able to split a request in two.
    #[test]
    fn filters_cannot_change_where_a_request_ends() {
        let mut head = request(
            "GET",
            &[("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
        );
        assert_eq!(frame_request(&mut head, BodyLength::Empty), Framing::Plain);
        assert_eq!(text(head.fields()), "");
        let mut head = request("POST", &[("Content-Length", "3"), ("Content-Length", "5")]);
        assert_eq!(frame_request(&mut head, BodyLength::Known(3)), Framing::Plain);
        assert_eq!(text(head.fields()), "Content-Length: 3\r\n");
        assert_eq!(frame_request(&mut head, BodyLength::Chunked), Framing::Chunked);
        assert_eq!(text(head.fields()), "Transfer-Encoding: chunked\r\n");
        let mut head = request("POST", &[]);
        frame_request(&mut head, BodyLength::Empty);
        assert_eq!(text(head.fields()), "Content-Length: 0\r\n");
    }

    fn response(status: u16, fields: &[(&str, &str)]) -> ResponseHead {
        let mut head = ResponseHead::default();
        head.start(status);
        for (name, value) in fields {
            assert!(head.fields_mut().add(name, value.as_bytes()));
        }
        head
    }

    /// A body whose end only a closed connection tells becomes chunks, so that the client's connection lives on; an old
    /// client, which knows no chunks, gets the closed connection.
    #[test]
    fn bodies_of_unknown_length_are_chunked_or_close() {
        let mut head = response(200, &[]);
        let passing = frame_response(&mut head, BodyLength::UntilClose, true, false);
        assert_eq!((passing.framing, passing.closes), (Framing::Chunked, false));
        assert_eq!(text(head.fields()), "Transfer-Encoding: chunked\r\n");
        let passing = frame_response(&mut head, BodyLength::Chunked, false, false);
        assert_eq!((passing.framing, passing.closes), (Framing::Plain, true));
        assert_eq!(text(head.fields()), "");
    }

    /// What a status or HEAD forbids is not sent, and HEAD's length stays.
    #[test]
    fn bodiless_answers_have_no_body() {
        let mut head = response(200, &[("Content-Length", "9")]);
        let passing = frame_response(&mut head, BodyLength::Empty, true, true);
        assert_eq!(
            (passing.body, text(head.fields()).as_str()),
            (BodyLength::Empty, "Content-Length: 9\r\n")
        );
        let mut head = response(204, &[("Content-Length", "9")]);
        let passing = frame_response(&mut head, BodyLength::Known(9), true, false);
        assert!(passing.drops_body && passing.body == BodyLength::Empty);
        assert_eq!(text(head.fields()), "");
    }
}
