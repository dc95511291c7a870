//! The access log as an operator reads it: a line for each request on standard output of a running gateway, whatever became
//! of the request and whatever its client put into it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use koinon_testkit::{Koinon, KoinonOptions, Recorder, wait_until};
use serde_json::{Value, json};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(20);
/// What a client would like to write into the log: the end of the field, of the JSON, and another colour. A tab is the
/// only control character that a field may hold; a head with CR, LF or NUL in a field is refused.
const HOSTILE: &[u8] = b"a\" 200 0 \"-\" \"'b\\\t\xc2\x9b31m\xff";

struct Logging {
    koinon: Koinon,
    _routes: TempDir,
}

impl Logging {
    fn start(format: &str, upstream: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("application.yml");
        let route = |id: &str, uri: &str| {
            format!("  - id: {id}\n    uri: {uri}\n    predicates:\n      - Path=/{id}/**\n")
        };
        let routes = route("shop", &format!("http://{upstream}")) + &route("nobody", "lb://nobody");
        fs::write(&file, format!("routes:\n{routes}")).unwrap();
        let options = KoinonOptions {
            binary: Some(env!("CARGO_BIN_EXE_koinon").into()),
            arguments: vec!["--routes".to_owned(), file.to_str().unwrap().to_owned()],
            ..KoinonOptions::default()
        };
        let koinon = Koinon::start(&options.set("gateway.access_log", format)).unwrap();
        Self {
            koinon,
            _routes: folder,
        }
    }

    /// Sends each of these on a connection of its own, one after the other, and waits for its whole answer.
    fn send(&self, requests: &[&[u8]]) {
        for request in requests {
            let mut stream = TcpStream::connect(self.koinon.listener("gateway").unwrap()).unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            stream.write_all(request).unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap();
        }
    }

    /// Ends the process, so that the log is whole; gives its lines, told from others by their start.
    fn end(mut self, start: &str) -> Vec<String> {
        let process = self.koinon.process();
        process.terminate();
        assert!(process.wait(SOON).unwrap().success());
        let output = process.output();
        let lines = output.lines().filter(|line| line.starts_with(start));
        lines.map(str::to_owned).collect()
    }
}

/// One request for each thing that may become of it.
fn requests() -> Vec<Vec<u8>> {
    let proxied = b"GET /shop/7?a=b HTTP/1.1\r\nHost: a\r\nUser-Agent: test/1\r\nReferer: http://r/\r\nX-Request-Id: id-1\r\nConnection: close\r\n\r\n";
    let hostile = [
        b"GET /shop/\"' HTTP/1.1\r\nHost: a\r\nUser-Agent: ",
        HOSTILE,
        b"\r\nReferer: ",
        HOSTILE,
        b"\r\nX-Request-Id: ",
        HOSTILE,
        b"\r\nConnection: close\r\n\r\n",
    ];
    vec![
        proxied.to_vec(),
        b"GET /nobody/1 HTTP/1.0\r\n\r\n".to_vec(),
        b"DELETE /elsewhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(),
        b"GET /shop/\nfake HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        hostile.concat(),
    ]
}

