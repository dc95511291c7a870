//! What holds for every server of ours: limits, isolation and the drain. Told once for each of them.

use super::start;
use crate::*;

/// Two requests sent in one go on one connection are both answered, in order, and counted.
#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let served = start(options());
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    let one = "GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let two = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(format!("{one}{two}").as_bytes()).await.unwrap();
    served.gate.add_permits(1);
    let text = read_to(&mut stream, "hello").await;
    assert!(text.find("held").unwrap() < text.find("hello").unwrap());
    assert_eq!(served.stats.requests(), 2);
    assert_eq!(served.stats.accepted(), 1);
}

/// A drain answers what is in flight (telling the client that the connection ends), refuses new connections and
/// is over as soon as nothing is left, long before its deadline.
#[tokio::test]
async fn a_drain_finishes_what_is_in_flight() {
    let served = start(options());
    let mut busy = send(served.addr, "/held").await;
    let mut idle = send(served.addr, "/").await;
    read_to(&mut idle, "hello").await;
    until(|| served.stats.requests() == 2).await;

    served.drain.start(Duration::from_secs(3600));
    until(|| std::net::TcpStream::connect(served.addr).is_err()).await;
    assert!(is_closed(&mut idle).await);
    assert!(!served.task.is_finished());

    served.gate.add_permits(1);
    let text = read_to(&mut busy, "held").await;
    assert!(text.contains("connection: close"), "{text}");
    assert!(is_closed(&mut busy).await);
    let report = timeout(PATIENCE, served.task).await.unwrap().unwrap();
    assert_eq!(report, ServeReport { cut_off: 0 });
    assert_eq!(served.stats.open(), 0);
}

/// A connection that the kernel had accepted, with its request, when the drain started is answered, not reset.
#[tokio::test]
async fn a_drain_answers_the_accept_queue() {
    let listener = bind("test", "127.0.0.1:0".parse().unwrap()).unwrap();
    let mut queued = Vec::new();
    for _ in 0..20 {
        queued.push(send(listener.local_addr(), "/").await);
    }
    let (handle, observer) = drain();
    handle.start(PATIENCE);
    let service = service_fn(async |_request: Request<Incoming>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
    });
    let task = tokio::spawn(serve(listener, service, options(), observer));
    for stream in &mut queued {
        let text = read_to(stream, "hello").await;
        assert!(text.starts_with("HTTP/1.1 200"), "{text:?}");
    }
    drop(queued);
    assert_eq!(
        timeout(PATIENCE, task).await.unwrap().unwrap(),
        ServeReport { cut_off: 0 }
    );
}

/// A handler that never ends does not hold the process: the deadline cuts it off and says so. A connection that
/// never spoke is not waited for.
#[tokio::test]
async fn the_drains_deadline_cuts_off() {
    let served = start(options());
    let mut stuck = send(served.addr, "/never").await;
    let mut silent = TcpStream::connect(served.addr).await.unwrap();
    until(|| served.stats.requests() == 1 && served.stats.open() == 2).await;
    served.drain.start(Duration::from_millis(500));
    let report = timeout(PATIENCE, served.task).await.unwrap().unwrap();
    assert_eq!(report, ServeReport { cut_off: 1 });
    assert!(is_closed(&mut stuck).await && is_closed(&mut silent).await);
    assert_eq!(served.stats.open(), 0);
}

/// With the cap reached a further client waits in the kernel's queue, costs us nothing, and is served when there
/// is room again.
#[tokio::test]
async fn the_cap_holds_and_recovers() {
    let served = start(ServeOptions {
        connections_max: 2,
        ..options()
    });
    let mut first = send(served.addr, "/").await;
    let mut second = send(served.addr, "/").await;
    read_to(&mut first, "hello").await;
    read_to(&mut second, "hello").await;

    let mut third = send(served.addr, "/").await;
    let mut byte = [0];
    assert!(
        timeout(Duration::from_millis(200), third.read(&mut byte))
            .await
            .is_err(),
        "served above the cap"
    );
    assert_eq!((served.stats.accepted(), served.stats.open()), (2, 2));

    drop(first);
    assert!(read_to(&mut third, "hello").await.starts_with("HTTP/1.1 200"));
    assert_eq!((served.stats.accepted(), served.stats.open()), (3, 2));
}

