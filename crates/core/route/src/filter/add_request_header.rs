//! `AddRequestHeader=name, value`: one more value of a header; the value may have `{variables}`.

use std::sync::Arc;

use super::{Filter, Nothing};
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::exchange::Exchange;
use crate::kind::Kind;
use crate::template::Template;
use crate::view::{Flow, RequestEdit};

pub(super) const KIND: Kind<dyn Filter> = Kind {
    name: "AddRequestHeader",
    keys: &["name", "value"],
    shape: Shape::Plain,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Filter>, ArgumentError> {
    let value = arguments.header_template("value")?;
    let Some(name) = arguments.request_header("name")? else {
        return Ok(Arc::new(Nothing));
    };
    let name = name.to_owned();
    Ok(Arc::new(AddRequestHeader { name, value }))
}

struct AddRequestHeader {
    name: String,
    value: Template,
}

impl Filter for AddRequestHeader {
    fn before(&self, request: &mut dyn RequestEdit, exchange: &mut Exchange) -> Flow {
        if let Some(fixed) = self.value.fixed() {
            request.add_header(&self.name, fixed.as_bytes());
            return Flow::Continue;
        }
        match self.value.header(&exchange.vars) {
            Some(value) => request.add_header(&self.name, value.as_bytes()),
            None => return Flow::status(500),
        }
        Flow::Continue
    }

    fn has_after(&self) -> bool {
        false
    }
}
