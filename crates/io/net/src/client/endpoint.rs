//! Where a client sends its requests: `http://host:port[/path]`.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use super::ClientError;

/// A server's address, as a person writes it. The scheme may be left out, the port is 80 then as everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// As in a `Host` header.
    authority: String,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// Empty, or starts with `/` and ends without.
    base_path: String,
}

impl Endpoint {
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn host_and_port(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    pub(super) fn base_path(&self) -> &str {
        &self.base_path
    }
}

impl FromStr for Endpoint {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let bad = |problem| ClientError::BadEndpoint {
            text: text.to_owned(),
            problem,
        };
        let full = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let uri: Uri = full.parse().map_err(|_| bad("expected http://host:port"))?;
        if uri.scheme_str() != Some("http") {
            return Err(bad("only http:// is spoken here"));
        }
        if uri.query().is_some() {
            return Err(bad("leave out the query"));
        }
        let authority = uri.authority().ok_or_else(|| bad("expected http://host:port"))?;
        if authority.as_str().contains('@') {
            return Err(bad("leave out user and password"));
        }
        let host = authority.host();
        // `port_u16` has nothing both for no port and for one that is too large.
        let has_port = authority.as_str().len() > host.len();
        if host.is_empty() || (has_port && authority.port_u16().is_none()) {
            return Err(bad("expected http://host:port"));
        }
        Ok(Self {
            authority: authority.as_str().to_owned(),
            host: authority
                .host()
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port: authority.port_u16().unwrap_or(80),
            base_path: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl From<std::net::SocketAddr> for Endpoint {
    fn from(addr: std::net::SocketAddr) -> Self {
        Self {
            authority: addr.to_string(),
            host: addr.ip().to_string(),
            port: addr.port(),
            base_path: String::new(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.base_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What people write is understood, and shown back in one form.
    #[test]
    fn endpoints_are_read() {
        for (text, shown, host, port) in [
            (
                "http://127.0.0.1:7070",
                "http://127.0.0.1:7070",
                "127.0.0.1",
                7070,
            ),
            ("localhost:7070", "http://localhost:7070", "localhost", 7070),
            ("http://[::1]:7070/", "http://[::1]:7070", "::1", 7070),
            (
                "http://koinon.test/eureka/",
                "http://koinon.test/eureka",
                "koinon.test",
                80,
            ),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(endpoint.host_and_port(), (host, port));
        }
        assert_eq!(
            Endpoint::from(std::net::SocketAddr::from(([127, 0, 0, 1], 9))).to_string(),
            "http://127.0.0.1:9"
        );
    }

    /// What cannot work is refused with a reason, before anything is sent.
    #[test]
    fn bad_endpoints_say_why() {
        for (text, problem) in [
            ("", "expected http://host:port"),
            ("https://localhost", "only http://"),
            ("http://me:secret@localhost", "leave out user"),
            ("http://localhost?x=1", "leave out the query"),
            ("http://localhost:99999", "expected http://host:port"),
            ("http://local host", "expected http://host:port"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
}
