//! Texts with `{variables}`, as Spring expands them in headers and paths: `{name}`, or `{name:expression}` whose
//! expression is not read. A `{` without its `}` is a character.
//!
//! A variable that the request has no value for cannot be left out in silence (the request would go elsewhere);
//! Spring answers 500, and so do the filters here.

use std::sync::Arc;

use crate::escape::{encode_path, header_value};
use crate::vars::Vars;

/// A text with variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Arc<str>),
}

impl Template {
    /// Of a header's value; the literal parts are already checked.
    pub(crate) fn of_header(text: &str) -> Self {
        Self::parse(text, str::to_owned)
    }

    /// Of a path, whose literal parts are encoded as Spring encodes them: `%` too.
    pub(crate) fn of_path(text: &str) -> Self {
        Self::parse(text, |literal| encode_path(literal).into_owned())
    }

    fn parse(text: &str, literal: impl Fn(&str) -> String) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, name, after)) = next_variable(rest) {
            if !before.is_empty() {
                parts.push(Part::Text(literal(before)));
            }
            parts.push(Part::Variable(Arc::from(name)));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(literal(rest)));
        }
        Self { parts }
    }

    /// The names of its variables.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(&**name),
            Part::Text(_) => None,
        })
    }

    /// The whole text when it has no variable.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// As a header's value; `None` when a variable has no value.
    pub(crate) fn header(&self, vars: &Vars) -> Option<String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable(name) => out.push_str(&header_value(vars.get(name)?)),
            }
        }
        Some(out)
    }

    /// As a path; `None` when a variable has no value.
    pub(crate) fn path(&self, vars: &Vars) -> Option<String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable(name) => out.push_str(&vars.in_path(name)?),
            }
        }
        Some(out)
    }
}

/// What stands before the next variable, its name, and what follows it.
fn next_variable(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text.get(from..)?.find('{')?;
        let inner = &text[open + 1..];
        let close = inner.find(['}', '/'])?;
        // the name has at least one character and no `/`
        if close == 0 || inner.as_bytes()[close] == b'/' {
            from = open + 1;
            continue;
        }
        let name = inner[..close].split(':').next().unwrap_or_default();
        return Some((&text[..open], name, &inner[close + 1..]));
    }
}

#[cfg(test)]
mod tests {
    use super::Template;
    use crate::vars::Vars;

    fn vars() -> Vars {
        let mut vars = Vars::default();
        vars.set(&"a".into(), "x y/z".to_owned());
        vars.set_path(&"rest".into(), "/p/q r".to_owned());
        vars
    }

    #[test]
    fn variables_are_filled_in_as_their_place_needs() {
        // protects: what `{x}` becomes in headers and paths
        let table = [
            ("p-{a}", "p-x y/z", "p-x%20y%2Fz"),
            ("{rest}", "/p/q r", "/p/q%20r"),
            (
                "/{a:[a-z]+}{rest}/é",
                "/x y/z/p/q r/é",
                "/x%20y%2Fz/p/q%20r/%C3%A9",
            ),
            ("{}/{ {b/c} {", "{}/{ {b/c} {", "%7B%7D/%7B%20%7Bb/c%7D%20%7B"),
            ("", "", ""),
        ];
        for (text, header, path) in table {
            assert_eq!(
                Template::of_header(text).header(&vars()).as_deref(),
                Some(header),
                "{text}"
            );
            assert_eq!(
                Template::of_path(text).path(&vars()).as_deref(),
                Some(path),
                "{text}"
            );
        }
        assert_eq!(Template::of_header("{b}").header(&vars()), None);
        assert_eq!(Template::of_path("/{b}").path(&vars()), None);
        assert_eq!(Template::of_header("plain").fixed(), Some("plain"));
        assert_eq!(Template::of_header("{a}").fixed(), None);
    }
}
