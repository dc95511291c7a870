//! Texts become documents whose nodes know their places.
//!
//! Built on the event parser that serde-saphyr itself stands on, not on serde-saphyr: every message of this crate
//! names a line, values must keep how they were written (Spring reads YAML 1.1: a plain `yes` is `true`), and
//! aliases must be bounded before they are followed; a serde data model has room for none of these.
//!
//! Invariant: whatever the text, the nodes and bytes made of it are within [`crate::limits`].

mod load;
mod scalar;

pub(crate) use load::load;

use crate::problem::Place;

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// What Spring's binder would see as the property's text.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}
