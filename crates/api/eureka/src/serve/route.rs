//! The paths of Eureka's API.
//!
//! `/eureka/…` (Spring) and `/eureka/v2/…` (Netflix, Node) are the same; empty segments are skipped, because
//! clients put base URL and path together with a slash too many or one at the end.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// The page for people.
    Page,
    /// `apps`
    Apps,
    /// `apps/delta`
    Delta,
    /// `apps/{app}`
    App(Cow<'a, str>),
    /// `apps/{app}/{id}`
    Instance(Cow<'a, str>, Cow<'a, str>),
    /// `apps/{app}/{id}/status`
    Status(Cow<'a, str>, Cow<'a, str>),
    /// `apps/{app}/{id}/metadata`
    Metadata(Cow<'a, str>, Cow<'a, str>),
    /// `instances/{id}`
    ById(Cow<'a, str>),
    /// `vips/{address}`, or `svips/{address}` when secure.
    Vip {
        /// The address.
        address: Cow<'a, str>,
        /// Whether the TLS ports' addresses are meant.
        secure: bool,
    },
    /// `peerreplication/…`
    Peers,
    /// Something else.
    Unknown,
}

impl<'a> Route<'a> {
    /// Reads a path as it stands in the request. `None` when it is not UTF-8 after decoding.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let mut segments = path.split('/').filter(|segment| !segment.is_empty()).peekable();
        match segments.next() {
            None => return Some(Self::Page),
            Some("eureka") => {}
            Some(_) => return Some(Self::Unknown),
        }
        segments.next_if(|segment| matches!(*segment, "v1" | "v2"));
        let mut rest = [""; 4];
        let mut count = 0;
        for segment in segments {
            let Some(place) = rest.get_mut(count) else {
                return Some(Self::Unknown);
            };
            *place = segment;
            count += 1;
        }
        let text = |segment: &'a str| percent_decode_str(segment).decode_utf8().ok();
        Some(match rest[..count] {
            ["apps"] => Self::Apps,
            ["apps", "delta"] => Self::Delta,
            ["apps", app] => Self::App(text(app)?),
            ["apps", app, id] => Self::Instance(text(app)?, text(id)?),
            ["apps", app, id, "status"] => Self::Status(text(app)?, text(id)?),
            ["apps", app, id, "metadata"] => Self::Metadata(text(app)?, text(id)?),
            ["instances", id] => Self::ById(text(id)?),
            ["vips", address] => Self::Vip {
                address: text(address)?,
                secure: false,
            },
            ["svips", address] => Self::Vip {
                address: text(address)?,
                secure: true,
            },
            ["peerreplication", ..] => Self::Peers,
            _ => Self::Unknown,
        })
    }
}

/// The pairs of a query string, decoded as HTML forms are (`+` is a space). Bytes that are not UTF-8 are replaced.
pub(super) fn query(query: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(app: &'static str, id: &'static str) -> Option<Route<'static>> {
        Some(Route::Instance(app.into(), id.into()))
    }

    /// Each client writes the same path a little differently; a 404 here makes it register for ever.
    #[test]
    fn spellings_of_a_path_mean_the_same() {
        for path in [
            "/eureka/apps/A/h:1",
            "/eureka/v2/apps/A/h:1",
            "/eureka//apps/A/h:1/",
            "/eureka/apps/A/h%3A1",
            "//eureka/v2//apps/A/h:1",
        ] {
            assert_eq!(Route::parse(path), instance("A", "h:1"), "{path}");
        }
        assert_eq!(Route::parse("/eureka/apps/"), Some(Route::Apps));
        assert_eq!(Route::parse("/eureka/apps/delta/"), Some(Route::Delta));
        assert_eq!(Route::parse("/eureka/apps/v2"), Some(Route::App("v2".into())));
        assert_eq!(Route::parse("/"), Some(Route::Page));
    }

    /// Foreign paths are unknown, and broken ones are refused rather than guessed.
    #[test]
    fn other_paths_are_not_ours() {
        for path in [
            "/apps",
            "/eureka",
            "/eureka/apps/A/i/other",
            "/eureka/status",
            "/eurekaapps",
        ] {
            assert_eq!(Route::parse(path), Some(Route::Unknown), "{path}");
        }
        assert_eq!(Route::parse("/eureka/apps/%ff"), None);
        assert_eq!(Route::parse("/eureka/apps/a/b/c/d/e/f"), Some(Route::Unknown));
    }

    /// Metadata arrives in the query string, with spaces and signs.
    #[test]
    fn a_query_is_decoded_like_a_form() {
        let pairs: Vec<_> = query("a=1+2&b=%2B&c&&d=x=y").collect();
        let expected = [("a", "1 2"), ("b", "+"), ("c", ""), ("d", "x=y")];
        assert_eq!(pairs, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
}
