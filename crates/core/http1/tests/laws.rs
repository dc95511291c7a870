//! What holds for every input.

use koinon_core_http1::{BodyLength, BodyReader, HeadScan, Limits, Refusal, RequestHead};
use proptest::collection::vec;
use proptest::prelude::*;

/// What is left of a body after reading it in these cuts: content, and where it ended.
fn read(text: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, Option<usize>), Refusal> {
    let mut reader = BodyReader::new(BodyLength::Chunked);
    let (mut content, mut at, mut until, mut cuts) = (Vec::new(), 0, 0, cuts.iter());
    loop {
        until = cuts
            .next()
            .map_or(text.len(), |cut| (until + cut).min(text.len()));
        loop {
            let part = reader.next(&text[at..until])?;
            content.extend_from_slice(&text[at + part.skip..][..part.data]);
            at += part.skip + part.data;
            if part.ended {
                return Ok((content, Some(at)));
            }
            if part.skip + part.data == 0 {
                break;
            }
        }
        if until == text.len() {
            return Ok((content, None));
        }
    }
}

/// Pieces that chunked bodies are made of, valid and not.
fn chunk_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("0\r\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("3\r\nabc\r\n".to_owned()),
        Just("1;a=b\r\nx\r\n".to_owned()),
        Just("2;a=\"q\"\r\nxy\r\n".to_owned()),
        Just("T: v\r\n".to_owned()),
        "[0-9a-f;=\r\n\" ]{0,4}",
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat().into_bytes())
}

fn head_text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just("Host: a\r\n".to_owned()),
        Just("Content-Length: 3\r\n".to_owned()),
        Just("Transfer-Encoding: chunked\r\n".to_owned()),
        Just("Connection: close\r\n".to_owned()),
        "[A-Za-z-]{1,8}: [ -~]{0,12}\r\n",
        "[ -~\t]{0,12}\r?\n",
    ];
    let start = prop_oneof![
        Just("GET / HTTP/1.1\r\n".to_owned()),
        Just("POST http://a/b?c HTTP/1.1\r\n".to_owned()),
        "[A-Z]{1,4} [!-~]{1,10} HTTP/1.[01]\r\n",
    ];
    (start, vec(line, 0..5)).prop_map(|(start, lines)| format!("{start}{}\r\n", lines.concat()).into_bytes())
}

fn parse(text: &[u8]) -> Option<(RequestHead, koinon_core_http1::RequestPlan)> {
    let limits = Limits::default();
    let end = HeadScan::default().find(text, &limits).ok()??;
    let mut head = RequestHead::default();
    let plan = head.parse(&text[end.start..end.end], &limits).ok()?;
    Some((head, plan))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The end of a body never depends on how its bytes arrive.
    #[test]
    fn cuts_do_not_change_a_body(text in chunk_text(), cuts in vec(1_usize..5, 0..20)) {
        prop_assert_eq!(read(&text, &cuts), read(&text, &[]));
    }

    /// No bytes make a reader panic.
    #[test]
    fn arbitrary_bytes_are_read(text in vec(any::<u8>(), 0..200)) {
        let _ = read(&text, &[]);
        let _ = parse(&text);
    }

    /// The end of a head never depends on how its bytes arrive.
    #[test]
    fn cuts_do_not_change_a_head(text in head_text()) {
        let limits = Limits::default();
        let whole = HeadScan::default().find(&text, &limits);
        let mut scan = HeadScan::default();
        let piecewise = (1..=text.len()).find_map(|len| scan.find(&text[..len], &limits).transpose());
        prop_assert_eq!(whole.transpose(), piecewise);
    }

    /// What is written says, read again, what it said: the same parts, fields and plan.
    #[test]
    fn a_written_head_says_the_same(text in head_text()) {
        let Some((head, plan)) = parse(&text) else { return Ok(()) };
        // A connection's version is its own: what is sent is 1.1, and 1.0 without Host is nothing to send.
        prop_assume!(head.fields().get("host").is_some());
        let mut out = Vec::new();
        head.write(&mut out);
        let (again, planned) = parse(&out).expect("what is written is valid");
        prop_assert_eq!(planned.body, plan.body);
        prop_assert_eq!(again.method(), head.method());
        prop_assert_eq!(again.target(), head.target());
        prop_assert_eq!((again.path(), again.query(), again.host()), (head.path(), head.query(), head.host()));
        let fields: Vec<_> = head.fields().iter().collect();
        prop_assert_eq!(again.fields().iter().collect::<Vec<_>>(), fields);
    }

    /// A target that is put in place is the one that is sent.
    #[test]
    fn a_set_target_is_sent(path in "/[a-z/%0-9?#]{0,8}", query in proptest::option::of("[a-z=&? ]{0,8}")) {
        let (mut head, _) = parse(b"GET /old?x HTTP/1.1\r\nHost: a\r\n\r\n").expect("valid");
        if head.set_path_and_query(&path, query.as_deref()) {
            prop_assert_eq!(head.path(), path);
            prop_assert_eq!(head.query(), query.as_deref());
            let mut out = Vec::new();
            head.write(&mut out);
            let (again, _) = parse(&out).expect("what is written is valid");
            prop_assert_eq!((again.path(), again.query()), (head.path(), head.query()));
        } else {
            prop_assert!(path.contains(['?', '#']) || query.is_some_and(|query| query.contains(' ')));
            prop_assert_eq!(head.target(), "/old?x");
        }
    }
}
