//! Finds where two trees differ and says it so that a person sees it at once: the path, and both sides.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// One place where the two servers' answers differ; `None` means that there is nothing at this place.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The place: `status`, `header NAME` or a path in the body.
    pub at: String,
    /// What the original has there.
    pub original: Option<Value>,
    /// What Koinon has there.
    pub koinon: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |side: &Option<Value>| side.as_ref().map_or("nothing".to_owned(), Value::to_string);
        write!(
            f,
            "{}: original {}, koinon {}",
            self.at,
            shown(&self.original),
            shown(&self.koinon)
        )
    }
}

/// All differences below a place.
pub fn differences(at: &str, original: &Value, koinon: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    collect(at, Some(original), Some(koinon), &mut found);
    found
}

fn collect(at: &str, original: Option<&Value>, koinon: Option<&Value>, found: &mut Vec<Difference>) {
    match (original, koinon) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                collect(&format!("{at}.{name}"), a.get(name), b.get(name), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for index in 0..a.len().max(b.len()) {
                collect(&format!("{at}[{index}]"), a.get(index), b.get(index), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(Difference {
            at: at.to_owned(),
            original: a.cloned(),
            koinon: b.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Protects: a number is not a text, a missing field is not an empty one, a longer list is not the same list.
    #[test]
    fn every_kind_of_difference_is_found() {
        let original = json!({"a": 1, "b": "", "c": [1, 2], "same": {"x": [null]}});
        let koinon = json!({"a": "1", "c": [1], "d": true, "same": {"x": [null]}});
        let places: Vec<String> = differences("body", &original, &koinon)
            .into_iter()
            .map(|d| d.to_string())
            .collect();
        assert_eq!(
            places,
            [
                "body.a: original 1, koinon \"1\"",
                "body.b: original \"\", koinon nothing",
                "body.c[1]: original 2, koinon nothing",
                "body.d: original nothing, koinon true",
            ]
        );
    }
}
