//! Where a node is, and the keys that follow from it.
//!
//! Invariant: a path is `/`, or begins with a slash, ends without one and has no empty, `.` or `..` part.

use bytes::{BufMut, Bytes, BytesMut};

use crate::request::Keys;

/// The most parts of a path. A write makes every directory above it, so an unbounded one would be a cheap way to fill a store.
pub const DEPTH_MAX: usize = 128;
/// The most bytes of a path.
pub const PATH_BYTES_MAX: usize = 4096;

/// The first byte of a node's key.
pub(super) const NODE: u8 = b'n';
/// The first byte of the key that says when a node expires.
pub(super) const TIME: u8 = b't';
/// The key of the events.
pub(super) const EVENT: &[u8] = b"e";
/// What comes before the path in a node's key.
const NODE_HEAD: usize = 3;
/// What comes before the path in the key of an expiration.
const TIME_HEAD: usize = 9;

/// A node's place in the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Bytes);

/// A path that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a path has at most {DEPTH_MAX} parts and {PATH_BYTES_MAX} bytes")]
pub struct PathError;

impl Path {
    /// The root.
    #[must_use]
    pub fn root() -> Self {
        Self(Bytes::from_static(b"/"))
    }

    /// The place that `path` means: from the root on, with or without slashes at its ends, `.` and `..` taken away.
    ///
    /// # Errors
    /// When it is too long.
    pub fn new(path: &[u8]) -> Result<Self, PathError> {
        if path.len() > PATH_BYTES_MAX {
            return Err(PathError);
        }
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in path.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        if parts.len() > DEPTH_MAX {
            return Err(PathError);
        }
        if parts.is_empty() {
            return Ok(Self::root());
        }
        let mut clean = BytesMut::with_capacity(path.len() + 1);
        for part in parts {
            clean.put_u8(b'/');
            clean.extend_from_slice(part);
        }
        // The slash that it may have lacked must not make it longer than what can be read again.
        if clean.len() > PATH_BYTES_MAX {
            return Err(PathError);
        }
        Ok(Self(clean.freeze()))
    }

    /// As etcd writes it.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// As a text; bytes that are none become replacement characters, as in the original's JSON.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// Whether it is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.as_ref() == b"/"
    }

    /// How many parts it has.
    #[must_use]
    pub fn depth(&self) -> usize {
        if self.is_root() {
            0
        } else {
            self.0.iter().filter(|byte| **byte == b'/').count()
        }
    }

    /// The directory that it is in; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let cut = self.0.iter().rposition(|byte| *byte == b'/')?;
        Some(if cut == 0 {
            Self::root()
        } else {
            Self(self.0.slice(..cut))
        })
    }

    /// It and the directories above it, from below, without the root.
    pub fn upwards(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent).take_while(|path| !path.is_root())
    }

    /// What is called `name` in this directory.
    ///
    /// # Errors
    /// When it is too long.
    pub fn join(&self, name: &[u8]) -> Result<Self, PathError> {
        Self::new(&[&self.0, b"/".as_slice(), name].concat())
    }

    /// Whether listings pass it over: its last part begins with an underscore.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        let last = self.0.rsplit(|byte| *byte == b'/').next();
        last.is_some_and(|name| name.first() == Some(&b'_'))
    }

    /// Whether it lies in this directory or deeper.
    #[must_use]
    pub fn is_below(&self, directory: &Self) -> bool {
        directory.is_root() && !self.is_root()
            || self
                .0
                .strip_prefix(directory.0.as_ref())
                .is_some_and(|rest| rest.first() == Some(&b'/'))
    }

    /// The key of the node.
    pub(crate) fn key(&self) -> Bytes {
        key(self.depth(), &self.0)
    }

    /// The keys of what lies in this directory, `levels` below it.
    pub(crate) fn keys_below(&self, levels: usize) -> Keys {
        let inside = if self.is_root() {
            self.0.clone()
        } else {
            [&self.0, b"/".as_slice()].concat().into()
        };
        Keys::prefixed(&key(self.depth() + levels, &inside))
    }

    /// The key that says that the node expires.
    pub(crate) fn time_key(&self, unix_ms: i64) -> Bytes {
        let mut key = BytesMut::with_capacity(TIME_HEAD + self.0.len());
        key.put_u8(TIME);
        key.put_u64(u64::try_from(unix_ms).unwrap_or(0));
        key.extend_from_slice(&self.0);
        key.freeze()
    }

    /// The node's path in its key.
    pub(crate) fn of_key(key: &Bytes) -> Option<Self> {
        let of_node = key.first() == Some(&NODE) && key.len() > NODE_HEAD;
        of_node.then(|| Self(key.slice(NODE_HEAD..)))
    }

    /// The node's path in the key that says that it expires.
    pub(crate) fn of_time_key(key: &Bytes) -> Option<Self> {
        let of_time = key.first() == Some(&TIME) && key.len() > TIME_HEAD;
        of_time.then(|| Self(key.slice(TIME_HEAD..)))
    }
}

