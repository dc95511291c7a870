//! The client against real servers, well-behaved and not: reuse, limits, and what an error says about the request.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use koinon_base::ErrorKind;
use koinon_io_net::client::Call;
use koinon_io_net::{
    Client, ClientError, ClientOptions, DrainHandle, HostGuard, ListenerStats, ServeOptions, bind, drain,
    guarded, serve,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

fn client(addr: SocketAddr) -> Client {
    let options = ClientOptions {
        total_timeout: Duration::from_secs(20),
        ..ClientOptions::default()
    };
    Client::new(addr.into(), options)
}

/// Answers with the method, the path and the body of each request.
fn echo() -> (SocketAddr, Arc<ListenerStats>, DrainHandle) {
    let listener = bind("test", "127.0.0.1:0".parse().unwrap()).unwrap();
    let (addr, stats) = (listener.local_addr(), Arc::clone(listener.stats()));
    let (handle, observer) = drain();
    let service = service_fn(async |request: Request<Incoming>| {
        let line = format!("{} {} ", request.method(), request.uri());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(
            [line.as_bytes(), &body].concat(),
        ))))
    });
    let guard = HostGuard::loopback_and::<&str>(&[]).unwrap();
    let service = guarded(guard, service, |refused, _head| {
        let mut answer = Response::new(Full::new(Bytes::from(refused.to_string())));
        *answer.status_mut() = StatusCode::FORBIDDEN;
        answer
    });
    drop(tokio::spawn(serve(
        listener,
        service,
        ServeOptions::default(),
        observer,
    )));
    (addr, stats, handle)
}

/// A server made of raw bytes: for each connection the given number of requests is answered with `answer`, then
/// it is closed. The task ends with the number of requests that were read.
async fn raw(answers: Vec<(usize, &'static str)>) -> (SocketAddr, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut seen = 0;
        for (requests, answer) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            for _ in 0..requests {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                seen += 1;
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
        seen
    });
    (addr, task)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// One connection serves request after request, and bodies arrive whole.
#[tokio::test]
async fn one_connection_is_reused() {
    let (addr, stats, _drain) = echo();
    let client = client(addr);
    for _ in 0..5 {
        let answer = client
            .request(&Call::new(Method::PUT, "/a?b=c").json("{}"))
            .await
            .unwrap();
        assert_eq!(
            (answer.status, &answer.body[..]),
            (StatusCode::OK, &b"PUT /a?b=c {}"[..])
        );
    }
    assert_eq!((stats.requests(), stats.accepted()), (5, 1));
}

/// A request from a web page does not reach the service; the answer is the door's own.
#[tokio::test]
async fn the_guard_stands_before_the_service() {
    let (addr, _stats, _drain) = echo();
    let call = Call::new(Method::POST, "/").header("origin", "https://evil.example");
    let answer = client(addr).request(&call).await.unwrap();
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(String::from_utf8_lossy(&answer.body).contains("listen.allowed_hosts"));
}

/// Nobody listening is told apart from everything else: nothing has happened.
#[tokio::test]
async fn no_server_is_unavailable() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let error = client(closed)
        .request(&Call::new(Method::POST, "/"))
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Connect { .. }));
    assert_eq!(
        error.to_string(),
        format!("cannot connect to http://{closed}; is the server running there?")
    );
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

/// A kept connection that the server closed meanwhile costs a new connection, not an error.
#[tokio::test]
async fn a_closed_kept_connection_is_replaced() {
    let (addr, server) = raw(vec![(1, OK), (1, OK), (1, OK)]).await;
    let client = client(addr);
    for _ in 0..3 {
        assert_eq!(
            client.request(&Call::new(Method::GET, "/")).await.unwrap().body,
            "ok"
        );
    }
    assert_eq!(server.await.unwrap(), 3);
}

/// A connection that breaks after the request leaves a POST's outcome unknown, and it is not sent again; a GET
/// changed nothing.
#[tokio::test]
async fn a_broken_answer_leaves_the_outcome_unknown() {
    let (addr, server) = raw(vec![(1, "HTTP/1.1 200 OK\r\nContent-Le"), (1, "")]).await;
    let client = client(addr);
    let error = client.request(&Call::new(Method::POST, "/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    let error = client.request(&Call::new(Method::GET, "/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(server.await.unwrap(), 2);
}

/// A body cut off in the middle is an error, not a short body.
#[tokio::test]
async fn a_short_body_is_an_error() {
    let (addr, _server) = raw(vec![(1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok")]).await;
    let error = client(addr)
        .request(&Call::new(Method::GET, "/"))
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Lost { .. }), "{error}");
}

/// A server that accepts and says nothing costs the total timeout, and what that means depends on the method.
#[tokio::test]
async fn silence_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = ClientOptions {
        total_timeout: Duration::from_millis(100),
        ..ClientOptions::default()
    };
    let client = Client::new(listener.local_addr().unwrap().into(), options);
    let error = client.request(&Call::new(Method::DELETE, "/")).await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }));
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    let error = client.request(&Call::new(Method::GET, "/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

/// An answer larger than the limit is refused before it is read.
#[tokio::test]
async fn a_large_answer_is_refused() {
    let (addr, _server) = raw(vec![(
        1,
        "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nx",
    )])
    .await;
    let error = client(addr)
        .request(&Call::new(Method::GET, "/"))
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
}

/// Events are read as they come, and the end of the stream is not an error.
#[tokio::test]
async fn a_stream_of_events_is_read() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    let text: &'static str = format!("{head}: hi\n\nevent: a\ndata: 1\n\nid: 2\ndata: 2\n\n").leak();
    let (addr, _server) = raw(vec![(1, text)]).await;
    let mut stream = client(addr).stream(&Call::new(Method::GET, "/")).await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let idle = Duration::from_secs(20);
    let first = stream.event(idle).await.unwrap().unwrap();
    assert_eq!((&first.event[..], &first.data[..]), ("a", "1"));
    assert_eq!(
        stream.event(idle).await.unwrap().unwrap().id.as_deref(),
        Some("2")
    );
    assert_eq!(stream.event(idle).await.unwrap(), None);
}
