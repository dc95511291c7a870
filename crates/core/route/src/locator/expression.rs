//! The little of Spring's expression language that the discovery locator needs: `'/'+serviceId+'/**'`.
//!
//! Texts in quotes, `serviceId`, a number or boolean alone, and `+`. Everything else is refused: a gateway that
//! evaluates a language from its configuration has been the way in before.

use thiserror::Error;

/// An expression that gives a text for every service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expression {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Text(String),
    ServiceId,
}

/// Why a text is not an expression here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the expression `{source_text}` is not supported, expected texts in quotes and serviceId with + between them: \
     `'/'+serviceId+'/**'`"
)]
pub(crate) struct ExpressionError {
    source_text: String,
}

impl Expression {
    /// Reads `source`.
    pub(crate) fn parse(source: &str) -> Result<Self, ExpressionError> {
        let error = || ExpressionError {
            source_text: source.to_owned(),
        };
        let alone = source.trim();
        let number = !alone.is_empty() && alone.len() <= 9 && alone.bytes().all(|b| b.is_ascii_digit());
        if number || matches!(alone, "true" | "false") {
            return Ok(Self::literal(alone));
        }
        let mut terms = Vec::new();
        let mut left = alone;
        loop {
            let (term, rest) = term(left).ok_or_else(error)?;
            terms.push(term);
            let rest = rest.trim_start();
            if rest.is_empty() {
                return Ok(Self { terms });
            }
            left = rest.strip_prefix('+').ok_or_else(error)?.trim_start();
        }
    }

    /// One that gives `text` for every service.
    pub(crate) fn literal(text: &str) -> Self {
        let terms = vec![Term::Text(text.to_owned())];
        Self { terms }
    }

    /// `before`, the service's id, `after`.
    pub(crate) fn around(before: &str, after: &str) -> Self {
        let text = |text: &str| Term::Text(text.to_owned());
        let terms = vec![text(before), Term::ServiceId, text(after)];
        Self { terms }
    }

    /// What it gives for a service.
    pub(crate) fn value(&self, service_id: &str) -> String {
        let texts = self.terms.iter().map(|term| match term {
            Term::Text(text) => text.as_str(),
            Term::ServiceId => service_id,
        });
        texts.collect()
    }
}

/// The term at the start of `source`, and the rest.
fn term(source: &str) -> Option<(Term, &str)> {
    if let Some(quote @ ('\'' | '"')) = source.chars().next() {
        let mut text = String::new();
        let mut left = source.get(1..)?;
        loop {
            let (part, rest) = left.split_once(quote)?;
            text.push_str(part);
            let Some(more) = rest.strip_prefix(quote) else {
                return Some((Term::Text(text), rest));
            };
            // a doubled quote is one quote of the text
            text.push(quote);
            left = more;
        }
    }
    let rest = source.strip_prefix("serviceId")?;
    Some((Term::ServiceId, rest))
}

#[cfg(test)]
mod tests {
    use super::Expression;

    #[test]
    fn expressions_of_the_locator_are_read_and_others_refused() {
        // protects: the documented filters of the locator work, and nothing is evaluated that we do not know
        let table = [
            ("'/'+serviceId+'/**'", Some("/ORDERS/**")),
            (
                "'/' + serviceId + '/?(?<remaining>.*)'",
                Some("/ORDERS/?(?<remaining>.*)"),
            ),
            ("'/${remaining}'", Some("/${remaining}")),
            ("serviceId", Some("ORDERS")),
            ("\"it's\"", Some("it's")),
            ("'it''s'", Some("it's")),
            ("1", Some("1")),
            ("true", Some("true")),
            ("serviceId.toLowerCase()", None),
            ("metadata['x']", None),
            ("T(java.lang.Runtime)", None),
            ("'a' 'b'", None),
            ("'a", None),
            ("1+1", None),
            ("serviceIdentity", None),
            ("'a'+", None),
            ("", None),
        ];
        for (source, expected) in table {
            let value = Expression::parse(source).map(|expression| expression.value("ORDERS"));
            assert_eq!(value.ok().as_deref(), expected, "{source}");
        }
    }
}
