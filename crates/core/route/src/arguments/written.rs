//! Arguments that filters write into messages: names of headers, templates of values and paths.
//!
//! Whatever is certain to fail or to do nothing is told on loading, not with the first request.

use super::{ArgumentError, Arguments, Variables};
use crate::definition::Text;
use crate::escape::is_token;
use crate::problem::Place;
use crate::template::Template;

/// Headers that frame a message or belong to one connection. The gateway writes them when all filters are done; a
/// filter that could would split messages.
const OWN_HEADERS: &[&str] = &[
    "Connection",
    "Content-Length",
    "Host",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

impl<'d> Arguments<'d> {
    /// The value of `key` as the name of a header of requests; `None`, and a note, when the gateway itself decides on
    /// that header. Spring loads such a filter too, and overwrites what it did.
    pub(crate) fn request_header(&mut self, key: &str) -> Result<Option<&'d str>, ArgumentError> {
        let (text, name) = self.token(key)?;
        let Some(own) = own_header(name) else {
            return Ok(Some(name));
        };
        let host = if own == "Host" {
            "; to pass on the client's use PreserveHostHeader"
        } else {
            ""
        };
        let what = format!("has no effect, because the gateway itself decides on {own}{host}");
        self.note(text.place, what);
        Ok(None)
    }

    /// The value of `key` as the name of a header of answers.
    pub(crate) fn response_header(&self, key: &str) -> Result<&'d str, ArgumentError> {
        let (text, name) = self.token(key)?;
        match own_header(name) {
            Some(own) => {
                let what = format!("the gateway itself decides on {own} in answers, so a filter cannot");
                Err(ArgumentError::new(text.place, what))
            }
            None => Ok(name),
        }
    }

    fn token(&self, key: &str) -> Result<(&'d Text, &'d str), ArgumentError> {
        let text = self.text(key)?;
        let name = text.value.trim();
        if !is_token(name) {
            let what = format!("{:?} is not the name of a header", text.value);
            return Err(ArgumentError::new(text.place, what));
        }
        Ok((text, name))
    }

    /// The value of `key` as a template of a header's value.
    pub(crate) fn header_template(&self, key: &str) -> Result<Template, ArgumentError> {
        let text = self.text(key)?;
        if text.value.chars().any(char::is_control) {
            let what = format!("{key} has a control character: {:?}", text.value);
            return Err(ArgumentError::new(text.place, what));
        }
        self.checked(Template::of_header(&text.value), text.place)
    }

    /// The value of `key` as a template of a path.
    pub(crate) fn path_template(&mut self, key: &str) -> Result<Template, ArgumentError> {
        let text = self.text(key)?;
        let path = text.value.split(['?', '#']).next().unwrap_or_default();
        if path.len() < text.value.len() {
            let what = format!("what follows the path in `{}` is not used", text.value);
            self.note(text.place, what);
        }
        if !path.starts_with(['/', '{']) {
            let what = format!("{key} must begin with /, not be `{path}`");
            return Err(ArgumentError::new(text.place, what));
        }
        self.checked(Template::of_path(path), text.place)
    }

    fn checked(&self, template: Template, place: Place) -> Result<Template, ArgumentError> {
        let Variables::These(known) = self.variables else {
            return Ok(template);
        };
        let Some(name) = template.names().find(|name| !known.contains(name)) else {
            return Ok(template);
        };
        let these = if known.is_empty() {
            "this route's patterns have no variables".to_owned()
        } else {
            format!("this route's variables are {}", known.join(", "))
        };
        Err(ArgumentError::new(
            place,
            format!("{{{name}}} has no value: {these}"),
        ))
    }
}

fn own_header(name: &str) -> Option<&'static str> {
    let found = OWN_HEADERS.iter().find(|own| own.eq_ignore_ascii_case(name));
    found.copied()
}
