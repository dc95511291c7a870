//! `Forwarded` and `X-Forwarded-*`, as Spring Cloud Gateway 5 treats them.
//!
//! From a peer that is not trusted they are removed and none are added: whoever believes them downstream would believe
//! anybody. From a trusted proxy they are kept and extended.

use std::net::IpAddr;

use koinon_core_http1::{Fields, RequestHead};
use koinon_core_route::{ForwardedHeader, Given, Globals, JavaRegex};

const NAMES: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-prefix",
];

/// Whose forwarding headers are believed, and which are written.
#[derive(Debug, Default)]
pub(crate) struct ForwardedPolicy {
    /// A peer whose address matches as a whole is a trusted proxy. None: nobody is.
    trusted_proxies: Option<JavaRegex>,
    forwarded: Written,
    x_for: Written,
    x_host: Written,
    x_port: Written,
    x_proto: Written,
    x_prefix: Written,
}

/// How one header of a trusted proxy is continued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Written {
    /// What came in is kept, and ours added.
    #[default]
    Appended,
    /// Ours replaces what came in.
    Replaced,
    /// What came in passes as it is.
    Untouched,
}

impl Written {
    fn of(all: bool, header: &ForwardedHeader) -> Self {
        match (
            all && given(header.enabled.as_ref()),
            given(header.append.as_ref()),
        ) {
            (false, _) => Self::Untouched,
            (true, true) => Self::Appended,
            (true, false) => Self::Replaced,
        }
    }
}

/// Spring's default of every one of these switches is on.
fn given(switch: Option<&Given<bool>>) -> bool {
    switch.is_none_or(|switch| switch.value)
}

impl ForwardedPolicy {
    /// As a routes file says.
    pub(crate) fn of(globals: &Globals) -> Self {
        let x = &globals.x_forwarded;
        let all = given(x.enabled.as_ref());
        Self {
            trusted_proxies: globals
                .trusted_proxies
                .as_ref()
                .map(|trusted| trusted.value.clone()),
            forwarded: match given(globals.forwarded_enabled.as_ref()) {
                true => Written::Appended,
                false => Written::Untouched,
            },
            x_for: Written::of(all, &x.for_),
            x_host: Written::of(all, &x.host),
            x_port: Written::of(all, &x.port),
            x_proto: Written::of(all, &x.proto),
            x_prefix: Written::of(all, &x.prefix),
        }
    }

