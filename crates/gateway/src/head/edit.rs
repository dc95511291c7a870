//! Our heads as predicates and filters see them.
//!
//! What a filter sets and a head cannot take (a line end in a value) is not set, and the request is refused rather than
//! sent without it: a filter that removes a secret or sets an identity must never fail in silence.

use koinon_core_http1::{Known, RequestHead, ResponseHead};
use koinon_core_route::{RequestEdit, RequestView, ResponseEdit};

/// A request as predicates see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestLens<'a>(pub(crate) &'a RequestHead);

impl RequestView for RequestLens<'_> {
    fn method(&self) -> &str {
        self.0.method()
    }

    fn raw_path(&self) -> &str {
        self.0.path()
    }

    fn raw_query(&self) -> Option<&str> {
        self.0.query()
    }

    fn host(&self) -> Option<&str> {
        self.0.host()
    }

    fn each_header(&self, name: &str, visit: &mut dyn FnMut(&[u8]) -> bool) {
        self.0.fields().get_all(name).all(visit);
    }
}

/// A request as filters change it.
#[derive(Debug)]
pub(crate) struct RequestEditor<'a> {
    pub(crate) head: &'a mut RequestHead,
    /// The endpoint is told the `Host` that the client sent.
    pub(crate) preserves_host: bool,
    /// Something could not be set.
    pub(crate) failed: bool,
}

impl RequestEditor<'_> {
    fn note(&mut self, was_set: bool) {
        self.failed |= !was_set;
    }
}

impl RequestView for RequestEditor<'_> {
    fn method(&self) -> &str {
        self.head.method()
    }

    fn raw_path(&self) -> &str {
        self.head.path()
    }

    fn raw_query(&self) -> Option<&str> {
        self.head.query()
    }

    fn host(&self) -> Option<&str> {
        self.head.host()
    }

    fn each_header(&self, name: &str, visit: &mut dyn FnMut(&[u8]) -> bool) {
        self.head.fields().get_all(name).all(visit);
    }
}

/// Whether filters may write a field: not those that frame the message or concern the connection.
fn may_be_written(name: &str) -> bool {
    matches!(
        Known::of(name.as_bytes()),
        Known::Other | Known::Host | Known::Expect
    )
}

impl RequestEdit for RequestEditor<'_> {
    fn set_path(&mut self, raw_path: &str) {
        let was_set = self.head.set_path(raw_path);
        self.note(was_set);
    }

    fn cut_path(&mut self, bytes: usize) {
        let was_cut = self.head.cut_path(bytes);
        self.note(was_cut);
    }

    fn set_query(&mut self, raw_query: Option<&str>) {
        let path = self.head.path().to_owned();
        let was_set = self.head.set_path_and_query(&path, raw_query);
        self.note(was_set);
    }

    fn add_header(&mut self, name: &str, value: &[u8]) {
        let was_set = may_be_written(name) && self.head.fields_mut().add(name, value);
        self.note(was_set);
    }

    fn set_header(&mut self, name: &str, value: &[u8]) {
        let was_set = may_be_written(name) && self.head.fields_mut().set(name, value);
        self.note(was_set);
    }

    fn remove_header(&mut self, name: &str) {
        self.head.fields_mut().remove(name);
    }

    fn preserve_host(&mut self) {
        self.preserves_host = true;
    }
}

/// A response as filters change it.
#[derive(Debug)]
pub(crate) struct ResponseEditor<'a> {
    pub(crate) head: &'a mut ResponseHead,
    /// Something could not be set.
    pub(crate) failed: bool,
}

impl ResponseEditor<'_> {
    fn note(&mut self, was_set: bool) {
        self.failed |= !was_set;
    }
}

impl ResponseEdit for ResponseEditor<'_> {
    fn status(&self) -> u16 {
        self.head.status()
    }

    fn set_status(&mut self, status: u16) {
        self.head.set_status(status);
    }

    fn each_header(&self, name: &str, visit: &mut dyn FnMut(&[u8]) -> bool) {
        self.head.fields().get_all(name).all(visit);
    }

    fn add_header(&mut self, name: &str, value: &[u8]) {
        let was_set = may_be_written(name) && self.head.fields_mut().add(name, value);
        self.note(was_set);
    }

    fn set_header(&mut self, name: &str, value: &[u8]) {
        let was_set = may_be_written(name) && self.head.fields_mut().set(name, value);
        self.note(was_set);
    }

    fn remove_header(&mut self, name: &str) {
        self.head.fields_mut().remove(name);
    }
}
