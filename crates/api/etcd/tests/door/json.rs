//! The JSON gateway and what operators ask, by HTTP/1.1.

use koinon_testkit::{Request, Response, send};

use super::support::Running;

async fn ask(running: &Running, method: &'static str, path: &str, body: &str) -> Response {
    let (addr, path, body) = (running.addr, path.to_owned(), body.to_owned());
    let asking = move || {
        let request = Request::new(method, &path)
            .header("Content-Type", "application/json")
            .body(body);
        send(addr, &request).expect("an answer")
    };
    tokio::task::spawn_blocking(asking).await.expect("no panic")
}

/// Calls answer as etcd's gateway does: bytes in base 64, long numbers as texts, defaults left out.
#[tokio::test]
async fn calls_are_answered_as_by_etcd_s_gateway() {
    let running = Running::start().await;
    let put = ask(&running, "POST", "/v3/kv/put", r#"{"key":"Zm9v","value":"YmFy"}"#).await;
    assert_eq!(
        (put.status, put.header("content-type")),
        (200, Some("application/json"))
    );
    assert_eq!(put.header("grpc-metadata-content-type"), Some("application/grpc"));
    let header = r#"{"cluster_id":"11","member_id":"22","revision":"2","raft_term":"1"}"#;
    assert_eq!(put.text(), format!(r#"{{"header":{header}}}"#));
    let range = ask(
        &running,
        "POST",
        "/v3beta/kv/range",
        r#"{"key":"Zm9v","bogus":1}"#,
    )
    .await;
    let kv = r#"{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1","value":"YmFy"}"#;
    assert_eq!(
        range.text(),
        format!(r#"{{"header":{header},"kvs":[{kv}],"count":"1"}}"#)
    );
}

/// What is wrong is told in the form of etcd's gateways, the older ones' and the newer ones' at once.
#[tokio::test]
async fn errors_are_those_of_etcd_s_gateway() {
    let running = Running::start().await;
    ask(&running, "POST", "/v3/kv/put", r#"{"key":"Zm9v"}"#).await;
    let table = [
        (
            "POST",
            "/v3/kv/range",
            "",
            400,
            3,
            "etcdserver: key is not provided",
        ),
        ("POST", "/v3/kv/range", "{", 400, 3, "unexpected EOF"),
        (
            "POST",
            "/v3/kv/range",
            r#"{"key":"Zm9v","revision":"9"}"#,
            400,
            11,
            "etcdserver: mvcc: required revision is a future revision",
        ),
        (
            "POST",
            "/v3/kv/put",
            r#"{"key":"Zm9v","lease":"9"}"#,
            404,
            5,
            "etcdserver: requested lease not found",
        ),
        (
            "POST",
            "/v3/election/leader",
            r#"{"name":"eA=="}"#,
            500,
            2,
            "election: no leader",
        ),
        (
            "POST",
            "/v3/auth/enable",
            "{}",
            501,
            12,
            "koinon: authentication is not implemented",
        ),
        ("GET", "/v3/kv/range", "", 501, 12, "Method Not Allowed"),
        ("POST", "/v3/nope", "{}", 404, 5, "Not Found"),
    ];
    for (method, path, body, status, code, message) in table {
        let answer = ask(&running, method, path, body).await;
        let json = answer.json().expect("an error is JSON");
        assert_eq!(answer.status, status, "{path} {body}");
        assert_eq!(
            (json["code"].as_i64(), json["message"].as_str()),
            (Some(code), Some(message)),
            "{path} {body}"
        );
        assert_eq!(json["error"], json["message"], "the older form");
    }
}

/// A lasting call answers line by line, ends when it has nothing more to say, and says in its last line why it broke off.
#[tokio::test]
async fn lasting_calls_answer_in_lines() {
    let running = Running::start().await;
    ask(&running, "POST", "/v3/lease/grant", r#"{"ID":"7","TTL":"60"}"#).await;
    let kept = ask(
        &running,
        "POST",
        "/v3/lease/keepalive",
        r#"{"ID":"7"} {"ID":"8"}"#,
    )
    .await;
    let header = r#""header":{"cluster_id":"11","member_id":"22","revision":"1","raft_term":"1"}"#;
    let lines = format!(
        "{{\"result\":{{{header},\"ID\":\"7\",\"TTL\":\"60\"}}}}\n{{\"result\":{{{header},\"ID\":\"8\"}}}}\n"
    );
    assert_eq!(kept.text(), lines);
    let watching = ask(
        &running,
        "POST",
        "/v3/watch",
        r#"{"create_request":{"key":"Zm9v"}}"#,
    );
    let ending = async {
        while running.door.stats().watchers_open() == 0 {
            tokio::task::yield_now().await;
        }
        running.drain.start(super::support::SOON);
    };
    let (watched, ()) = tokio::join!(watching, ending);
    let text = watched.text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with(r#"{"result":{"header":"#) && lines[0].contains(r#""created":true"#),
        "{text}"
    );
    assert!(
        lines[1].starts_with(r#"{"error":{"#) && lines[1].contains("etcdserver: server stopped"),
        "{text}"
    );
}

/// Probes, version and figures are where etcd's are; a web page's requests are refused.
#[tokio::test]
async fn operators_find_what_etcd_has() {
    let running = Running::start().await;
    let get = |path: &'static str| ask(&running, "GET", path, "");
    assert_eq!(get("/health").await.text(), r#"{"health":"true","reason":""}"#);
    assert_eq!(get("/livez").await.text(), "ok\n");
    assert_eq!(get("/readyz/linearizable_read").await.text(), "ok\n");
    let verbose = get("/readyz?verbose").await.text();
    assert!(
        verbose.contains("[+]linearizable_read ok\n") && verbose.ends_with("ok\n"),
        "{verbose}"
    );
    assert!(
        get("/version")
            .await
            .json()
            .is_some_and(|json| json["etcdserver"].is_string())
    );
    assert!(
        get("/metrics")
            .await
            .text()
            .contains("\netcd_server_has_leader 1\n")
    );
    assert_eq!(get("/nope").await.status, 404);
    let addr = running.addr;
    let page = Request::get("/version").header("Origin", "http://evil.example");
    let refused = tokio::task::spawn_blocking(move || send(addr, &page))
        .await
        .expect("no panic");
    assert_eq!(refused.expect("an answer").status, 403);
}
