//! Which documents of a file take part: `spring.config.activate.on-profile`, or `spring.profiles` as it was called
//! before, against the active profiles.
//!
//! Source: Spring's profile expressions (`a & !b`, `(a | b) & c`; `&` and `|` do not mix without parentheses).

use crate::problem::{Place, Report};

use super::property::Property;

/// How deep parentheses may nest, and how many profiles may be active, groups and includes followed.
const DEPTH_MAX: usize = 16;
const ACTIVE_MAX: usize = 256;
/// The profile that is active when no other is.
const DEFAULT: &str = "default";

/// The documents that take part, in the order of the file; the others are told in notes.
pub(super) fn active_documents<'y>(
    documents: Vec<Property<'y>>,
    lookup: &dyn Fn(&str) -> Option<String>,
    given: &[String],
    report: &mut Report,
) -> Vec<Property<'y>> {
    let always: Vec<&Property<'y>> = documents
        .iter()
        .filter(|document| condition(document).is_none() && !needs_cloud(document))
        .collect();
    let active = active_profiles(&always, lookup, given);
    let takes_part = |document: &Property<'y>| {
        if needs_cloud(document) {
            let place = document.place();
            report.note(
                place,
                "this document takes part on a cloud platform only, and is left out",
            );
            return false;
        }
        let Some((expressions, place)) = condition(document) else {
            return true;
        };
        let mut any = false;
        for expression in &expressions {
            match matches(expression, &active) {
                Ok(matched) => any |= matched,
                Err(why) => report.error(place, format!("the profile expression {expression:?}: {why}")),
            }
        }
        if !any {
            let names = expressions.join(", ");
            let what = format!("this document takes part with the profile {names:?} only, and is left out");
            report.note(place, what);
        }
        any
    };
    documents.into_iter().filter(takes_part).collect()
}

fn needs_cloud(document: &Property<'_>) -> bool {
    document.at("spring.config.activate.on-cloud-platform").exists()
}

/// The expressions of which one must hold, when there are any.
fn condition(document: &Property<'_>) -> Option<(Vec<String>, Place)> {
    ["spring.config.activate.on-profile", "spring.profiles"]
        .into_iter()
        .find_map(|path| {
            let property = document.at(path);
            let list = texts(&property);
            (!list.is_empty()).then(|| (list, property.place()))
        })
}

/// A list of texts, or one text with commas.
fn texts(property: &Property<'_>) -> Vec<String> {
    let split = |text: &str| -> Vec<String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    if let Some((text, _)) = property.scalar() {
        return split(text);
    }
    let members = property
        .children()
        .into_iter()
        .filter(|child| child.index.is_some());
    let texts = members.filter_map(|child| child.property.scalar());
    texts.map(|(text, _)| text.trim().to_owned()).collect()
}

/// The profiles that are active, those included and grouped among them.
fn active_profiles(
    documents: &[&Property<'_>],
    lookup: &dyn Fn(&str) -> Option<String>,
    given: &[String],
) -> Vec<String> {
    let say = |path: &str| -> Vec<String> {
        let mut latest = documents.iter().rev().map(|document| texts(&document.at(path)));
        latest.find(|list| !list.is_empty()).unwrap_or_default()
    };
    let chosen = |name: &str| match super::sources::outside(lookup, name) {
        Some(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
        None => say(name),
    };
    let mut active = given.to_vec();
    if active.is_empty() {
        active = chosen("spring.profiles.active");
    }
    active.extend(say("spring.profiles.include"));
    if active.is_empty() {
        active = chosen("spring.profiles.default");
    }
    let groups = documents
        .iter()
        .map(|document| document.at("spring.profiles.group"));
    let groups: Vec<_> = groups.flat_map(|group| group.children()).collect();
    let mut at = 0;
    while let Some(profile) = active.get(at).cloned() {
        for group in groups.iter().filter(|group| group.name == profile) {
            for member in texts(&group.property) {
                if active.len() < ACTIVE_MAX && !active.contains(&member) {
                    active.push(member);
                }
            }
        }
        at += 1;
    }
    if active.is_empty() {
        active.push(DEFAULT.to_owned());
    }
    active
}

/// Whether `expression` holds.
fn matches(expression: &str, active: &[String]) -> Result<bool, String> {
    let mut reader = Reader {
        left: expression,
        active,
    };
    let matched = reader.any_or_all(0)?;
    if reader.left.trim().is_empty() {
        Ok(matched)
    } else {
        Err(format!("{:?} was not expected", reader.left.trim()))
    }
}

struct Reader<'e> {
    left: &'e str,
    active: &'e [String],
}

impl Reader<'_> {
    /// Terms with one operator between them.
    fn any_or_all(&mut self, depth: usize) -> Result<bool, String> {
        let mut value = self.term(depth)?;
        let mut operator = None;
        while let Some(next) = self.next_of(&['&', '|']) {
            if operator.is_some_and(|before| before != next) {
                return Err("`&` and `|` do not mix without parentheses".to_owned());
            }
            operator = Some(next);
            let term = self.term(depth)?;
            value = if next == '&' { value && term } else { value || term };
        }
        Ok(value)
    }

    fn term(&mut self, depth: usize) -> Result<bool, String> {
        let mut negated = false;
        while self.next_of(&['!']).is_some() {
            negated = !negated;
        }
        let value = if self.next_of(&['(']).is_some() {
            if depth >= DEPTH_MAX {
                return Err("parentheses nest too deep".to_owned());
            }
            let value = self.any_or_all(depth + 1)?;
            if self.next_of(&[')']).is_none() {
                return Err("a `)` is missing".to_owned());
            }
            value
        } else {
            let end = self
                .left
                .find(['(', ')', '&', '|', '!'])
                .unwrap_or(self.left.len());
            let (name, rest) = self.left.split_at(end);
            self.left = rest;
            let name = name.trim();
            if name.is_empty() {
                return Err("the name of a profile is missing".to_owned());
            }
            self.active.iter().any(|profile| profile == name)
        };
        Ok(value != negated)
    }

    fn next_of(&mut self, choice: &[char]) -> Option<char> {
        let trimmed = self.left.trim_start();
        let next = trimmed.chars().next().filter(|c| choice.contains(c))?;
        self.left = trimmed.get(next.len_utf8()..).unwrap_or_default();
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn expressions_hold_as_in_spring() {
        // protects: a document for another environment never serves traffic here
        let active = ["dev".to_owned(), "eu".to_owned()];
        let table = [
            ("dev", Some(true)),
            ("prod", Some(false)),
            ("!prod", Some(true)),
            ("dev & eu", Some(true)),
            ("dev & us", Some(false)),
            ("prod | eu", Some(true)),
            ("(prod | dev) & eu", Some(true)),
            ("!(prod | dev)", Some(false)),
            ("dev & eu | us", None),
            ("(dev", None),
            ("dev)", None),
            ("dev &", None),
            ("!", None),
        ];
        for (expression, expected) in table {
            assert_eq!(matches(expression, &active).ok(), expected, "{expression}");
        }
        assert!(matches(&"(".repeat(100_000), &active).is_err());
    }
}
