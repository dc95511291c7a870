//! A request that owns its texts: what `route try` asks with, and what tests of filters use.

use crate::view::{RequestEdit, RequestView};

/// A request: as a client sends it, and then as filters leave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRequest {
    method: String,
    path: String,
    query: Option<String>,
    host: Option<String>,
    headers: Vec<(String, String)>,
    host_preserved: bool,
}

impl OwnedRequest {
    /// A request for `url`: `http://host/path?query`, or `/path?query` and no `Host`.
    #[must_use]
    pub fn new(method: &str, url: &str) -> Self {
        let without_fragment = url.split('#').next().unwrap_or_default();
        let (host, target) = match without_fragment.split_once("://") {
            Some((_, rest)) => {
                let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
                (Some(host.to_owned()), target)
            }
            None => (None, without_fragment),
        };
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Self {
            method: method.to_owned(),
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            query,
            host,
            headers: Vec::new(),
            host_preserved: false,
        }
    }

    /// With one more header; `Host` replaces the URL's.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if name.eq_ignore_ascii_case("host") {
            self.host = Some(value.to_owned());
        } else {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The headers, without `Host`.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// Whether a filter asked for it.
    #[must_use]
    pub fn is_host_preserved(&self) -> bool {
        self.host_preserved
    }
}

impl RequestView for OwnedRequest {
    fn method(&self) -> &str {
        &self.method
    }

    fn raw_path(&self) -> &str {
        &self.path
    }

    fn raw_query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    fn each_header(&self, name: &str, visit: &mut dyn FnMut(&[u8]) -> bool) {
        let own = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let host = self.host.as_deref().filter(|_| name.eq_ignore_ascii_case("host"));
        own.map(|(_, value)| value.as_str())
            .chain(host)
            .all(|value| visit(value.as_bytes()));
    }
}

impl RequestEdit for OwnedRequest {
    fn set_path(&mut self, raw_path: &str) {
        raw_path.clone_into(&mut self.path);
    }

    fn set_query(&mut self, raw_query: Option<&str>) {
        self.query = raw_query.map(str::to_owned);
    }

    fn add_header(&mut self, name: &str, value: &[u8]) {
        let value = String::from_utf8_lossy(value).into_owned();
        self.headers.push((name.to_owned(), value));
    }

    fn set_header(&mut self, name: &str, value: &[u8]) {
        self.remove_header(name);
        self.add_header(name, value);
    }

    fn remove_header(&mut self, name: &str) {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    fn preserve_host(&mut self) {
        self.host_preserved = true;
    }
}
