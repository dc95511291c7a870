//! A route's `uri`: where its requests go.
//!
//! As in Spring only scheme, host and port count. `ws://` is taken as `http://`: an upgrade is tunnelled on any
//! route, so the scheme adds nothing. What Spring has and we have not is named as not supported yet.

use std::fmt;
use std::sync::Arc;

use koinon_base::ServiceName;

use crate::problem::nearest;

/// Where requests of a route go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RouteUri {
    /// `http://host:port`.
    Http {
        /// In lower case; an IPv6 address without its brackets.
        host: Arc<str>,
        /// 80 when none was given.
        port: u16,
    },
    /// `lb://service`: an instance of it, taken from the registry.
    LoadBalanced {
        /// The service.
        service: ServiceName,
    },
}

impl fmt::Display for RouteUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { host, port } if host.contains(':') => write!(f, "http://[{host}]:{port}"),
            Self::Http { host, port } => write!(f, "http://{host}:{port}"),
            Self::LoadBalanced { service } => write!(f, "lb://{service}"),
        }
    }
}

const SCHEMES: &[&str] = &["http", "https", "lb", "ws", "wss", "forward", "no"];

/// Reads `text`; `notes` gets what of it is not used.
pub(crate) fn parse(text: &str, notes: &mut Vec<String>) -> Result<RouteUri, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("the uri is missing, expected one like lb://orders or http://localhost:8080".to_owned());
    }
    let (scheme, rest) = split_scheme(text)?;
    match scheme.as_str() {
        "lb" => load_balanced(rest, notes),
        "http" | "ws" => {
            note_ws(&scheme, notes);
            http(rest, notes)
        }
        "https" | "wss" => {
            http(rest, notes)?;
            Err(format!(
                "{scheme}:// is not supported yet, only http:// and lb://"
            ))
        }
        "forward" | "no" => Err(format!("{scheme}: is not supported yet, only http:// and lb://")),
        _ => Err(format!(
            "{scheme:?} is not the scheme of a route's uri{}",
            nearest(&scheme, SCHEMES.iter().copied())
        )),
    }
}

fn note_ws(scheme: &str, notes: &mut Vec<String>) {
    if scheme == "ws" {
        notes.push("ws: is taken as http:, because upgrades pass on every route".to_owned());
    }
}

fn split_scheme(text: &str) -> Result<(String, &str), String> {
    let none = || {
        // what Spring's users most often forget
        format!("`{text}` has no scheme, expected one like http://{text} or lb://{text}")
    };
    let (scheme, rest) = text.split_once(':').ok_or_else(none)?;
    let lower = scheme.to_ascii_lowercase();
    let starts = lower.starts_with(|c: char| c.is_ascii_lowercase());
    let fits = lower
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c));
    let is_port = rest.starts_with(|c: char| c.is_ascii_digit());
    if !starts || !fits || is_port || lower == "localhost" {
        return Err(none());
    }
    Ok((lower, rest))
}

fn http(rest: &str, notes: &mut Vec<String>) -> Result<RouteUri, String> {
    let (host, port) = authority(rest, notes)?;
    if let Some(bad) = host.chars().find(|c| !may_stand_in_host(*c)) {
        return Err(format!("the host {host:?} contains {bad:?}"));
    }
    Ok(RouteUri::Http {
        host: Arc::from(host.to_ascii_lowercase()),
        port: port.unwrap_or(80),
    })
}

fn may_stand_in_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:".contains(c)
}

fn load_balanced(rest: &str, notes: &mut Vec<String>) -> Result<RouteUri, String> {
    let rest = if rest.starts_with("//") {
        rest
    } else {
        let (inner, rest) = split_scheme(rest)?;
        match inner.as_str() {
            "http" | "ws" => note_ws(&inner, notes),
            "https" | "wss" => return Err(format!("lb:{inner}:// is not supported yet, only lb://")),
            _ => return Err(format!("{inner:?} cannot follow lb:, only http can")),
        }
        rest
    };
    let (service, port) = authority(rest, notes)?;
    if port.is_some() {
        notes.push("the port of an lb:// uri is not used: each instance has its own".to_owned());
    }
    if let Some(bad) = service.chars().find(|c| c.is_whitespace()) {
        return Err(format!("the service name {service:?} contains {bad:?}"));
    }
    let service = ServiceName::new(service).map_err(|error| error.to_string())?;
    Ok(RouteUri::LoadBalanced { service })
}