/// A head that never ends, a silent connection and an idle one are all closed by the same timeout.
#[tokio::test]
async fn slow_heads_and_idle_connections_are_closed() {
    let served = start(ServeOptions {
        header_timeout: Duration::from_millis(150),
        ..options()
    });
    let mut silent = TcpStream::connect(served.addr).await.unwrap();
    let mut slow = TcpStream::connect(served.addr).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: local").await.unwrap();
    let mut idle = send(served.addr, "/").await;
    read_to(&mut idle, "hello").await;
    assert!(is_closed(&mut silent).await && is_closed(&mut slow).await && is_closed(&mut idle).await);
    until(|| served.stats.open() == 0).await;
}

/// A head above the size limit gets 431; the connection ends.
#[tokio::test]
async fn an_oversized_head_is_refused() {
    let served = start(ServeOptions {
        header_size_max: 16 * 1024,
        ..options()
    });
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(17 * 1024)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let text = read_to(&mut stream, "\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.1 431"), "{text}");
    assert!(is_closed(&mut stream).await);
}

/// A client that asks for 64 MiB and reads nothing loses its connection; one that reads some of it just within the limit,
/// again and again, keeps it for many times the limit. The clock stands still while bytes move, so that a slow machine
/// makes no reader slow.
#[tokio::test(start_paused = true)]
async fn a_stalled_reader_is_closed_and_a_slow_one_is_not() {
    const LIMIT: Duration = Duration::from_secs(1);
    const LEN: usize = 64 * 1024 * 1024;
    // More than the kernel holds on the way, so that the server must have written while it was read.
    const PART: usize = LEN / 8;
    let served = start(ServeOptions {
        write_stall_timeout: LIMIT,
        ..options()
    });
    let addr = served.addr;
    let asking = blocking(move || {
        [
            ask_with_little_room(addr, "/large"),
            ask_with_little_room(addr, "/large"),
        ]
    });
    let [mut slow, _stalled] = asking.await;
    for part in 0..LEN / PART {
        let (stream, read) = blocking(move || {
            let read = std::io::Read::read_exact(&mut slow, &mut vec![0; PART]);
            (slow, read)
        })
        .await;
        assert!(
            read.is_ok(),
            "the slow reader lost its connection in part {part}: {read:?}"
        );
        slow = stream;
        tokio::time::sleep(LIMIT * 9 / 10).await;
    }
    until(|| served.stats.write_stalls() == 1).await;
    until(|| served.stats.open() == 1).await;
}

/// Runs what blocks; a paused clock stands still meanwhile.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// A client whose kernel takes little ahead for it.
fn ask_with_little_room(addr: SocketAddr, path: &str) -> std::net::TcpStream {
    let socket =
        socket2::Socket::new(socket2::Domain::for_address(addr), socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    socket.connect(&addr.into()).unwrap();
    let mut stream = std::net::TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    stream
}

/// A client that is refused before its body was read gets the answer, although it goes on sending for a while: the
/// connection must not be reset under it.
#[tokio::test]
async fn a_refused_upload_can_read_its_answer() {
    let served = start(options());
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    let size = 6 * 1024 * 1024;
    let head = format!("PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    timeout(PATIENCE, stream.write_all(&vec![b'x'; size]))
        .await
        .unwrap()
        .unwrap();
    assert!(read_to(&mut stream, "hello").await.starts_with("HTTP/1.1 200"));
    assert!(is_closed(&mut stream).await);
}

/// A panic costs its own connection only, and is counted.
#[tokio::test]
async fn a_panic_costs_one_connection() {
    let served = start(options());
    let mut healthy = send(served.addr, "/").await;
    read_to(&mut healthy, "hello").await;
    let mut broken = send(served.addr, "/panic").await;
    assert!(is_closed(&mut broken).await);
    until(|| served.stats.panics() == 1 && served.stats.open() == 1).await;
    healthy
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    assert!(read_to(&mut healthy, "hello").await.starts_with("HTTP/1.1 200"));
}
