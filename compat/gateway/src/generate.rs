//! The requests of the differential run: valid ones, odd ones that the RFCs allow, hostile ones, and random mutations.
//!
//! The same ones every time: a run must not fail by chance.

/// Bytes that a client sends on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What they are about.
    pub what: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

const MUTATIONS: usize = 160;
const METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE", "get", "TRACE",
];
const TARGETS: [&str; 24] = [
    "/",
    "/a/b?c=d",
    "//a//b",
    "/a/./b",
    "/a/../b",
    "/../b",
    "/%2e%2e/b",
    "/a%2Fb",
    "/a%00b",
    "/a%zzb",
    "/a;b=c",
    "/?",
    "/a?b?c",
    "/a?b#c",
    "/a\\b",
    "/a|b",
    "/{a}",
    "/a\"b",
    "/<a>",
    "/a`b^c",
    "/~a!$&'()*+,:@",
    "http://a.test/b?c",
    "http://a.test",
    "HTTP://A.TEST:80/b",
];
const HOSTS: [&str; 14] = [
    "a.test",
    "A.Test",
    "a.test:80",
    "a.test:8080",
    "a.test.",
    "a_b.test",
    "127.0.0.1:9",
    "[::1]",
    "[::1]:80",
    "a.test:",
    "a.test:99999",
    "a!b",
    "a%41.test",
    "*.test",
];
/// Field lines that are allowed, however odd.
const FIELDS: [&str; 42] = [
    "X-A: b",
    "X-A:b",
    "X-A: \t b \t",
    "X-A:",
    "X-A: b\r\nX-A: c",
    "x-a: b\r\nX-A: b",
    "X-A: \u{e4}",
    "X-A: \"b, c\"; d",
    "X_A: b",
    "X.A: b",
    "X!#$%&'*+^`|~: b",
    "1: 2",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: X-A\r\nX-A: b",
    "Connection: Host",
    "Connection: content-length",
    "Connection: X-Forwarded-For\r\nX-Forwarded-For: 1.2.3.4",
    "Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    "Upgrade: websocket",
    "Keep-Alive: timeout=5",
    "Proxy-Connection: keep-alive",
    "Proxy-Authorization: Basic eDp5",
    "TE: trailers",
    "TE: gzip",
    "Trailer: X-A",
    "Via: 1.1 other",
    "Forwarded: for=1.2.3.4",
    "X-Forwarded-For: 1.2.3.4",
    "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Port: 1",
    "X-Real-IP: 1.2.3.4",
    "X-Request-Id: abc",
    "Cookie: a=b\r\nCookie: c=d",
    "Accept-Encoding: gzip, br",
    "Authorization: Bearer x.y.z",
    "Range: bytes=0-1",
    "If-None-Match: \"x\"",
    "Date: Sat, 21 Nov 2026 00:00:00 GMT",
    "Max-Forwards: 0",
    "Content-Type: text/plain",
    "Content-Encoding: gzip",
    "Transfer-Encodings: chunked",
];
/// What follows the Host line of a POST: fields and a body.
const BODIES: [&str; 32] = [
    "Content-Length: 0\r\n\r\n",
    "Content-Length: 5\r\n\r\nhello",
    "Content-Length: 05\r\n\r\nhello",
    "Content-Length:5\r\n\r\nhello",
    "Content-Length: 5 \r\n\r\nhello",
    "content-length: 2\r\n\r\n\r\n",
    "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "transfer-encoding:\tchunked\t\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n4\r\nello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0005\r\nhello\r\n000\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d e\"\r\nhello\r\n0;z\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-A: b\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n5\r\nhello\r\n0\r\nX-A: b\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nAuthorization: b\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n",
    "Content-Length: 5\r\nConnection: close\r\n\r\nhello",
    "Content-Length: 29\r\n\r\nGET /inner HTTP/1.1\r\nHost: a\r\n",
    "Content-Length: 5\r\n\r\nhelloGET /next HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "Content-Length: 5\r\n\r\nhello\r\nGET /next HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "Content-Length: 5\r\n\r\nhello\r\n\r\nGET /next HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "Content-Length: 5\r\nConnection: close\r\n\r\nhelloGET /next HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "\r\n",
    "\r\nhello",
    "Content-Length: 9\r\n\r\nhello",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
];
/// The same, and no reader should take it.
const HOSTILE_BODIES: [&str; 44] = [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello",
    "Content-Length: 5, 5\r\n\r\nhello",
    "Content-Length: 5,\r\n\r\nhello",
    "Content-Length: +5\r\n\r\nhello",
    "Content-Length: -5\r\n\r\nhello",
    "Content-Length: 0x5\r\n\r\nhello",
    "Content-Length: 5 5\r\n\r\nhello",
    "Content-Length: 5e0\r\n\r\nhello",
    "Content-Length:\r\n\r\nhello",
    "Content-Length: 18446744073709551621\r\n\r\nhello",
    "Content-Length : 5\r\n\r\nhello",
    " Content-Length: 5\r\n\r\nhello",
    "Content-Length:\r\n 5\r\n\r\nhello",
    "Content_Length: 5\r\n\r\nhello",
    "Content-Length: 5\n\r\nhello",
    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5;\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\nhello",
    "Transfer-Encoding: chunked\r\n\r\n0\r\nX-A : b\r\n\r\n",
];
/// Whole texts that stand for themselves.
const WHOLE: [&str; 34] = [
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n",
    "POST / HTTP/1.0\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    " GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "GET / HTTP/1.1 \r\nHost: a.test\r\n\r\n",
    "GET /\r\n\r\n",
    "GET / HTTP/1.2\r\nHost: a.test\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: a.test\r\n\r\n",
    "GET / http/1.1\r\nHost: a.test\r\n\r\n",
    "GET / HTTP/01.1\r\nHost: a.test\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.test/b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: u@a.test\r\n\r\n",
    "GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "GET a HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n",
    "GET / HTTP/1.1\nHost: a.test\n\n",
    "GET / HTTP/1.1\r\nHost: a.test\n\r\n",
    "GET /1 HTTP/1.1\r\nHost: a.test\r\n\r\nGET /2 HTTP/1.1\r\nHost: a.test\r\n\r\nGET /3 HTTP/1.1\r\nHost: a.test\r\n\r\n",
];
/// What a mutation puts into a valid request.
const SPLINTERS: [&str; 16] = [
    "\r", "\n", "\r\n", "\0", " ", "\t", ":", ";", ",", "+", "\x0b", "\x7f", "\u{e4}", "0", "\"", "\r\n\r\n",
];

