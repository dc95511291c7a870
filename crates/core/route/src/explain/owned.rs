//! A request that owns its texts: what `route try` asks with, and what tests of filters use.

use crate::view::{RequestEdit, RequestView};

/// A request as a client sends it, and beside it what filters make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRequest {
    method: String,
    target: Target,
    host: Option<String>,
    headers: Vec<(String, String)>,
    edited: Target,
    edited_headers: Vec<(String, String)>,
    host_preserved: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    path: String,
    query: Option<String>,
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
        let path = if path.is_empty() { "/" } else { path }.to_owned();
        let target = Target { path, query };
        Self {
            method: method.to_owned(),
            edited: target.clone(),
            target,
            host,
            headers: Vec::new(),
            edited_headers: Vec::new(),
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
            self.edited_headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The headers as filters left them, without `Host`.
    #[must_use]
    pub fn upstream_headers(&self) -> &[(String, String)] {
        &self.edited_headers
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
        &self.target.path
    }

    fn raw_query(&self) -> Option<&str> {
        self.target.query.as_deref()
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
        for value in own.map(|(_, value)| value.as_str()).chain(host) {
            if !visit(value.as_bytes()) {
                return;
            }
        }
    }
}

impl RequestEdit for OwnedRequest {
    fn path(&self) -> &str {
        &self.edited.path
    }

    fn set_path(&mut self, raw_path: &str) {
        raw_path.clone_into(&mut self.edited.path);
    }

    fn query(&self) -> Option<&str> {
        self.edited.query.as_deref()
    }

    fn set_query(&mut self, raw_query: Option<&str>) {
        self.edited.query = raw_query.map(str::to_owned);
    }

    fn add_header(&mut self, name: &str, value: &[u8]) {
        let value = String::from_utf8_lossy(value).into_owned();
        self.edited_headers.push((name.to_owned(), value));
    }

    fn set_header(&mut self, name: &str, value: &[u8]) {
        self.remove_header(name);
        self.add_header(name, value);
    }

    fn remove_header(&mut self, name: &str) {
        self.edited_headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    fn preserve_host(&mut self) {
        self.host_preserved = true;
    }
}
