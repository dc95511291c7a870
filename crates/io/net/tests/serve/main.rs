//! The server over real sockets: limits, isolation and the drain.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]
#![allow(clippy::duplicate_mod, reason = "the same stories are told of both servers")]

mod general;
mod lean;

use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use koinon_core_http1::Refusal;
use koinon_io_net::{
    Answer, BoundListener, Drain, DrainHandle, Handler, ListenerStats, Payload, ServeOptions, ServeReport,
    bind, drain, serve, serve_http1,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
const LINGER: Duration = Duration::from_millis(50);

struct Served {
    addr: SocketAddr,
    stats: Arc<ListenerStats>,
    drain: DrainHandle,
    /// `/held` answers once it gets a permit from here.
    gate: Arc<Semaphore>,
    task: JoinHandle<ServeReport>,
}

/// What a path is answered with; both servers hold to it.
async fn answer(path: &str, held: &Semaphore) -> Bytes {
    match path {
        "/held" => {
            held.acquire().await.unwrap().forget();
            Bytes::from("held")
        }
        "/large" => Bytes::from(vec![b'x'; 64 * 1024 * 1024]),
        "/panic" => panic!("planted"),
        "/never" => pending().await,
        _ => Bytes::from("hello"),
    }
}

/// Starts a server; the closure makes it serve.
fn start_with<F>(serving: impl FnOnce(BoundListener, Arc<Semaphore>, Drain) -> F) -> Served
where
    F: Future<Output = ServeReport> + Send + 'static,
{
    let listener = bind("test", "127.0.0.1:0".parse().unwrap()).unwrap();
    let (addr, stats) = (listener.local_addr(), Arc::clone(listener.stats()));
    let (handle, observer) = drain();
    let gate = Arc::new(Semaphore::new(0));
    let task = tokio::spawn(serving(listener, Arc::clone(&gate), observer));
    Served {
        addr,
        stats,
        drain: handle,
        gate,
        task,
    }
}

fn options() -> ServeOptions {
    ServeOptions {
        drain_linger: LINGER,
        ..ServeOptions::default()
    }
}

async fn send(addr: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
        .await
        .unwrap();
    stream
}

/// Reads until the text so far ends with `end`.
async fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    let reading = async {
        while !text.ends_with(end.as_bytes()) {
            let mut byte = [0];
            if stream.read(&mut byte).await.unwrap_or(0) == 0 {
                break;
            }
            text.push(byte[0]);
        }
    };
    timeout(PATIENCE, reading)
        .await
        .expect("the answer comes in time");
    String::from_utf8(text).unwrap()
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest)).await.is_ok()
}

/// Polls a condition; the pause is between looks, the wait ends with the condition.
async fn until(mut condition: impl FnMut() -> bool) {
    let looking = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, looking)
        .await
        .expect("the condition holds in time");
}
