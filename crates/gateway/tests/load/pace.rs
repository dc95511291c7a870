//! An open-loop load: requests leave at their time, whether or not earlier ones have been answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// Requests a second.
pub(crate) const RATE: u32 = 1_000;
/// A client gives up after this.
const GIVES_UP: Duration = Duration::from_secs(15);

/// What came of a run.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) by_get: BTreeMap<String, u64>,
    pub(crate) by_post: BTreeMap<String, u64>,
    pub(crate) slowest: Duration,
}

impl Tally {
    fn note(&mut self, is_post: bool, result: Result<(), String>, time: Duration) {
        self.sent += 1;
        self.slowest = self.slowest.max(time);
        if let Err(why) = result {
            let by = if is_post {
                &mut self.by_post
            } else {
                &mut self.by_get
            };
            *by.entry(why).or_default() += 1;
        }
    }

    pub(crate) fn failed_gets(&self) -> u64 {
        self.by_get.values().sum()
    }

    pub(crate) fn failed_posts(&self) -> u64 {
        self.by_post.values().sum()
    }
}

/// Sends for `time`; every tenth is a POST if `posts`.
pub(crate) async fn run(to: SocketAddr, time: Duration, posts: bool) -> Tally {
    let idle: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    let mut tally = Tally::default();
    let mut flying = JoinSet::new();
    let mut ticks = interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let end = Instant::now() + time;
    let mut nth = 0_u64;
    while Instant::now() < end {
        ticks.tick().await;
        nth += 1;
        let is_post = posts && nth.is_multiple_of(10);
        let idle = Arc::clone(&idle);
        flying.spawn(async move {
            let started = Instant::now();
            let asked = timeout(GIVES_UP, ask(to, &idle, is_post)).await;
            let result = asked.unwrap_or_else(|_| Err("no answer".into()));
            (is_post, result, started.elapsed())
        });
        while let Some(done) = flying.try_join_next() {
            let (is_post, result, time) = done.unwrap();
            tally.note(is_post, result, time);
        }
    }
    while let Some(done) = flying.join_next().await {
        let (is_post, result, time) = done.unwrap();
        tally.note(is_post, result, time);
    }
    tally
}

async fn ask(to: SocketAddr, idle: &Mutex<Vec<TcpStream>>, is_post: bool) -> Result<(), String> {
    let kept = idle.lock().unwrap().pop();
    let mut stream = match kept {
        Some(stream) => stream,
        None => TcpStream::connect(to)
            .await
            .map_err(|error| format!("connect: {error}"))?,
    };
    let request: &[u8] = match is_post {
        true => b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
        false => b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    let io = |error: std::io::Error| format!("i/o: {:?}", error.kind());
    stream.write_all(request).await.map_err(io)?;
    let mut answer = Vec::with_capacity(512);
    loop {
        if stream.read_buf(&mut answer).await.map_err(io)? == 0 {
            return Err("the connection ended".into());
        }
        let text = String::from_utf8_lossy(&answer);
        if !text.starts_with("HTTP/1.1 200") && text.contains("\r\n\r\n") {
            let code = text
                .split("\"code\":\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            return Err(format!(
                "{} {}",
                text.get(9..12).unwrap_or_default(),
                code.unwrap_or_default()
            ));
        }
        if text.ends_with("\r\n\r\ninstance") {
            break;
        }
    }
    idle.lock().unwrap().push(stream);
    Ok(())
}
