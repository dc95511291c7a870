//! `RewritePath=regexp, replacement`: Java's `replaceAll` on the raw path; `$\{name}` stands for `${name}`.

use std::sync::Arc;

use super::Filter;
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::escape::raw_path;
use crate::exchange::Exchange;
use crate::kind::Kind;
use crate::pattern::{JavaRegex, Replacement};
use crate::view::{Flow, RequestEdit};

pub(super) const KIND: Kind<dyn Filter> = Kind {
    name: "RewritePath",
    keys: &["regexp", "replacement"],
    shape: Shape::Plain,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Filter>, ArgumentError> {
    let regexp = arguments.text("regexp")?;
    let replacement = arguments.text("replacement")?;
    let regex = JavaRegex::search(&regexp.value)
        .map_err(|error| ArgumentError::new(regexp.place, error.to_string()))?;
    let replacement = Replacement::new(&replacement.value, &regex).map_err(|error| {
        ArgumentError::new(
            replacement.place,
            format!("the replacement `{}` has {error}", replacement.value),
        )
    })?;
    Ok(Arc::new(RewritePath { regex, replacement }))
}

struct RewritePath {
    regex: JavaRegex,
    replacement: Replacement,
}

impl Filter for RewritePath {
    fn before(&self, request: &mut dyn RequestEdit, _: &mut Exchange) -> Flow {
        match self.replacement.replace_all(&self.regex, request.path()) {
            Some(path) if path == request.path() => {}
            Some(path) => request.set_path(&raw_path(&path)),
            None => return Flow::status(414),
        }
        Flow::Continue
    }

    fn has_after(&self) -> bool {
        false
    }
}
