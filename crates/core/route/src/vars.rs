//! The URI variables that a route's patterns took from a request: `{segment}`, `{*rest}`, `{sub}`.
//!
//! Values are decoded, as Spring hands them to filters; whoever writes one into a path or header encodes or
//! checks it ([`crate::template`]). An empty set allocates nothing.

use std::sync::Arc;

/// Names and values, few enough to be searched in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vars {
    list: Vec<(Arc<str>, String)>,
}

impl Vars {
    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.list.iter().find(|(known, _)| &**known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Sets `name`; a later predicate of a route overrides an earlier one.
    pub fn set(&mut self, name: &Arc<str>, value: String) {
        match self.list.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.list.push((Arc::clone(name), value)),
        }
    }

    /// All of them, in the order they were taken.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().map(|(name, value)| (&**name, value.as_str()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
