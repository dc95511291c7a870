//! `Path=pattern,...[, matchTrailingSlash]`: one of the path patterns fits; the first that does gives the
//! variables.
//!
//! `matchTrailingSlash` is true when not given, as Spring's documentation says and 4.x does (5.0 reads it and
//! leaves it unused).

use std::sync::Arc;

use super::{Matcher, Narrows, Subject};
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::kind::Kind;
use crate::pattern::PathPattern;
use crate::vars::Vars;

pub(super) const KIND: Kind<dyn Matcher> = Kind {
    name: "Path",
    keys: &["patterns", "matchTrailingSlash"],
    shape: Shape::ListAndFlag,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Matcher>, ArgumentError> {
    let trailing_slash = arguments.flag("matchTrailingSlash", true)?;
    let mut patterns = Vec::with_capacity(arguments.list().len());
    for text in arguments.list().to_vec() {
        let pattern = PathPattern::new(&text.value, trailing_slash)
            .map_err(|error| ArgumentError::new(text.place, error.to_string()))?;
        if !text.value.starts_with('/') {
            let what = format!("`{}` never fits, because every path begins with /", text.value);
            arguments.note(text.place, what);
        }
        patterns.push(pattern);
    }
    let has_variables = patterns.iter().any(|pattern| pattern.names().next().is_some());
    Ok(Arc::new(Path {
        patterns,
        has_variables,
    }))
}

struct Path {
    patterns: Vec<PathPattern>,
    has_variables: bool,
}

impl Matcher for Path {
    fn matches(&self, subject: &Subject<'_>) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(&subject.path))
    }

    fn capture(&self, subject: &Subject<'_>, vars: &mut Vars) {
        if !self.has_variables {
            return;
        }
        let fits = self
            .patterns
            .iter()
            .find(|pattern| pattern.matches(&subject.path));
        if let Some(pattern) = fits {
            pattern.capture(&subject.path, vars);
        }
    }

    fn names(&self) -> Option<Vec<&str>> {
        Some(self.patterns.iter().flat_map(PathPattern::names).collect())
    }

    fn why_not(&self, subject: &Subject<'_>) -> String {
        let path = subject.path.as_str();
        if subject.path.is_valid() {
            format!("the path is {path}")
        } else {
            format!("the path {path} has a % that begins no escape")
        }
    }

    fn narrows(&self) -> Narrows<'_> {
        Narrows::Paths(&self.patterns)
    }
}
