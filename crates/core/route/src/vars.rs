//! The URI variables that a route's patterns took from a request: `{segment}`, `{*rest}`, `{sub}`.
//!
//! Values are decoded, as Spring hands them to filters; whoever writes one into a header or path asks the
//! template that knows how to ([`crate::template`]). An empty set allocates nothing.

use std::borrow::Cow;
use std::sync::Arc;

use crate::escape::{encode_path, encode_segment};

/// Names and values, few enough to be searched in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vars {
    list: Vec<Var>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Var {
    name: Arc<str>,
    value: String,
    /// Whether its slashes separate, as those of `{*rest}` do; a decoded `%2F` of a segment does not.
    is_path: bool,
}

impl Vars {
    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|var| var.value.as_str())
    }

    /// Sets `name`; a later predicate of a route overrides an earlier one.
    pub fn set(&mut self, name: &Arc<str>, value: String) {
        self.put(name, value, false);
    }

    /// Sets `name` to several segments of a path.
    pub fn set_path(&mut self, name: &Arc<str>, value: String) {
        self.put(name, value, true);
    }

    fn put(&mut self, name: &Arc<str>, value: String, is_path: bool) {
        let name = Arc::clone(name);
        let var = Var { name, value, is_path };
        match self.list.iter_mut().find(|known| known.name == var.name) {
            Some(known) => *known = var,
            None => self.list.push(var),
        }
    }

    /// The value of `name` as it may stand in a path.
    pub(crate) fn in_path(&self, name: &str) -> Option<Cow<'_, str>> {
        self.find(name).map(|var| {
            if var.is_path {
                encode_path(&var.value)
            } else {
                encode_segment(&var.value)
            }
        })
    }

    fn find(&self, name: &str) -> Option<&Var> {
        self.list.iter().find(|var| &*var.name == name)
    }

    /// All of them, in the order they were taken.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().map(|var| (&*var.name, var.value.as_str()))
    }

    /// Forgets all of them, and keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
