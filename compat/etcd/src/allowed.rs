//! The differences from the recorded transcripts that are right, each with its reason. A difference that is not here fails
//! its story; an entry that explains nothing any more fails it too.

use crate::server::Kind;

/// One allowed difference.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// The story.
    pub story: &'static str,
    /// The server that differs.
    pub kind: Kind,
    /// The step's title, or a beginning of it followed by `*`.
    pub step: &'static str,
    /// Why the difference is right.
    pub why: &'static str,
}

impl Allowed {
    /// Whether this entry is about the step.
    pub(crate) fn covers(&self, title: &str) -> bool {
        match self.step.strip_suffix('*') {
            Some(beginning) => title.starts_with(beginning),
            None => title == self.step,
        }
    }
}

/// The list.
pub const ALLOWED: &[Allowed] = &[
    old("v3-maintenance", "etcdctl endpoint status -w json", NEW_FIELDS),
    old("v3-maintenance", "etcdctl endpoint hashkv *", NEW_FIELDS),
    old(
        "v3-maintenance",
        "etcdctl alarm list -w json",
        "3.4 answers an empty list without a header",
    ),
    old("v3-snapshot", "etcdctl snapshot save one.db", NEW_FIELDS),
    old("v3-snapshot", "etcdctl endpoint hashkv -w json", NEW_FIELDS),
];

const NEW_FIELDS: &str = "the field came after 3.4";

/// A difference between the two originals.
const fn old(story: &'static str, step: &'static str, why: &'static str) -> Allowed {
    Allowed {
        story,
        kind: Kind::Debian,
        step,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: every entry says why.
    #[test]
    fn every_entry_has_a_reason() {
        for entry in ALLOWED {
            assert!(entry.why.len() > 20, "{entry:?}");
        }
    }
}
