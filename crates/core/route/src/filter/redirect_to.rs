//! `RedirectTo=status, url[, includeRequestParams]`: sends the client elsewhere; the upstream is not asked.
//!
//! With `includeRequestParams` the request's query is appended as it was sent. (Spring decodes and joins it anew,
//! which breaks values with `&` or `%` in them.)

use std::sync::Arc;

use super::Filter;
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::escape::raw_url;
use crate::exchange::Exchange;
use crate::kind::Kind;
use crate::status::status;
use crate::view::{Answer, Flow, RequestEdit};

pub(super) const KIND: Kind<dyn Filter> = Kind {
    name: "RedirectTo",
    keys: &["status", "url", "includeRequestParams"],
    shape: Shape::Plain,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Filter>, ArgumentError> {
    let text = arguments.text("status")?;
    let status = status(text.value.trim())
        .filter(|status| (300..400).contains(status))
        .ok_or_else(|| {
            let what = format!(
                "status must be from 300 to 399 or a name like FOUND, not {:?}",
                text.value
            );
            ArgumentError::new(text.place, what)
        })?;
    let url = arguments.text("url")?;
    if let Some(bad) = url.value.chars().find(|c| !may_stand_in_url(*c)) {
        let what = format!("`{}` is not a URL: {bad:?} must be written as %xx", url.value);
        return Err(ArgumentError::new(url.place, what));
    }
    Ok(Arc::new(RedirectTo {
        status,
        url: raw_url(&url.value).into_owned(),
        with_query: arguments.flag("includeRequestParams", false)?,
    }))
}

fn may_stand_in_url(c: char) -> bool {
    !c.is_control() && !c.is_whitespace() && !"\"<>\\^`{|}".contains(c)
}

struct RedirectTo {
    status: u16,
    url: String,
    with_query: bool,
}

impl Filter for RedirectTo {
    fn before(&self, request: &mut dyn RequestEdit, _: &mut Exchange) -> Flow {
        let query = request
            .query()
            .filter(|query| self.with_query && !query.is_empty());
        let location = query.map_or_else(|| self.url.clone(), |query| with_query(&self.url, query));
        Flow::Answer(Box::new(Answer {
            status: self.status,
            headers: vec![("Location".to_owned(), location)],
            body: Vec::new(),
        }))
    }

    fn has_after(&self) -> bool {
        false
    }
}

/// `url` with `query` after its own, before its fragment.
fn with_query(url: &str, query: &str) -> String {
    let (before, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let joint = match before.split_once('?') {
        None => "?",
        Some((_, own)) if own.is_empty() || own.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{before}{joint}{}{fragment}", raw_url(&query.replace('#', "%23")))
}

#[cfg(test)]
mod tests {
    use super::with_query;

    #[test]
    fn a_query_goes_where_it_belongs() {
        // protects: the redirected client asks with the same parameters
        let table = [
            ("https://a.org/x", "https://a.org/x?q=1%20&r"),
            ("https://a.org/x?p=0", "https://a.org/x?p=0&q=1%20&r"),
            ("/x?", "/x?q=1%20&r"),
            ("/x#top", "/x?q=1%20&r#top"),
        ];
        for (url, expected) in table {
            assert_eq!(with_query(url, "q=1 &r"), expected);
        }
    }
}
