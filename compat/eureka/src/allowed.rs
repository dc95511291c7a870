//! The differences from the original that we keep on purpose, each with its reason. A difference that is not here
//! fails the suite; an entry of one story that explains nothing any more fails it too.

use crate::compare::Difference;

/// One allowed difference.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// The script's name, or `*`.
    pub story: &'static str,
    /// The step's title, a beginning of it followed by `*`, or `*`.
    pub step: &'static str,
    /// The place as [`Difference::at`] says it, a beginning of it followed by `*`, or `*`.
    pub at: &'static str,
    /// Why the difference is right.
    pub why: &'static str,
}

impl Allowed {
    /// Whether this entry explains the difference.
    pub(crate) fn covers(&self, story: &str, step: &str, difference: &Difference) -> bool {
        fits(self.story, story) && fits(self.step, step) && fits(self.at, &difference.at)
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => text.starts_with(beginning),
        None => pattern == text,
    }
}

/// The list.
pub const ALLOWED: &[Allowed] = &[
    allow(
        "*",
        "*",
        "header allow",
        "the methods stand in another order, and OPTIONS, which only web pages send, is not offered",
    ),
    allow(
        "paths: methods",
        "OPTIONS /eureka/apps",
        "*",
        "only web pages send OPTIONS, before a foreign request, and they must not drive the registry",
    ),
    allow(
        "paths: spellings",
        "/eureka//apps",
        "*",
        "a doubled slash is one slash everywhere here; for the original only at the beginning",
    ),
    allow(
        "paths: spellings",
        "/eureka/apps//PATHS",
        "*",
        "a doubled slash is one slash everywhere here; for the original only at the beginning",
    ),
    allow(
        "paths: spellings",
        "/eureka/v1/apps",
        "*",
        "any version of the path is taken here, as Eureka's own paths say; Spring's server knows v2 alone",
    ),
    allow(
        "paths: slash in an id",
        "*",
        "*",
        "an id with a slash can be read, renewed and cancelled here; the original's web server refuses its path",
    ),
    allow(
        "accept",
        "/eureka/apps as text/*",
        "*",
        "a person with a browser gets XML here; the original answers 406",
    ),
    allow(
        "accept",
        "/eureka/apps/NEGO/n1 as text/*",
        "*",
        "a person with a browser gets XML here; the original answers 406",
    ),
    allow(
        "accept",
        "/eureka/apps as application/xml, application/json",
        "*",
        "JSON anywhere in Accept means JSON, body and label; the original labels its JSON as XML",
    ),
    allow(
        "accept",
        "/eureka/apps/NEGO/n1 as application/xml, application/json",
        "*",
        "JSON anywhere in Accept means JSON for every path; the original means it for lists only",
    ),
    allow(
        "heartbeat: peer",
        "then with newer override",
        "body.instance.actionType",
        "an override that a peer brings is a change that watchers and deltas hear of; the original tells nobody",
    ),
    allow("heartbeat: queries", "garbage", "status", REFUSED),
    allow("heartbeat: queries", "empty", "status", REFUSED),
    allow("status: values", "value *", "status", REFUSED),
    allow("status: values", "no value", "status", REFUSED),
    allow("status: values", "garbage", "status", REFUSED),
    allow(
        "status: values",
        "garbage: then",
        "body.instance.*",
        "a refused request changes nothing here; the original fails after half of the change",
    ),
    allow("status: values", "removal with a wrong value", "status", REFUSED),
    allow("status: values", "removal with garbage", "status", REFUSED),
    allow(
        "status: values",
        "removal with garbage: then",
        "body.instance.*",
        "a refused request changes nothing here; the original fails after half of the change",
    ),
    allow(
        "refused: fields",
        "*",
        "header content-type",
        "the plain text of a refusal is labelled as plain text; the original labels it XML or JSON",
    ),
    allow(
        "refused: fields",
        "no app",
        "body",
        "the missing application is named; the original cannot parse such a body",
    ),
    allow(
        "refused: fields",
        "nothing at all",
        "body",
        "the first missing field is named; the original cannot parse such a body",
    ),
    allow(
        "refused: bodies",
        "no instance",
        "*",
        "the first missing field is named; the original cannot parse such a body",
    ),
    allow("refused: bodies", "null", "status", REFUSED),
    allow(
        "refused: bodies",
        "not wrapped",
        "*",
        "an instance without the wrapping object is taken here; the original refuses it",
    ),
    allow(
        "refused: bodies",
        "junk behind",
        "*",
        "what follows the registration is refused here; the original never looks at it",
    ),
    allow("refused: content types", "text/json", "*", LIBERAL),
    allow("refused: content types", "application/vnd.x+json", "*", LIBERAL),
    allow(
        "refused: content types",
        "text/xml",
        "status",
        "the body of this step is JSON, so as XML it is 400; the original refuses the label itself",
    ),
    allow("refused: content types", "none", "*", LIBERAL),
    allow(
        "json: other fields",
        "unknown object*",
        "*",
        "an unknown object is skipped here; the original loses its place in the text behind it",
    ),
    allow("json: data centers", "amazon without*", "*", LIBERAL),
    allow("json: data centers", "own without class*", "*", LIBERAL),
    allow("json: data centers", "own with metadata*", "*", LIBERAL),
    allow("json: data centers", "unknown class*", "*", LIBERAL),
    allow(
        "json: metadata",
        "nested: served*",
        "body.*",
        "a nested value is kept as its JSON text here; the original splits it into pieces",
    ),
    allow("json: ports", "number*", "*", LIBERAL),
    allow("json: ports", "text", "*", LIBERAL),
    allow("json: ports", "text:*", "*", LIBERAL),
    allow("xml: ports and data centers", "spaces*", "*", LIBERAL),
    allow(
        "xml: ports and data centers",
        "data center none",
        "header content-type",
        "the plain text of a refusal is labelled as plain text; the original labels it XML or JSON",
    ),
];

const REFUSED: &str =
    "a mistake of the client is answered with 400 here; the original fails inside and answers 500";
const LIBERAL: &str = "what can be understood is taken here; the original refuses it";

const fn allow(story: &'static str, step: &'static str, at: &'static str, why: &'static str) -> Allowed {
    Allowed { story, step, at, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(at: &str) -> Difference {
        Difference {
            at: at.into(),
            original: None,
            koinon: None,
        }
    }

    /// Protects: an entry explains what it names and nothing beside it.
    #[test]
    fn an_entry_covers_what_it_names() {
        let entry = Allowed {
            story: "*",
            step: "vip*",
            at: "status",
            why: "for the test",
        };
        assert!(entry.covers("any", "vip of none", &difference("status")));
        assert!(!entry.covers("any", "a vip", &difference("status")));
        assert!(!entry.covers("any", "vip", &difference("status of it")));
    }

    /// Protects: every entry says why.
    #[test]
    fn every_entry_has_a_reason() {
        for entry in ALLOWED {
            assert!(entry.why.len() > 20, "{entry:?}");
        }
    }
}
