//! `RemoveRequestHeader=name`: the upstream does not see a header.

use std::sync::Arc;

use super::{Filter, Nothing};
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::exchange::Exchange;
use crate::kind::Kind;
use crate::view::{Flow, RequestEdit};

pub(super) const KIND: Kind<dyn Filter> = Kind {
    name: "RemoveRequestHeader",
    keys: &["name"],
    shape: Shape::Plain,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Filter>, ArgumentError> {
    let Some(name) = arguments.request_header("name")? else {
        return Ok(Arc::new(Nothing));
    };
    let name = name.to_owned();
    Ok(Arc::new(RemoveRequestHeader { name }))
}

struct RemoveRequestHeader {
    name: String,
}

impl Filter for RemoveRequestHeader {
    fn before(&self, request: &mut dyn RequestEdit, _: &mut Exchange) -> Flow {
        request.remove_header(&self.name);
        Flow::Continue
    }

    fn has_after(&self) -> bool {
        false
    }
}
