//! The guard's table: who passes, who does not, and what the refusal says.

use super::*;

fn head(build: impl FnOnce(request::Builder) -> request::Builder) -> request::Parts {
    build(Request::builder().uri("/apps"))
        .body(())
        .unwrap()
        .into_parts()
        .0
}

fn guard() -> HostGuard {
    HostGuard::loopback_and(&["koinon.test", "proxy.test:8080", "10.1.2.3"]).unwrap()
}

fn host(value: &str) -> request::Parts {
    head(|b| b.header(HOST, HeaderValue::from_bytes(value.as_bytes()).unwrap()))
}

/// Every spelling of this machine's loopback, and the allowed hosts, may be named.
#[test]
fn loopback_and_allowed_hosts_pass() {
    for good in [
        "localhost",
        "LocalHost:8761",
        "localhost.",
        "localhost:",
        "app.localhost:80",
        "127.0.0.1",
        "127.0.0.1:8761",
        "127.9.8.7:1",
        "[::1]",
        "[::1]:8761",
        "[::ffff:127.0.0.1]:8761",
        "koinon.test",
        "KOINON.test.:99",
        "proxy.test:8080",
        "10.1.2.3:5",
    ] {
        assert_eq!(guard().check(&host(good)), Ok(()), "{good}");
    }
}

/// Everything else is refused, above all names that only look like loopback and texts that two parsers could
/// read differently.
#[test]
fn foreign_and_malformed_hosts_are_refused() {
    for bad in [
        "",
        "evil.example",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "127.0.0.1:8761:80",
        "127.0.0.1:99999",
        "127.0.0.1:+80",
        "127.0.0.1 ",
        " localhost",
        "localhost/evil.example",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost,evil.example",
        "localhost\tevil",
        "..localhost",
        ".localhost",
        "::1",
        "[::1",
        "[::1]evil",
        "[::2]",
        "[::1%lo]",
        "[127.0.0.1]",
        "proxy.test",
        "proxy.test:8081",
        "sub.koinon.test",
        "192.168.0.1",
        "l\u{f6}calhost",
    ] {
        let refused = guard().check(&host(bad)).unwrap_err();
        assert!(
            matches!(refused, HostRefused::Foreign { part: Part::Host, .. }),
            "{bad}: {refused}"
        );
    }
}

/// A page's origin is checked beside the host, and the origin of nobody is nobody's.
#[test]
fn origins_are_checked() {
    let with = |origin: &str| head(|b| b.header(HOST, "localhost:8761").header(ORIGIN, origin));
    for good in [
        "http://localhost:3000",
        "https://127.0.0.1",
        "http://[::1]:1",
        "https://koinon.test",
    ] {
        assert_eq!(guard().check(&with(good)), Ok(()), "{good}");
    }
    for bad in [
        "null",
        "",
        "localhost",
        "https://evil.example",
        "http://localhost.evil.example",
        "http://localhost:3000/",
        "http://localhost http://evil.example",
        "file://localhost",
        "chrome-extension://localhost",
        "HTTP://evil.example",
    ] {
        let refused = guard().check(&with(bad)).unwrap_err();
        assert!(
            matches!(&refused, HostRefused::Foreign { part: Part::Origin, found } if found == bad),
            "{bad}"
        );
    }
}

/// The authority of an absolute-form target cannot be used to smuggle a foreign host past the header, nor the
/// header past the authority.
#[test]
fn absolute_form_targets_are_checked_too() {
    let at = |uri: &str, host: Option<&str>| {
        let mut builder = Request::builder().uri(uri);
        if let Some(host) = host {
            builder = builder.header(HOST, host);
        }
        guard().check(&builder.body(()).unwrap().into_parts().0)
    };
    assert_eq!(at("http://localhost:8761/apps", Some("localhost:8761")), Ok(()));
    assert_eq!(at("http://localhost:8761/apps", None), Ok(()));
    assert!(at("http://evil.example/apps", Some("localhost:8761")).is_err());
    assert!(at("http://localhost:8761/apps", Some("evil.example")).is_err());
    assert!(at("http://localhost@evil.example/apps", None).is_err());
    assert!(at("http://evil.example@localhost/apps", None).is_err());
}

/// `Host` is required exactly once, except from HTTP/1.0, which did not know it; `Origin` is still checked there.
#[test]
fn missing_and_repeated_headers() {
    assert_eq!(guard().check(&head(|b| b)), Err(HostRefused::NoHost));
    assert_eq!(guard().check(&head(|b| b.version(Version::HTTP_10))), Ok(()));
    assert!(
        guard()
            .check(&head(|b| b
                .version(Version::HTTP_10)
                .header(ORIGIN, "http://evil.example")))
            .is_err()
    );
    let twice = head(|b| b.header(HOST, "localhost").header(HOST, "evil.example"));
    assert_eq!(
        guard().check(&twice),
        Err(HostRefused::Repeated { part: Part::Host })
    );
    let twice = head(|b| {
        b.header(HOST, "localhost")
            .header(ORIGIN, "http://localhost")
            .header(ORIGIN, "null")
    });
    assert_eq!(
        guard().check(&twice),
        Err(HostRefused::Repeated { part: Part::Origin })
    );
}

/// Without a guard everything passes: such a listener has credentials.
#[test]
fn a_guard_that_is_off_lets_everything_pass() {
    assert_eq!(HostGuard::off().check(&host("evil.example")), Ok(()));
    assert_eq!(HostGuard::off().check(&head(|b| b)), Ok(()));
}

/// The refusal says what to change, and shows no more of a hostile header than fits on a line.
#[test]
fn the_refusal_names_the_setting() {
    let refused = guard().check(&host("evil.example:8761")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "this listener serves only this machine, but the Host header names \"evil.example:8761\"; \
         add the host to listen.allowed_hosts if that is right"
    );
    let refused = guard().check(&host(&"x".repeat(5000))).unwrap_err();
    assert!(refused.to_string().len() < 300);
}

/// All bad settings are reported at once.
#[test]
fn bad_allowed_hosts_are_all_reported() {
    let bad = HostGuard::loopback_and(&["ok.test", "http://no.test", "", "*.test"]).unwrap_err();
    assert_eq!(bad.len(), 3);
    assert!(bad[0].to_string().contains("\"http://no.test\""));
}
