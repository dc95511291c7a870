//! What a request and a response look like to predicates and filters.
//!
//! The gateway implements these traits for its own heads, so nothing here knows a codec. They are small and can
//! be used as `dyn`, because predicates and filters of the gateway's users see the same traits.

/// A request's head, as predicates see it.
pub trait RequestView {
    /// The method as it was sent.
    fn method(&self) -> &str;
    /// The path as it was sent, without the query: the bytes that are matched are the bytes that are forwarded.
    fn raw_path(&self) -> &str;
    /// What follows `?`, as it was sent; `Some("")` for a bare `?`.
    fn raw_query(&self) -> Option<&str>;
    /// The value of `Host`, its port included.
    fn host(&self) -> Option<&str>;
    /// Calls `visit` with each value of the header `name` (any case), in order, until it answers `false`.
    fn each_header(&self, name: &str, visit: &mut dyn FnMut(&[u8]) -> bool);
}

/// A request on its way upstream, as filters change it. What the methods of [`RequestView`] show is the request as
/// filters before this one left it.
pub trait RequestEdit: RequestView {
    /// The raw path as filters before this one left it.
    fn path(&self) -> &str {
        self.raw_path()
    }
    /// Replaces the raw path. Filters of this crate give only what may stand in a request line.
    fn set_path(&mut self, raw_path: &str);
    /// Cuts `bytes` from the front of the path, which then still starts with `/`. An implementation that keeps
    /// the path as a range of its buffer moves the range's start.
    fn cut_path(&mut self, bytes: usize) {
        let rest = self.path().get(bytes..).unwrap_or("/").to_owned();
        self.set_path(&rest);
    }
    /// The raw query as filters before this one left it.
    fn query(&self) -> Option<&str> {
        self.raw_query()
    }
    /// Replaces the raw query.
    fn set_query(&mut self, raw_query: Option<&str>);
    /// Adds a value of a header. Filters of this crate write no framing or connection header, and no control
    /// character; an implementation refuses both, because a user's filter may.
    fn add_header(&mut self, name: &str, value: &[u8]);
    /// Replaces all values of a header by this one.
    fn set_header(&mut self, name: &str, value: &[u8]);
    /// Removes all values of a header, those that filters before this one added included.
    fn remove_header(&mut self, name: &str);
    /// The upstream gets the `Host` that the client sent, not the endpoint's.
    fn preserve_host(&mut self);
}

/// A response on its way downstream, as filters change it before its head is written.
pub trait ResponseEdit {
    /// The status.
    fn status(&self) -> u16;
    /// Replaces the status.
    fn set_status(&mut self, status: u16);
    /// Calls `visit` with each value of the header `name` (any case), in order, until it answers `false`.
    fn each_header(&self, name: &str, visit: &mut dyn FnMut(&[u8]) -> bool);
    /// Adds a value of a header.
    fn add_header(&mut self, name: &str, value: &[u8]);
    /// Replaces all values of a header by this one.
    fn set_header(&mut self, name: &str, value: &[u8]);
    /// Removes all values of a header.
    fn remove_header(&mut self, name: &str);
}

/// What happens after a filter has seen a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// The next filter, and in the end the upstream.
    Continue,
    /// This answer goes to the client at once: no further filter runs, neither before nor after.
    Answer(Box<Answer>),
}

/// A response made by a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body; may be empty.
    pub body: Vec<u8>,
}

impl Flow {
    /// An answer without headers or body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Answer(Box::new(Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }))
    }
}
