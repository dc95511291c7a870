//! `StripPrefix=parts`: takes segments from the front of the path; 1 when no number is given.
//!
//! As in Spring, empty segments go wherever they are (`//a//b` becomes `/a/b`), and a `/` at the end stays. In the
//! usual path there are none, and the rest is a piece of what was sent: it is cut, not copied.

use std::sync::Arc;

use super::Filter;
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::exchange::Exchange;
use crate::kind::Kind;
use crate::view::{Flow, RequestEdit};

pub(super) const KIND: Kind<dyn Filter> = Kind {
    name: "StripPrefix",
    keys: &["parts"],
    shape: Shape::Plain,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Filter>, ArgumentError> {
    let parts = arguments.number("parts", 1)?;
    Ok(Arc::new(StripPrefix { parts }))
}

struct StripPrefix {
    parts: usize,
}

impl Filter for StripPrefix {
    fn before(&self, request: &mut dyn RequestEdit, _: &mut Exchange) -> Flow {
        match strip(request.path(), self.parts) {
            Stripped::Cut(0) => {}
            Stripped::Cut(bytes) => request.cut_path(bytes),
            Stripped::Root => request.set_path("/"),
            Stripped::Rebuilt(path) => request.set_path(&path),
        }
        Flow::Continue
    }

    fn has_after(&self) -> bool {
        false
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Stripped {
    /// The path from this byte on.
    Cut(usize),
    /// Nothing is left.
    Root,
    /// Empty segments had to be taken out.
    Rebuilt(String),
}

fn strip(path: &str, parts: usize) -> Stripped {
    let Some(start) = start_of_rest(path, parts) else {
        return Stripped::Root;
    };
    let rest = &path[start..];
    if rest.starts_with('/') && !rest.as_bytes().windows(2).any(|pair| pair == b"//") {
        return Stripped::Cut(start);
    }
    let mut rebuilt = String::with_capacity(rest.len() + 1);
    for segment in rest.split('/').filter(|segment| !segment.is_empty()) {
        rebuilt.push('/');
        rebuilt.push_str(segment);
    }
    if rest.ends_with('/') {
        rebuilt.push('/');
    }
    Stripped::Rebuilt(rebuilt)
}

/// Where the `/` before the segment number `parts` is (the segment itself when no `/` precedes it); `None` when
/// there are not so many.
fn start_of_rest(path: &str, parts: usize) -> Option<usize> {
    let bytes = path.as_bytes();
    let mut seen = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let begins = *byte != b'/' && (at == 0 || bytes[at - 1] == b'/');
        if begins && seen == parts {
            return Some(at.saturating_sub(1));
        }
        seen += usize::from(begins);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Stripped, strip};

    #[test]
    fn segments_go_as_in_spring() {
        // protects: which path the service sees, and that the usual one is not copied
        let cut = Stripped::Cut;
        let rebuilt = |path: &str| Stripped::Rebuilt(path.to_owned());
        let table = [
            ("/a/b/c", 1, cut(2)),
            ("/a/b/c", 2, cut(4)),
            ("/a/b/", 1, cut(2)),
            ("/a/b/c", 0, cut(0)),
            ("//a/b", 1, cut(3)),
            ("/a//b", 1, cut(3)),
            ("/a/%2F/b;x=1", 1, cut(2)),
            ("/a", 1, Stripped::Root),
            ("/a/", 1, Stripped::Root),
            ("/a/b", 9, Stripped::Root),
            ("/", 1, Stripped::Root),
            ("", 1, Stripped::Root),
            ("/a/b//c", 1, rebuilt("/b/c")),
            ("/a/b//", 1, rebuilt("/b/")),
            ("//a//b", 0, rebuilt("/a/b")),
            ("a/b", 0, rebuilt("/a/b")),
            ("*", 0, rebuilt("/*")),
        ];
        for (path, parts, expected) in table {
            assert_eq!(strip(path, parts), expected, "{parts} of {path}");
        }
    }
}