    /// Whether a peer's forwarding headers are believed. Those of others are to be removed.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        let Some(trusted) = &self.trusted_proxies else {
            return false;
        };
        trusted.is_match(&peer.to_canonical().to_string())
    }

    /// Whether a field is one of these.
    pub(crate) fn is_forwarding(name: &[u8]) -> bool {
        matches!(name.first(), Some(b'f' | b'F' | b'x' | b'X'))
            && NAMES
                .iter()
                .any(|known| known.len() == name.len() && known.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Adds the trusted peer, and the request as it came, to what the fields say.
    pub(crate) fn extend(&self, head: &mut RequestHead, peer: IpAddr) {
        let host = head.host().unwrap_or_default().to_owned();
        let port = port_of(&host).unwrap_or("80").to_owned();
        let fields = head.fields_mut();
        self.extend_for(fields, peer);
        write(fields, self.x_proto, "X-Forwarded-Proto", "http");
        write(fields, self.x_port, "X-Forwarded-Port", &port);
        let host_shown = host.strip_suffix(":80").unwrap_or(&host);
        write(fields, self.x_host, "X-Forwarded-Host", host_shown);
        self.extend_forwarded(fields, peer, &host);
    }

    /// Tells the prefix that the route's filters took off the path.
    pub(crate) fn note_prefix(&self, head: &mut RequestHead, original: &str) {
        let before = original.strip_suffix('/').unwrap_or(original);
        let now = head.path().strip_suffix('/').unwrap_or(head.path());
        let prefix = match (now, before.strip_suffix(now)) {
            ("", _) => before,
            (_, Some(prefix)) => prefix,
            (_, None) => "",
        };
        if !prefix.is_empty() && prefix != before {
            let prefix = prefix.to_owned();
            write(head.fields_mut(), self.x_prefix, "X-Forwarded-Prefix", &prefix);
        }
    }

    /// Of the addresses on the way only trusted ones are passed on, the peer's included.
    fn extend_for(&self, fields: &mut Fields, peer: IpAddr) {
        let Some(trusted) = self
            .trusted_proxies
            .as_ref()
            .filter(|_| self.x_for != Written::Untouched)
        else {
            return;
        };
        let mut list: Vec<String> = Vec::new();
        for value in fields.get_all("x-forwarded-for") {
            let text = String::from_utf8_lossy(value);
            if self.x_for == Written::Appended && trusted.is_match(&text) {
                list.push(text.into_owned());
            }
        }
        list.push(peer.to_canonical().to_string());
        let set = fields.set("X-Forwarded-For", list.join(",").as_bytes());
        debug_assert!(set, "addresses have no line ends");
    }

    fn extend_forwarded(&self, fields: &mut Fields, peer: IpAddr, host: &str) {
        let Some(trusted) = self
            .trusted_proxies
            .as_ref()
            .filter(|_| self.forwarded != Written::Untouched)
        else {
            return;
        };
        let mut kept: Vec<String> = Vec::new();
        for value in fields.get_all("forwarded") {
            for element in String::from_utf8_lossy(value).split(',') {
                let by_trusted = element.split(';').any(|pair| {
                    pair.trim().split_once('=').is_some_and(|(name, value)| {
                        name.eq_ignore_ascii_case("for") && trusted.is_match(value.trim_matches('"'))
                    })
                });
                if by_trusted {
                    kept.push(element.trim().to_owned());
                }
            }
        }
        let peer = match peer.to_canonical() {
            IpAddr::V4(peer) => peer.to_string(),
            IpAddr::V6(peer) => format!("[{peer}]"),
        };
        kept.push(format!("proto=http;host=\"{host}\";for=\"{peer}\""));
        let set = fields.set("Forwarded", kept.join(", ").as_bytes());
        debug_assert!(set, "hosts and addresses have no line ends");
    }
}

/// Continues a field that is one comma-separated list.
fn write(fields: &mut Fields, how: Written, name: &str, value: &str) {
    let mut list: Vec<String> = Vec::new();
    match how {
        Written::Untouched => return,
        Written::Replaced => {}
        Written::Appended => list.extend(
            fields
                .get_all(name)
                .map(|value| String::from_utf8_lossy(value).into_owned()),
        ),
    }
    list.push(value.to_owned());
    let set = fields.set(name, list.join(",").as_bytes());
    debug_assert!(set, "what was read from a head may stand in one");
}

fn port_of(host: &str) -> Option<&str> {
    let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
    after.rsplit_once(':').map(|(_, port)| port)
}

#[cfg(test)]
mod tests {
    use koinon_core_http1::Limits;

    use super::*;

    fn head(extra: &str) -> RequestHead {
        let mut head = RequestHead::default();
        let text = format!("GET /a/b HTTP/1.1\r\nHost: shop:8080\r\n{extra}\r\n");
        head.parse(text.as_bytes(), &Limits::default()).unwrap();
        head
    }

    fn trusting(pattern: &str) -> ForwardedPolicy {
        ForwardedPolicy {
            trusted_proxies: Some(JavaRegex::whole(pattern).unwrap()),
            ..ForwardedPolicy::default()
        }
    }

    /// A client must not be able to say who it is.
    #[test]
    fn an_untrusted_peers_headers_go() {
        let mut head = head(
            "X-Forwarded-For: 1.2.3.4\r\nforwarded: for=1.2.3.4\r\nX-Forwarded-Prefix: /x\r\nX-Mine: 1\r\n",
        );
        assert!(!ForwardedPolicy::default().trusts("10.0.0.1".parse().unwrap()));
        head.fields_mut()
            .remove_named(|name, _| ForwardedPolicy::is_forwarding(name));
        let names: Vec<&str> = head.fields().iter().map(|field| field.name).collect();
        assert_eq!(names, ["Host", "X-Mine"]);
    }

    /// Behind a trusted proxy the chain is kept and extended; what an untrusted hop claimed is left out.
    #[test]
    fn a_trusted_proxys_headers_are_extended() {
        let mut head =
            head("X-Forwarded-For: 10.0.0.7\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n");
        let policy = trusting(r"10\.0\.0\..*");
        assert!(policy.trusts("10.0.0.1".parse().unwrap()) && !policy.trusts("11.0.0.1".parse().unwrap()));
        policy.extend(&mut head, "10.0.0.1".parse().unwrap());
        let get = |name| head.fields().text(name).unwrap_or_default().to_owned();
        assert_eq!(get("x-forwarded-for"), "10.0.0.7,10.0.0.1");
        assert_eq!(get("x-forwarded-proto"), "https,http");
        assert_eq!(get("x-forwarded-port"), "8080");
        assert_eq!(get("x-forwarded-host"), "shop:8080");
        assert_eq!(get("forwarded"), "proto=http;host=\"shop:8080\";for=\"10.0.0.1\"");
    }

    /// The prefix that was stripped is told, so that an endpoint can make links.
    #[test]
    fn the_stripped_prefix_is_told() {
        let mut head = head("");
        assert!(head.set_path("/b"));
        trusting(".*").note_prefix(&mut head, "/a/b");
        assert_eq!(head.fields().text("x-forwarded-prefix"), Some("/a"));
    }

    /// The file's switches decide what is written: off leaves what came in, without appending ours alone is left.
    #[test]
    fn switches_are_heeded() {
        let off = |value| {
            Some(Given {
                value,
                place: koinon_core_route::Place::default(),
            })
        };
        let mut globals = Globals {
            trusted_proxies: Some(Given {
                value: JavaRegex::whole(".*").unwrap(),
                place: koinon_core_route::Place::default(),
            }),
            forwarded_enabled: off(false),
            ..Globals::default()
        };
        globals.x_forwarded.proto.enabled = off(false);
        globals.x_forwarded.for_.append = off(false);
        let mut head = head("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n");
        ForwardedPolicy::of(&globals).extend(&mut head, "10.0.0.1".parse().unwrap());
        let get = |name| head.fields().text(name);
        assert_eq!(get("x-forwarded-for"), Some("10.0.0.1"));
        assert_eq!(get("x-forwarded-proto"), Some("https"));
        assert_eq!(get("forwarded"), None);
    }
}
