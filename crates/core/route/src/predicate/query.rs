//! `Query=param[, regexp]`: the query has the parameter, or one of its values matches as a whole.
//!
//! Names and values are decoded as forms are (`+` is a space), as Spring does. A parameter without `=` has no value
//! and matches no expression; one with nothing behind its `=` has the empty value.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::{Matcher, Subject};
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::kind::Kind;
use crate::pattern::JavaRegex;

pub(super) const KIND: Kind<dyn Matcher> = Kind {
    name: "Query",
    keys: &["param", "regexp", "predicate"],
    shape: Shape::Plain,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Matcher>, ArgumentError> {
    if let Some(text) = arguments.optional("predicate") {
        let what = "a predicate in Java is not supported, write an expression";
        return Err(ArgumentError::new(text.place, what));
    }
    let regex = arguments.optional("regexp").map(|text| {
        JavaRegex::whole(&text.value).map_err(|error| ArgumentError::new(text.place, error.to_string()))
    });
    Ok(Arc::new(Query {
        param: arguments.text("param")?.value.clone(),
        regex: regex.transpose()?,
    }))
}

struct Query {
    param: String,
    regex: Option<JavaRegex>,
}

impl Matcher for Query {
    fn matches(&self, subject: &Subject<'_>) -> bool {
        params(subject.request.raw_query().unwrap_or_default()).any(|(name, value)| {
            decoded(name) == self.param
                && match (&self.regex, value) {
                    (None, _) => true,
                    (Some(regex), Some(value)) => regex.is_match(&decoded(value)),
                    (Some(_), None) => false,
                }
        })
    }

    fn why_not(&self, subject: &Subject<'_>) -> String {
        match subject.request.raw_query() {
            Some(query) if !query.is_empty() => format!("the query is {query}"),
            Some(_) | None => "there is no query".to_owned(),
        }
    }
}

fn params(query: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    query
        .split('&')
        .map(|pair| pair.trim_start_matches('='))
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        })
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| matches!(b, b'+' | b'%')) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::{decoded, params};

    #[test]
    fn a_query_is_read_as_spring_does() {
        // protects: which requests a `Query` route takes
        let pairs: Vec<_> = params("a&b=&=c=d=e&&f=1&f=2&%20+=+%zz").collect();
        let expected = [
            ("a", None),
            ("b", Some("")),
            ("c", Some("d=e")),
            ("f", Some("1")),
            ("f", Some("2")),
            ("%20+", Some("+%zz")),
        ];
        assert_eq!(pairs, expected);
        assert_eq!(decoded("%20+"), "  ");
        assert_eq!(decoded("+%zz"), " %zz");
    }
}
