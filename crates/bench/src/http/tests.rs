//! The client is shown a server's answers in awkward pieces: a wrong reading would end up as a wrong figure.

use std::net::TcpListener;
use std::thread;

use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Answers each request of each connection with the next script, byte by byte, then closes.
fn server(scripts: Vec<Vec<&'static str>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for answers in scripts {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let mut request = [0; GET.len()];
                stream.read_exact(&mut request).unwrap();
                for byte in answer.as_bytes() {
                    stream.write_all(&[*byte]).unwrap();
                }
            }
        }
    });
    address
}

/// Protects: bodies of both framings are counted to the byte, and the next answer begins where the last ended.
#[test]
fn answers_of_both_framings_follow_each_other() {
    let address = server(vec![vec![
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
        "HTTP/1.1 204 \r\nDate: now\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ]]);
    let mut connection = Connection::new(address);
    let first = connection.fetch(GET).unwrap();
    assert_eq!((first.status, first.body.as_slice()), (200, b"hello".as_slice()));
    let second = connection.fetch(GET).unwrap();
    assert_eq!(
        (second.body_len, second.body.as_slice()),
        (13, b"abc0123456789".as_slice())
    );
    assert_eq!(connection.exchange(GET).unwrap().status, 204);
    assert_eq!(connection.exchange(GET).unwrap().status, 404);
}

/// Protects: a server that closes after so many requests costs a new connection, not an error.
#[test]
fn a_closing_server_is_connected_to_again() {
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx";
    let address = server(vec![vec![closing], vec![closing]]);
    let mut connection = Connection::new(address);
    assert_eq!(connection.exchange(GET).unwrap().body_len, 1);
    assert_eq!(connection.exchange(GET).unwrap().body_len, 1);
}

/// Protects: a server that dies in the middle of an answer is an error that names the request.
#[test]
fn a_broken_answer_is_an_error() {
    let address = server(vec![vec!["HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"]]);
    let error = Connection::new(address).exchange(GET).unwrap_err();
    assert!(error.chain().starts_with("GET / HTTP/1.1: "), "{}", error.chain());
}

/// Protects: an event that the server cuts into chunks is one line, and the end of the stream is an error.
#[test]
fn lines_of_a_stream_may_span_chunks() {
    let address = server(vec![vec![
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nab\nda:x\r\n2\r\ny\n\r\n0\r\n\r\n",
    ]]);
    let mut connection = Connection::new(address);
    assert_eq!(connection.open_stream(GET).unwrap(), 200);
    assert_eq!(connection.next_line().unwrap(), "ab");
    assert_eq!(connection.next_line().unwrap(), "da:xy");
    assert!(connection.next_line().is_err());
}
