//! `SetStatus=status`: the answer's status, whatever the upstream's was; a number or a name of Spring's.

use std::sync::Arc;

use super::Filter;
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::exchange::Exchange;
use crate::kind::Kind;
use crate::problem::nearest;
use crate::status::{names, status};
use crate::view::ResponseEdit;

pub(super) const KIND: Kind<dyn Filter> = Kind {
    name: "SetStatus",
    keys: &["status"],
    shape: Shape::Plain,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Filter>, ArgumentError> {
    let text = arguments.text("status")?;
    match status(text.value.trim()) {
        Some(status) if status >= 200 => Ok(Arc::new(SetStatus { status })),
        Some(_) | None => {
            let near = nearest(&text.value, names());
            let what = format!(
                "status must be from 200 to 999 or a name like UNAUTHORIZED, not {:?}{near}",
                text.value
            );
            Err(ArgumentError::new(text.place, what))
        }
    }
}

struct SetStatus {
    status: u16,
}

impl Filter for SetStatus {
    fn after(&self, response: &mut dyn ResponseEdit, _: &Exchange) {
        response.set_status(self.status);
    }
}
