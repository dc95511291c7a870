//! What can be asked for. Everything that a clock decides is decided by whoever asks: the log must say the same to all.

use bytes::Bytes;

use super::path::Path;

/// What a node must be like for a change to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expect {
    /// Its value; empty: any.
    pub value: Bytes,
    /// The index of its last change; 0: any.
    pub index: u64,
}

/// A change of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Makes a node, or replaces a file.
    Set {
        /// Where.
        path: Path,
        /// Whether a directory is to be made; it has no value.
        dir: bool,
        /// A file's value.
        value: Bytes,
        /// When it is to expire, in milliseconds since 1970.
        expires_unix_ms: Option<i64>,
        /// Keep the present value, and tell no watcher.
        refresh: bool,
    },
    /// Makes a node where there is none.
    Create {
        /// Where; with `in_order`, the directory that it goes into.
        path: Path,
        /// Its name is its index, with zeros before it, so that names are in the order of their making.
        in_order: bool,
        /// Whether a directory is to be made; it has no value.
        dir: bool,
        /// A file's value.
        value: Bytes,
        /// When it is to expire, in milliseconds since 1970.
        expires_unix_ms: Option<i64>,
    },
    /// Changes a file, or a directory's time to live.
    Update {
        /// Which.
        path: Path,
        /// A file's new value; of a directory it must be empty.
        value: Bytes,
        /// When it is to expire from now on, in milliseconds since 1970; `None`: never.
        expires_unix_ms: Option<i64>,
        /// Keep the present value, and tell no watcher.
        refresh: bool,
    },
    /// Changes a file that is as expected.
    CompareAndSwap {
        /// Which.
        path: Path,
        /// What it must be like.
        expect: Expect,
        /// Its new value.
        value: Bytes,
        /// When it is to expire from now on, in milliseconds since 1970; `None`: never.
        expires_unix_ms: Option<i64>,
        /// Keep the present value, and tell no watcher.
        refresh: bool,
    },
    /// Deletes a node.
    Delete {
        /// Which.
        path: Path,
        /// Also if it is a directory, an empty one.
        dir: bool,
        /// Also if it is a directory, with everything in it.
        recursive: bool,
    },
    /// Deletes a file that is as expected.
    CompareAndDelete {
        /// Which.
        path: Path,
        /// What it must be like.
        expect: Expect,
    },
    /// Deletes a node whose time is over, with everything in it. Refused if it is not.
    Expire {
        /// Which.
        path: Path,
    },
}

impl Change {
    /// Which node it is about; with `in_order`, the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Set { path, .. }
            | Self::Create { path, .. }
            | Self::Update { path, .. }
            | Self::CompareAndSwap { path, .. }
            | Self::Delete { path, .. }
            | Self::CompareAndDelete { path, .. }
            | Self::Expire { path } => path,
        }
    }

    /// About how many bytes it adds; none if it makes room.
    pub(crate) fn cost_bytes(&self) -> u64 {
        match self {
            Self::Set { path, value, .. }
            | Self::Create { path, value, .. }
            | Self::Update { path, value, .. }
            | Self::CompareAndSwap { path, value, .. } => {
                // The node and the event.
                2 * crate::ledger::bytes(path.bytes().len(), value.len())
            }
            Self::Delete { .. } | Self::CompareAndDelete { .. } | Self::Expire { .. } => 0,
        }
    }
}
