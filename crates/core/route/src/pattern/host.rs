//! Ant patterns of hosts, their labels separated by `.`: `*`, `?`, `{sub}`, `**` for any number of labels.
//!
//! Differs from Spring in one point: letters match in either case, as host names do (Spring's matcher does not,
//! so a client that writes `Host: WWW.Example.org` gets 404 there).

use super::PatternError;
use super::glob::Glob;
use crate::vars::Vars;

/// A compiled host pattern.
#[derive(Debug, Clone)]
pub struct HostPattern {
    source: String,
    labels: Vec<Label>,
    leading_dot: bool,
    trailing_dot: bool,
    /// Whether all of it is plain characters: then most hosts are told apart by one comparison.
    is_literal: bool,
}

#[derive(Debug, Clone)]
enum Label {
    One(Glob),
    /// `**`
    Many,
}

impl HostPattern {
    /// Reads `source`.
    ///
    /// # Errors
    /// When braces do not pair (a `.` ends a label inside braces too) or an expression is none.
    pub fn new(source: &str) -> Result<Self, PatternError> {
        let labels = source
            .split('.')
            .filter(|label| !label.is_empty())
            .map(|label| match label {
                "**" => Ok(Label::Many),
                _ => Glob::new(label, source, true).map(Label::One),
            });
        let labels: Vec<Label> = labels.collect::<Result<_, _>>()?;
        Ok(Self {
            source: source.to_owned(),
            is_literal: labels
                .iter()
                .all(|label| matches!(label, Label::One(Glob::Literal(_)))),
            labels,
            leading_dot: source.starts_with('.'),
            trailing_dot: source.ends_with('.'),
        })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The names of its variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.labels
            .iter()
            .flat_map(|label| match label {
                Label::One(glob) => glob.names(),
                Label::Many => &[],
            })
            .map(|name| &**name)
    }

    /// Whether `host` fits. Allocates nothing for a host of at most `LABELS_INLINE` labels.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        if self.is_literal && host.eq_ignore_ascii_case(&self.source) {
            return true;
        }
        self.fits_at_its_ends(host) && with_labels(host, |labels| align(&self.labels, labels, None))
    }

    /// Takes the variables out of `host`, which fits.
    pub fn capture(&self, host: &str, vars: &mut Vars) {
        if self.names().next().is_none() || !self.fits_at_its_ends(host) {
            return;
        }
        with_labels(host, |labels| {
            let mut places = Vec::with_capacity(self.labels.len());
            if !align(&self.labels, labels, Some(&mut places)) {
                return;
            }
            for (pattern, at) in self.labels.iter().zip(places) {
                if let (Label::One(glob), Some(text)) = (pattern, labels.get(at)) {
                    glob.capture(text, vars);
                }
            }
        });
    }

    /// A dot at the start or end must be in both.
    fn fits_at_its_ends(&self, host: &str) -> bool {
        host.starts_with('.') == self.leading_dot
            && (host.ends_with('.') == self.trailing_dot || matches!(self.labels.last(), Some(Label::Many)))
    }

    /// The literal labels that every matching host ends with, in lower case; the whole host if it has no other.
    pub(crate) fn literal_end(&self) -> String {
        let mut labels: Vec<String> = self
            .labels
            .iter()
            .rev()
            .map_while(|label| match label {
                Label::One(Glob::Literal(text)) => Some(text.to_ascii_lowercase()),
                Label::One(_) | Label::Many => None,
            })
            .collect();
        labels.reverse();
        labels.join(".")
    }

    /// Which hosts surely match, of those that end with the [`Self::literal_end`] and have no dot before or behind.
    pub(crate) fn reach(&self) -> Option<HostReach> {
        let is_literal = |label: &Label| matches!(label, Label::One(Glob::Literal(_)));
        if self.leading_dot || self.trailing_dot {
            return None;
        }
        match self.labels.as_slice() {
            labels if labels.iter().all(is_literal) => Some(HostReach::Whole),
            [Label::Many, end @ ..] if end.iter().all(is_literal) => Some(HostReach::EndsWith),
            _ => None,
        }
    }
}

/// How far a pattern's literal end settles whether a host matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostReach {
    /// The host has no labels before it.
    Whole,
    /// Whatever is before it.
    EndsWith,
}

/// More than the hosts of a day have.
const LABELS_INLINE: usize = 16;

/// Calls `look` with the labels of `host` that are not empty.
fn with_labels<R>(host: &str, look: impl FnOnce(&[&str]) -> R) -> R {
    let mut inline = [""; LABELS_INLINE];
    let mut labels = host.split('.').filter(|label| !label.is_empty());
    let mut count = 0;
    for (slot, label) in inline.iter_mut().zip(labels.by_ref()) {
        *slot = label;
        count += 1;
    }
    match labels.next() {
        None => look(&inline[..count]),
        Some(next) => {
            let all: Vec<&str> = inline.into_iter().chain([next]).chain(labels).collect();
            look(&all)
        }
    }
}

