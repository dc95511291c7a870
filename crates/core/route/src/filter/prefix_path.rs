//! `PrefixPath=prefix`: puts a prefix, which may have `{variables}`, before the path.
//!
//! Once per exchange: of several, the default filters' included, only the first works, as in Spring.

use std::sync::Arc;

use super::Filter;
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::escape::raw_path;
use crate::exchange::Exchange;
use crate::kind::Kind;
use crate::limits::PATH_BYTES_MAX;
use crate::template::Template;
use crate::view::{Flow, RequestEdit};

pub(super) const KIND: Kind<dyn Filter> = Kind {
    name: "PrefixPath",
    keys: &["prefix"],
    shape: Shape::Plain,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Filter>, ArgumentError> {
    let prefix = arguments.path_template("prefix")?;
    Ok(Arc::new(PrefixPath { prefix }))
}

struct PrefixPath {
    prefix: Template,
}

impl Filter for PrefixPath {
    fn before(&self, request: &mut dyn RequestEdit, exchange: &mut Exchange) -> Flow {
        if std::mem::replace(&mut exchange.prefixed, true) {
            return Flow::Continue;
        }
        let Some(mut path) = self.prefix.path(&exchange.vars) else {
            return Flow::status(500);
        };
        path.push_str(request.path());
        if path.len() > PATH_BYTES_MAX {
            return Flow::status(414);
        }
        request.set_path(&raw_path(&path));
        Flow::Continue
    }

    fn has_after(&self) -> bool {
        false
    }
}
