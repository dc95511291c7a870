//! A file or a directory.
//!
//! As bytes: kind u8 | created i64 | modified i64 | expires i64 | value to the end. Numbers are little-endian.

use bytes::{Buf, BufMut, Bytes};

use super::path::Path;

const FILE: u8 = 1;
const DIRECTORY: u8 = 2;
/// What an event says of a file that is gone.
const BARE: u8 = 3;
const HEAD: usize = 1 + 3 * 8;

/// A node as it stands, or as it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it is.
    pub path: Path,
    /// Whether it is a directory.
    pub dir: bool,
    /// A file's value; `None` for a directory, and in an event for what is gone.
    pub value: Option<Bytes>,
    /// The index that created it.
    pub created: i64,
    /// The index that changed it last. What is done to a directory leaves it, as in etcd.
    pub modified: i64,
    /// When it expires, in milliseconds since 1970; `None`: never.
    pub expires_unix_ms: Option<i64>,
}

impl Node {
    /// The root directory, which nothing ever made.
    #[must_use]
    pub fn root() -> Self {
        Self::directory(Path::root(), 0, None)
    }

    pub(super) fn directory(path: Path, index: i64, expires_unix_ms: Option<i64>) -> Self {
        Self {
            path,
            dir: true,
            value: None,
            created: index,
            modified: index,
            expires_unix_ms,
        }
    }

    /// Seconds that it still lives at this moment, begun ones counted, less than none if it should be gone; 0 if it lives for
    /// ever.
    #[must_use]
    pub fn ttl_s(&self, now_unix_ms: i64) -> i64 {
        let Some(expires) = self.expires_unix_ms else {
            return 0;
        };
        let left_ms = expires.saturating_sub(now_unix_ms);
        left_ms / 1000 + i64::from(left_ms % 1000 > 0)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(match (self.dir, &self.value) {
            (true, _) => DIRECTORY,
            (false, Some(_)) => FILE,
            (false, None) => BARE,
        });
        out.put_i64_le(self.created);
        out.put_i64_le(self.modified);
        out.put_i64_le(self.expires_unix_ms.unwrap_or(0));
        out.extend_from_slice(self.value.as_deref().unwrap_or_default());
    }

    /// The node that `bytes` are, whole; its value shares them. `None` if they are none.
    pub(super) fn decode(path: Path, mut bytes: Bytes) -> Option<Self> {
        if bytes.len() < HEAD {
            return None;
        }
        let kind = bytes.get_u8();
        let created = bytes.get_i64_le();
        let modified = bytes.get_i64_le();
        let expires = bytes.get_i64_le();
        if kind != FILE && !bytes.is_empty() {
            return None;
        }
        let (dir, value) = match kind {
            FILE => (false, Some(bytes)),
            DIRECTORY => (true, None),
            BARE => (false, None),
            _ => return None,
        };
        Some(Self {
            path,
            dir,
            value,
            created,
            modified,
            expires_unix_ms: (expires != 0).then_some(expires),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time to live is told as etcd tells it: begun seconds count, and late ones are negative only when whole.
    #[test]
    fn begun_seconds_count() {
        let node = Node::directory(Path::root(), 1, Some(10_000));
        for (now, ttl) in [
            (0, 10),
            (1, 10),
            (9_000, 1),
            (9_999, 1),
            (10_000, 0),
            (10_999, 0),
            (11_500, -1),
        ] {
            assert_eq!(node.ttl_s(now), ttl, "at {now}");
        }
        assert_eq!(Node::root().ttl_s(5), 0);
    }
}