/// Whether `labels` fit; `places` then gets which label each part of the pattern took (for `**` the first it did
/// not).
///
/// The usual matching of `*` in a text, with labels for characters: on a mismatch the last `**` takes one more,
/// so the work is at most the product of both lengths.
fn align(pattern: &[Label], labels: &[&str], mut places: Option<&mut Vec<usize>>) -> bool {
    let mut take = |part: usize, at: usize| {
        if let Some(places) = &mut places {
            places.truncate(part);
            places.push(at);
        }
    };
    let (mut part, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match pattern.get(part) {
            Some(Label::Many) => {
                retry = Some((part, at));
                take(part, at);
                part += 1;
                continue;
            }
            Some(Label::One(glob)) if labels.get(at).is_some_and(|label| fits(glob, label)) => {
                take(part, at);
                (part, at) = (part + 1, at + 1);
                continue;
            }
            None if at == labels.len() => return true,
            Some(Label::One(_)) | None => {}
        }
        let Some((many, taken)) = retry.filter(|(_, taken)| *taken < labels.len()) else {
            return false;
        };
        retry = Some((many, taken + 1));
        take(many, taken + 1);
        (part, at) = (many + 1, taken + 1);
    }
}

fn fits(glob: &Glob, label: &str) -> bool {
    match glob {
        Glob::Literal(text) => text.eq_ignore_ascii_case(label),
        Glob::Any | Glob::Variable(_, None) => true,
        Glob::Variable(_, Some(regex)) | Glob::Mixed(regex, _) => regex.is_match(label),
    }
}

#[cfg(test)]
mod tests {
    use super::HostPattern;
    use crate::vars::Vars;

    #[test]
    fn each_form_matches_what_spring_says() {
        // protects: a route file selects the same hosts here as in Spring Cloud Gateway, case aside
        let table = [
            ("www.example.org", "www.example.org", true),
            ("www.example.org", "WWW.example.ORG", true),
            ("www.example.org", "www.example.org:8080", false),
            ("**.example.org", "a.b.example.org", true),
            ("**.example.org", "example.org", true),
            ("**.example.org", "badexample.org", false),
            ("*.example.org", "a.example.org", true),
            ("*.example.org", "a.b.example.org", false),
            ("*.example.org", "example.org", false),
            ("{sub}.example.org", "a.example.org", true),
            ("{sub:[a-z]+}.example.org", "a1.example.org", false),
            ("api-*.example.org", "API-1.example.org", true),
            ("w?w.example.org", "wow.example.org", true),
            ("a.**", "a.b.c", true),
            ("a.**.z", "a.z", true),
            ("a.**.m.**.z", "a.b.m.n.z", true),
            ("a.**.m.**.z", "a.b.n.z", false),
            ("example.org", "example.org.", false),
            ("example.org", ".example.org", false),
            ("**", "anything:80", true),
            ("localhost:8080", "localhost:8080", true),
        ];
        for (pattern, host, expected) in table {
            let compiled = HostPattern::new(pattern).unwrap();
            assert_eq!(compiled.matches(host), expected, "{pattern} on {host}");
        }
    }

    #[test]
    fn variables_keep_their_case() {
        // protects: `{sub}` reaches filters as the client wrote it
        let mut vars = Vars::default();
        let pattern = HostPattern::new("{sub}.**.{tld}").unwrap();
        pattern.capture("Foo.a.b.Org", &mut vars);
        assert_eq!(vars.iter().collect::<Vec<_>>(), [("sub", "Foo"), ("tld", "Org")]);
    }

    #[test]
    fn a_host_may_have_more_labels_than_are_kept_inline() {
        // protects: no label is lost at the border
        for count in 14..20 {
            let host = vec!["x"; count].join(".");
            let mut vars = Vars::default();
            let pattern = HostPattern::new("{first}.**.x").unwrap();
            assert!(pattern.matches(&host), "{count}");
            assert!(!pattern.matches(&format!("{host}.y")), "{count}");
            pattern.capture(&format!("a.{host}"), &mut vars);
            assert_eq!(vars.get("first"), Some("a"));
            assert!(HostPattern::new(&host).unwrap().matches(&host));
            assert!(!HostPattern::new(&host).unwrap().matches(&format!("x.{host}")));
        }
    }

    #[test]
    fn literal_ends_are_certain() {
        // protects: the index finds every host that matches
        let table = [
            ("www.Example.org", "www.example.org"),
            ("**.example.org", "example.org"),
            ("a.**.b.org", "b.org"),
            ("a.**", ""),
            ("a.x*", ""),
        ];
        for (pattern, end) in table {
            assert_eq!(HostPattern::new(pattern).unwrap().literal_end(), end);
        }
    }
}
