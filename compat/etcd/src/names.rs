//! Names for what differs from run to run, so that transcripts can be compared: ids, addresses, times, sizes.
//!
//! Invariant: a value gets its name by what it is (an id that a server gave, a field that holds a size), never by its looks
//! alone, so a wrong value where a fixed one is expected stays visible.

use regex::Regex;
use serde_json::Value;

/// Fields of JSON answers whose values are a machine's or a moment's.
const VARYING: &[&str] = &[
    "raft_term",
    "raftTerm",
    "raftIndex",
    "raftAppliedIndex",
    "dbSize",
    "dbSizeInUse",
    "dbSizeQuota",
    "downgradeInfo",
    "storageVersion",
    "hash",
    "took",
    "Took",
    "etcdserver",
    "etcdcluster",
    "storage",
    "expiration",
];
/// The same in `-w fields`, which calls them otherwise. A key's version is a number, a program's a text.
const VARYING_FIELDS: &str = concat!(
    r#"(?m)^"(RaftTerm|RaftIndex|RaftAppliedIndex|DBSize|DBSizeInUse|DBSizeQuota|StorageVersion|Hash|Took"#,
    r#"|DowngradeTargetVersion|DowngradeEnabled)" : .*$"#
);
const PROGRAM_VERSION: &str = r#""Version" : "[^"]*""#;

/// What has got a name in one session.
#[derive(Debug)]
pub struct Names {
    /// The literal and its name; longer literals first, so that a part of one is never renamed.
    literals: Vec<(String, String)>,
    /// A pattern and what stands for it, applied after the literals.
    patterns: Vec<(Regex, String)>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Self {
            literals: Vec::new(),
            patterns: Vec::new(),
        };
        names.pattern(VARYING_FIELDS, "\"$1\" : <$1>");
        names.pattern(PROGRAM_VERSION, "\"Version\" : <Version>");
        names
    }
}

impl Names {
    /// Names a literal.
    pub fn literal(&mut self, text: &str, name: &str) {
        if text.is_empty() || self.literals.iter().any(|(known, _)| known == text) {
            return;
        }
        self.literals.push((text.to_owned(), name.to_owned()));
        self.literals
            .sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    }

    /// Names an id in all of its spellings: decimal, hexadecimal, and padded hexadecimal.
    pub fn id(&mut self, id: u64, name: &str) {
        // Small numbers are everywhere; an id that small would rename them all.
        assert!(id > 0xff_ffff, "{name} is {id}, which is no id");
        for text in [id.to_string(), format!("{id:x}"), format!("{id:016x}")] {
            self.literal(&text, name);
        }
    }

    /// Names everything that fits a pattern.
    ///
    /// # Panics
    /// When the pattern is none.
    pub fn pattern(&mut self, pattern: &str, name: &str) {
        let pattern = Regex::new(pattern).unwrap_or_else(|error| panic!("{error}"));
        self.patterns.push((pattern, name.to_owned()));
    }

    /// A text with everything renamed.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (literal, name) in &self.literals {
            text = text.replace(literal, name);
        }
        for (pattern, name) in &self.patterns {
            text = pattern.replace_all(&text, name.as_str()).into_owned();
        }
        text
    }

    /// A JSON value with everything renamed; numbers that are ids become the text of their name.
    #[must_use]
    pub fn json(&self, value: Value) -> Value {
        match value {
            Value::Object(fields) => Value::Object(
                fields
                    .into_iter()
                    .map(|(name, value)| {
                        let program = name == "version" && value.is_string();
                        let varies = program || VARYING.contains(&name.as_str());
                        let named = varies.then(|| Value::String(format!("<{name}>")));
                        let value = named.unwrap_or_else(|| self.json(value));
                        (name, value)
                    })
                    .collect(),
            ),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.json(item)).collect()),
            Value::String(text) => Value::String(self.text(&text)),
            Value::Number(number) => {
                let text = number.to_string();
                let named = self.literals.iter().find(|(literal, _)| *literal == text);
                named.map_or(Value::Number(number), |(_, name)| Value::String(name.clone()))
            }
            other @ (Value::Null | Value::Bool(_)) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names() -> Names {
        let mut names = Names::default();
        names.id(0x694d_9c0f_53a1_7c05, "<lease a>");
        names.literal("127.0.0.1:4001", "<address>");
        names
    }

    /// Protects: an id is found in each spelling that clients print, and other numbers stay.
    #[test]
    fn ids_are_named_in_every_spelling() {
        let id: u64 = 0x694d_9c0f_53a1_7c05;
        let said = names().text(&format!("lease {id:x} ({id}) at 127.0.0.1:4001, ttl 100"));
        assert_eq!(said, "lease <lease a> (<lease a>) at <address>, ttl 100");
        let json = names().json(json!({"ID": id, "ttl": 100, "raft_term": 2}));
        assert_eq!(
            json,
            json!({"ID": "<lease a>", "ttl": 100, "raft_term": "<raft_term>"})
        );
    }

    /// Protects: fields that hold a size are named, the field beside them is not.
    #[test]
    fn sizes_in_fields_are_named() {
        let said = names().text("\"DBSize\" : 20480\n\"Revision\" : 3");
        assert_eq!(said, "\"DBSize\" : <DBSize>\n\"Revision\" : 3");
    }
}
