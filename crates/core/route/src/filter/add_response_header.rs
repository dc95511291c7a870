//! `AddResponseHeader=name, value[, override]`: one more value of a header of the answer.
//!
//! With `override` false only when the answer has none that is not blank. (The word is Spring's; even with true
//! nothing is replaced.) A value whose variable this request does not have is left out: the answer is already
//! there, and changing it to an error would lose it.

use std::sync::Arc;

use super::Filter;
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::exchange::Exchange;
use crate::kind::Kind;
use crate::template::Template;
use crate::view::ResponseEdit;

pub(super) const KIND: Kind<dyn Filter> = Kind {
    name: "AddResponseHeader",
    keys: &["name", "value", "override"],
    shape: Shape::Plain,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Filter>, ArgumentError> {
    Ok(Arc::new(AddResponseHeader {
        name: arguments.response_header("name")?.to_owned(),
        value: arguments.header_template("value")?,
        always: arguments.flag("override", true)?,
    }))
}

struct AddResponseHeader {
    name: String,
    value: Template,
    always: bool,
}

impl Filter for AddResponseHeader {
    fn after(&self, response: &mut dyn ResponseEdit, exchange: &Exchange) {
        if !self.always && has_text(response, &self.name) {
            return;
        }
        if let Some(fixed) = self.value.fixed() {
            response.add_header(&self.name, fixed.as_bytes());
        } else if let Some(value) = self.value.header(&exchange.vars) {
            response.add_header(&self.name, value.as_bytes());
        }
    }
}

fn has_text(response: &dyn ResponseEdit, name: &str) -> bool {
    let mut found = false;
    response.each_header(name, &mut |value| {
        found = !value.trim_ascii().is_empty();
        !found
    });
    found
}
