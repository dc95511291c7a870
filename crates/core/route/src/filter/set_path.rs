//! `SetPath=template`: replaces the path; the query stays.

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
    name: "SetPath",
    keys: &["template"],
    shape: Shape::Plain,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Filter>, ArgumentError> {
    let template = arguments.path_template("template")?;
    Ok(Arc::new(SetPath { template }))
}

struct SetPath {
    template: Template,
}

impl Filter for SetPath {
    fn before(&self, request: &mut dyn RequestEdit, exchange: &mut Exchange) -> Flow {
        match self.template.path(&exchange.vars) {
            Some(path) if path.len() <= PATH_BYTES_MAX => request.set_path(&raw_path(&path)),
            Some(_) => return Flow::status(414),
            None => return Flow::status(500),
        }
        Flow::Continue
    }

    fn has_after(&self) -> bool {
        false
    }
}
