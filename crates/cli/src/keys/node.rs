//! Answers as the server sends them and as the tool writes them: the same fields, of which some are never left out.

use serde::{Deserialize, Serialize};

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    #[serde(default)]
    pub(crate) key: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) dir: bool,
    #[serde(default)]
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) nodes: Option<Vec<Node>>,
    #[serde(default, rename = "createdIndex")]
    pub(crate) created: u64,
    #[serde(default, rename = "modifiedIndex")]
    pub(crate) modified: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expiration: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) ttl: i64,
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) action: String,
    pub(crate) node: Option<Node>,
    #[serde(rename = "prevNode")]
    pub(crate) prev: Option<Node>,
    /// The server's index, from the answer's head.
    #[serde(skip)]
    pub(crate) index: u64,
}

/// A refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    #[serde(rename = "errorCode")]
    pub(crate) code: u32,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) cause: String,
    #[serde(default)]
    pub(crate) index: u64,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Answer {
    /// What it is about; an empty node if the server said nothing.
    pub(crate) fn node(&self) -> &Node {
        const NOTHING: &Node = &Node {
            key: String::new(),
            dir: false,
            value: String::new(),
            nodes: None,
            created: 0,
            modified: 0,
            expiration: None,
            ttl: 0,
        };
        self.node.as_ref().unwrap_or(NOTHING)
    }

    /// The value that was there before.
    pub(crate) fn prev_value(&self) -> &str {
        self.prev.as_ref().map_or("", |node| node.value.as_str())
    }
}