/// Host and port of what follows a scheme; the rest is noted as not used.
fn authority<'t>(rest: &'t str, notes: &mut Vec<String>) -> Result<(&'t str, Option<u16>), String> {
    let after = rest
        .strip_prefix("//")
        .ok_or_else(|| format!("expected // after the scheme, found `{rest}`"))?;
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, path) = after.split_at(end);
    if !matches!(path, "" | "/") {
        notes.push(format!(
            "`{path}` of the uri is not used, as in Spring; to change the path use PrefixPath, SetPath or RewritePath"
        ));
    }
    let host_port = match authority.rsplit_once('@') {
        Some((_, host_port)) => {
            notes.push("the user of the uri is not used".to_owned());
            host_port
        }
        None => authority,
    };
    let (host, port) = host_and_port(host_port)?;
    if host.is_empty() {
        return Err("the uri has no host".to_owned());
    }
    Ok((host, port))
}

fn host_and_port(text: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(v6) => {
            let (host, after) = v6.split_once(']').ok_or("the uri has a [ without its ]")?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(format!("[{host}] is not an IPv6 address"));
            }
            (
                host,
                after.strip_prefix(':').or((!after.is_empty()).then_some(after)),
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.filter(|port| !port.is_empty());
    let port = port.map(|text| match text.parse::<u16>() {
        Ok(port) if port > 0 && !text.starts_with('+') => Ok(port),
        Ok(_) | Err(_) => Err(format!("the port must be from 1 to 65535, not {text:?}")),
    });
    Ok((host, port.transpose()?))
}

#[cfg(test)]
mod tests {
    use super::{RouteUri, parse};

    fn read(text: &str) -> Result<(String, usize), String> {
        let mut notes = Vec::new();
        parse(text, &mut notes).map(|uri: RouteUri| (uri.to_string(), notes.len()))
    }

    #[test]
    fn only_scheme_host_and_port_count() {
        // protects: a route goes where its uri says, and what is not used is said
        let table = [
            ("http://localhost:8080", "http://localhost:8080", 0),
            (" HTTP://Example.ORG/ ", "http://example.org:80", 0),
            ("http://a.org/path?x#y", "http://a.org:80", 1),
            ("http://user:pw@a.org:81", "http://a.org:81", 1),
            ("http://[::1]:9090/", "http://[::1]:9090", 0),
            ("http://[::1]", "http://[::1]:80", 0),
            ("http://a_b:1", "http://a_b:1", 0),
            ("ws://a:1", "http://a:1", 1),
            ("lb://ORDERS", "lb://orders", 0),
            ("lb://my_orders", "lb://my_orders", 0),
            ("lb://orders:80/x", "lb://orders", 2),
            ("lb:http://orders", "lb://orders", 0),
            ("lb:ws://orders", "lb://orders", 1),
        ];
        for (text, uri, notes) in table {
            assert_eq!(read(text), Ok((uri.to_owned(), notes)), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_served_says_why() {
        // protects: nothing of Spring's is ignored in silence
        let table = [
            ("", "missing"),
            ("orders", "no scheme"),
            ("localhost:8080", "no scheme"),
            ("orders:8080", "no scheme"),
            ("https://a.org", "https:// is not supported yet"),
            ("wss://a.org", "wss:// is not supported yet"),
            ("lb:https://a", "lb:https:// is not supported yet"),
            ("lb:tcp://a", "cannot follow lb:"),
            ("forward:/x", "forward: is not supported yet"),
            ("no://op", "no: is not supported yet"),
            ("htpt://a", "did you mean \"http\"?"),
            ("http:/a", "expected //"),
            ("http://", "no host"),
            ("http://:80", "no host"),
            ("http://a b", "contains ' '"),
            ("http://a:0", "from 1 to 65535"),
            ("http://a:x", "from 1 to 65535"),
            ("http://[::1", "without its ]"),
            ("http://[x]", "not an IPv6 address"),
            ("lb://", "no host"),
            ("lb://a b", "contains ' '"),
        ];
        for (text, why) in table {
            let error = read(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