/// All of them.
#[must_use]
pub fn requests() -> Vec<Sent> {
    let mut all = Vec::new();
    let mut push = |what: &str, text: String| {
        all.push(Sent {
            what: what.to_owned(),
            bytes: latin1(&text),
        });
    };
    for method in METHODS {
        push("method", format!("{method} /m HTTP/1.1\r\nHost: a.test\r\n\r\n"));
        let body = "Content-Length: 5\r\n\r\nhello";
        push(
            "method with a body",
            format!("{method} /m HTTP/1.1\r\nHost: a.test\r\n{body}"),
        );
    }
    for target in TARGETS {
        push("target", format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n"));
    }
    for host in HOSTS {
        push("host", format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    }
    for field in FIELDS {
        push(
            "field",
            format!("GET /f HTTP/1.1\r\nHost: a.test\r\n{field}\r\n\r\n"),
        );
    }
    for body in BODIES {
        push("body", format!("POST /b HTTP/1.1\r\nHost: a.test\r\n{body}"));
    }
    for body in HOSTILE_BODIES {
        push(
            "hostile body",
            format!("POST /b HTTP/1.1\r\nHost: a.test\r\n{body}"),
        );
        let next = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
        push(
            "hostile body and more",
            format!("POST /b HTTP/1.1\r\nHost: a.test\r\n{body}{next}"),
        );
    }
    for whole in WHOLE {
        push("whole", whole.to_owned());
    }
    all.extend(mutations());
    all
}

/// Valid requests with a splinter at a place of chance.
fn mutations() -> Vec<Sent> {
    let bases = [
        "GET /a?b HTTP/1.1\r\nHost: a.test\r\nX-A: b\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello",
        "POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-T: c\r\n\r\n",
    ];
    let mut chance = Chance(0x6b6f_696e_6f6e);
    let mutated = (0..MUTATIONS).map(|number| {
        let base = bases[number % bases.len()];
        let splinter = SPLINTERS[chance.below(SPLINTERS.len())];
        let at = chance.below(base.len());
        Sent {
            what: "mutation".into(),
            bytes: latin1(&format!("{}{splinter}{}", &base[..at], &base[at..])),
        }
    });
    mutated.collect()
}

/// One byte for each character.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect()
}

/// SplitMix64: enough to choose places with.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap_or(0)
    }
}
