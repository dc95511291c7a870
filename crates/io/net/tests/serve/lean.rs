//! The lean server on our own codec.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use koinon_io_net::Background;
use tokio::runtime::Builder;
use tokio::sync::{SemaphorePermit, oneshot};

use crate::*;

struct Paths(Arc<Semaphore>, Background);

impl Paths {
    fn new(held: Arc<Semaphore>) -> Self {
        Self(held, Background::default())
    }
}

/// Keeps the thread that it runs on until there is a permit.
fn occupy(held: &Semaphore) {
    let deadline = Instant::now() + PATIENCE;
    while held.try_acquire().map(SemaphorePermit::forget).is_err() {
        assert!(Instant::now() < deadline, "the permit comes in time");
        thread::sleep(Duration::from_millis(1));
    }
}

impl Handler for Paths {
    async fn answer(&self, request: koinon_io_net::Request<'_>) -> Answer {
        let held = Arc::clone(&self.0);
        match request.head().path() {
            "/long" => self.1.run(usize::MAX, move || occupy(&held)).await,
            "/occupying" => occupy(&held),
            _ => {}
        }
        Answer::new(200, Payload::One(answer(request.head().path(), &self.0).await))
    }

    fn refuse(&self, refusal: Refusal) -> Answer {
        Answer::new(refusal.status(), refusal.to_string().into())
    }
}

fn start(options: ServeOptions) -> Served {
    start_with(|listener, held, drain| serve_http1(listener, Arc::new(Paths::new(held)), options, drain))
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

/// Long work leaves the thread that serves, also where there is only one: the others are answered meanwhile.
#[tokio::test]
async fn long_work_keeps_nobody_waiting() {
    let served = start(options());
    let mut long = send(served.addr, "/long").await;
    until(|| served.stats.requests() == 1).await;
    for _ in 0..32 {
        let mut other = send(served.addr, "/").await;
        assert!(read_to(&mut other, "hello").await.starts_with("HTTP/1.1 200"));
    }
    served.gate.add_permits(1);
    assert!(read_to(&mut long, "hello").await.starts_with("HTTP/1.1 200"));
}

/// Bytes that came while the thread was busy with the answer are read before the connection closes, although the poller had
/// no time to tell of them: else the connection is reset, which may cost the client its answer.
#[tokio::test]
async fn a_refused_body_that_came_unnoticed_does_not_reset() {
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    // A thread of its own, so that nobody polls while the handler occupies it.
    let server = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            tell.send(start(options())).unwrap();
            drop(stopped.await);
        });
    });
    let served = told.recv_timeout(PATIENCE).unwrap();
    let size = 100_000;
    let head = format!("PUT /occupying HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n");
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    until(|| served.stats.requests() == 1).await;
    stream.write_all(&vec![b'x'; size]).await.unwrap();
    served.gate.add_permits(1);
    // The client looks only when all is over: some systems throw away at a reset what was not read.
    until(|| served.stats.open() == 0).await;
    assert!(stream.take_error().unwrap().is_none(), "the connection was reset");
    assert!(read_to(&mut stream, "hello").await.starts_with("HTTP/1.1 200"));
    assert!(is_closed(&mut stream).await);
    drop(stop);
    server.join().unwrap();
}