fn key(depth: usize, path: &[u8]) -> Bytes {
    let mut key = BytesMut::with_capacity(NODE_HEAD + path.len());
    key.put_u8(NODE);
    key.put_u16(u16::try_from(depth).unwrap_or(u16::MAX));
    key.extend_from_slice(path);
    key.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        Path::new(text.as_bytes()).expect("a short path")
    }

    /// Whatever a client writes, one place has one path.
    #[test]
    fn paths_are_clean() {
        for (written, clean) in [
            ("", "/"),
            ("/", "/"),
            ("a", "/a"),
            ("//a//b/", "/a/b"),
            ("/a/../b/./c", "/b/c"),
            ("/../..", "/"),
        ] {
            assert_eq!(path(written).text(), clean, "{written}");
            assert_eq!(path(clean), path(written));
        }
        assert!(Path::new(&[b'a'; PATH_BYTES_MAX + 1]).is_err());
        assert!(
            Path::new(&[b'a'; PATH_BYTES_MAX]).is_err(),
            "with its slash it is too long"
        );
        assert!(Path::new("/a".repeat(DEPTH_MAX).as_bytes()).is_ok());
        assert!(Path::new("/a".repeat(DEPTH_MAX + 1).as_bytes()).is_err());
    }

    /// A directory's range holds what is in it and nothing else, at the root too.
    #[test]
    fn ranges_hold_what_is_below() {
        assert!(path("/").keys_below(1).contain(&path("/a").key()));
        assert!(!path("/").keys_below(1).contain(&path("/a/b").key()));
        assert!(path("/").keys_below(2).contain(&path("/a/b").key()));
        assert!(path("/a").keys_below(1).contain(&path("/a/b").key()));
        assert!(!path("/a").keys_below(1).contain(&path("/ab/b").key()));
        assert!(!path("/a").keys_below(1).contain(&path("/a").key()));
        assert_eq!(Path::of_key(&path("/a/b").key()), Some(path("/a/b")));
        assert_eq!(Path::of_time_key(&path("/a/b").time_key(7)), Some(path("/a/b")));
    }

    /// Above, below and hidden are told by whole parts.
    #[test]
    fn parts_are_whole() {
        let up: Vec<_> = path("/a/b/c").upwards().map(|path| path.text()).collect();
        assert_eq!(up, ["/a/b/c", "/a/b", "/a"]);
        assert!(path("/a/b").is_below(&path("/a")) && path("/a").is_below(&path("/")));
        assert!(!path("/ab").is_below(&path("/a")) && !path("/a").is_below(&path("/a")));
        assert!(!path("/").is_below(&path("/")));
        assert!(path("/a/_b").is_hidden() && !path("/_a/b").is_hidden() && !path("/").is_hidden());
        assert_eq!(path("/").join(b"x"), Ok(path("/x")));
    }
}
