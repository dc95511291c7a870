//! `PreserveHostHeader`: the upstream gets the client's `Host`, not its own name.

use std::sync::Arc;

use super::Filter;
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::exchange::Exchange;
use crate::kind::Kind;
use crate::view::{Flow, RequestEdit};

pub(super) const KIND: Kind<dyn Filter> = Kind {
    name: "PreserveHostHeader",
    keys: &[],
    shape: Shape::Plain,
    make,
};

fn make(_: &mut Arguments<'_>) -> Result<Arc<dyn Filter>, ArgumentError> {
    Ok(Arc::new(PreserveHostHeader))
}

struct PreserveHostHeader;

impl Filter for PreserveHostHeader {
    fn before(&self, request: &mut dyn RequestEdit, _: &mut Exchange) -> Flow {
        request.preserve_host();
        Flow::Continue
    }

    fn has_after(&self) -> bool {
        false
    }
}
