//! The lean server on our own codec.

use crate::*;

struct Paths(Arc<Semaphore>);

impl Handler for Paths {
    async fn answer(&self, request: koinon_io_net::Request<'_>) -> Answer {
        Answer::new(200, Payload::One(answer(request.head().path(), &self.0).await))
    }

    fn refuse(&self, refusal: Refusal) -> Answer {
        Answer::new(refusal.status(), refusal.to_string().into())
    }
}

fn start(options: ServeOptions) -> Served {
    start_with(|listener, held, drain| serve_http1(listener, Arc::new(Paths(held)), options, drain))
}

#[path = "stories.rs"]
mod stories;

/// What is no request is refused with its status, and the connection closes.
#[tokio::test]
async fn malformed_requests_are_refused() {
    let served = start(options());
    for (text, status) in [
        ("GET / HTTP/1.1\nHost: a\n\n", "400"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            "501",
        ),
    ] {
        let mut stream = TcpStream::connect(served.addr).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let head = read_to(&mut stream, "\r\n\r\n").await;
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status}")),
            "{text:?}: {head}"
        );
        assert!(head.contains("connection: close"));
        assert!(is_closed(&mut stream).await);
    }
}

/// A HEAD gets the length and no body; a short body that nobody read does not become the next request.
#[tokio::test]
async fn heads_and_forgotten_bodies_keep_the_connection_in_step() {
    let served = start(options());
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    let text = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n\
                POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n\
                GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut all = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut all))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(all.matches("HTTP/1.1 200").count(), 3, "{all}");
    assert_eq!(all.matches("hello").count(), 2, "{all}");
    assert_eq!(all.matches("content-length: 5").count(), 3, "{all}");
}