fn sent_to(logging: &Logging) {
    let requests = requests();
    logging.send(&requests.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

/// JSON: every field right for a forwarded request, one without an instance, one without a route and one that is no request;
/// what a client makes up stays in its field. The lines of the last moment are not lost when the process ends.
#[test]
fn json_tells_what_became_of_each_request() {
    let upstream = Recorder::start().unwrap();
    let logging = Logging::start("json", upstream.address());
    sent_to(&logging);
    let raw = logging.end("{\"bytes\"");
    let lines: Vec<Value> = raw
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), requests().len(), "{lines:#?}");
    assert!(
        raw.iter().all(|line| !line.contains(char::is_control)),
        "{raw:#?}"
    );
    for line in &lines {
        assert_eq!(line["remote"], "127.0.0.1");
        assert!(
            line["duration_us"].as_u64().is_some_and(|us| us < 20_000_000),
            "{line}"
        );
        assert!(line["bytes"].as_u64().is_some_and(|len| len > 0), "{line}");
        let id = line["request_id"].as_str();
        // An id is given to what the gateway answers itself, so that its client can ask about it.
        assert_eq!(
            id.is_some(),
            line["fault"].is_string() || id == Some("id-1"),
            "{line}"
        );
    }
    // Each worker hands its lines over on its own: their order is not the requests'.
    let shown = |target: &str| {
        let line = lines.iter().find(|line| line["target"] == target).unwrap();
        let names = [
            "method",
            "version",
            "status",
            "route",
            "fault",
            "user_agent",
            "referer",
        ];
        json!(names.map(|name| &line[name]))
    };
    assert_eq!(
        shown("/shop/7?a=b"),
        json!(["GET", "HTTP/1.1", 200, "shop", null, "test/1", "http://r/"])
    );
    assert_eq!(
        shown("/nobody/1"),
        json!(["GET", "HTTP/1.0", 503, "nobody", "no_instance", null, null])
    );
    assert_eq!(
        shown("/elsewhere"),
        json!(["DELETE", "HTTP/1.1", 404, null, "no_route", null, null])
    );
    assert_eq!(
        shown("-"),
        json!(["-", "-", 400, null, "bad_request", null, null])
    );
    let hostile = String::from_utf8_lossy(HOSTILE);
    assert_eq!(
        shown("/shop/\"'"),
        json!(["GET", "HTTP/1.1", 200, "shop", null, hostile, hostile])
    );
    let (minute, _) = lines[0]["time"].as_str().unwrap().rsplit_once(':').unwrap();
    assert_eq!(minute.len(), "2026-01-01T00:00".len());
}

/// The combined format: the fields that Apache's readers expect in their places, escaped as Apache does it.
#[test]
fn combined_is_what_log_readers_know() {
    let upstream = Recorder::start().unwrap();
    let logging = Logging::start("combined", upstream.address());
    sent_to(&logging);
    let lines = logging.end("127.0.0.1 - - [");
    assert_eq!(lines.len(), requests().len(), "{lines:#?}");
    let year = 1970 + SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 31_556_952;
    let mut shown = Vec::new();
    for line in &lines {
        let (date, rest) = line["127.0.0.1 - - [".len()..].split_once("] ").unwrap();
        assert!(
            date.contains(&format!("/{year}:")) && date.ends_with(" +0000"),
            "{date}"
        );
        // The length of a fault's text is its own affair.
        let mut words: Vec<&str> = rest.split(' ').collect();
        let status = words
            .iter()
            .position(|word| word.len() == 3 && word.parse::<u16>().is_ok())
            .unwrap();
        assert!(words[status + 1].parse::<u64>().unwrap() > 0);
        words[status + 1] = "N";
        shown.push(words.join(" "));
    }
    let hostile = r#"a\" 200 0 \"-\" \"'b\\\x09\xc2\x9b31m\xef\xbf\xbd"#;
    let mut expected = [
        r#""GET /shop/7?a=b HTTP/1.1" 200 N "http://r/" "test/1""#,
        r#""GET /nobody/1 HTTP/1.0" 503 N "-" "-""#,
        r#""DELETE /elsewhere HTTP/1.1" 404 N "-" "-""#,
        r#""- - -" 400 N "-" "-""#,
        &format!(r#""GET /shop/\"' HTTP/1.1" 200 N "{hostile}" "{hostile}""#),
    ];
    // Each worker hands its lines over on its own: their order is not the requests'.
    shown.sort();
    expected.sort_unstable();
    assert_eq!(shown, expected);
}

/// Lines come while the gateway runs, not when its buffer is full or it ends.
#[test]
fn a_line_does_not_wait_for_the_next() {
    let upstream = Recorder::start().unwrap();
    let mut logging = Logging::start("combined", upstream.address());
    logging.send(&[b"GET /shop/only HTTP/1.0\r\n\r\n"]);
    let process = logging.koinon.process();
    wait_until("the line", SOON, || {
        process.output().contains("/shop/only").then_some(())
    })
    .unwrap();
}
