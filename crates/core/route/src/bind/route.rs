//! Routes, predicates and filters: from properties to definitions.

use std::sync::Arc;

use super::convert::{boolean, integer};
use super::property::{Child, Property};
use super::sources::Sources;
use crate::definition::{Args, Definition, RouteDefinition, Text};
use crate::limits::{KEY_BYTES_MAX, PATTERNS_MAX, ROUTES_MAX, STEPS_MAX};
use crate::problem::{Report, nearest};

const ROUTE_KEYS: [&str; 7] = [
    "id",
    "uri",
    "predicates",
    "filters",
    "metadata",
    "order",
    "enabled",
];
/// What Spring calls the arguments of a shortcut once they are a map.
const GENERATED_KEY: &str = "_genkey_";

/// Predicates and filters differ in what a text without `=` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Predicate,
    Filter,
}

impl Step {
    fn word(self) -> &'static str {
        match self {
            Self::Predicate => "predicate",
            Self::Filter => "filter",
        }
    }
}

/// A member of a list.
enum Member<'y> {
    Text(Text),
    Property(Property<'y>),
}

/// Makes definitions of properties.
pub(super) struct Binder<'s, 'y, 'r> {
    pub(super) sources: &'s Sources<'y>,
    pub(super) report: &'r mut Report,
}

impl<'y> Binder<'_, 'y, '_> {
    pub(super) fn routes(&mut self, list: &Property<'y>) -> Vec<RouteDefinition> {
        let members = self.members(list, "routes", ROUTES_MAX);
        let routes = members.into_iter().enumerate().filter_map(|(index, member)| {
            let route = match member {
                Member::Text(text) => self.route_of_text(&text),
                Member::Property(property) => Some(self.route(index, &property)),
            };
            self.report.leave_route();
            route
        });
        routes.collect()
    }

    pub(super) fn steps(&mut self, list: &Property<'y>, kind: Step) -> Vec<Definition> {
        let plural = format!("{}s", kind.word());
        let members = self.members(list, &plural, STEPS_MAX);
        let steps = members.into_iter().filter_map(|member| match member {
            Member::Text(text) => self.shortcut(&text, kind),
            Member::Property(property) => self.expanded(&property, kind),
        });
        steps.collect()
    }

    /// The members of a list; a text is split at its commas.
    fn members(&mut self, list: &Property<'y>, what: &str, max: usize) -> Vec<Member<'y>> {
        let mut members = Vec::new();
        if let Some((text, place)) = list.scalar() {
            let text = self.sources.fill(text, place, false, self.report);
            let texts = text.value.split(',').map(str::trim);
            for text in texts.filter(|_| !text.value.is_empty()) {
                let value = text.to_owned();
                members.push(Member::Text(Text { value, place }));
            }
        } else {
            match list.members() {
                Ok(found) => members.extend(found.into_iter().map(|member| self.member(member))),
                Err((place, why)) => self.report.error(place, format!("{what} must be a list: {why}")),
            }
        }
        if members.len() > max {
            let count = members.len();
            let what = format!("{count} {what}, at most {max} are read");
            self.report.error(list.place(), what);
            members.clear();
        }
        members
    }

    fn member(&mut self, property: Property<'y>) -> Member<'y> {
        match property.scalar() {
            // a replacement may name its groups `${group}`: nothing is wrong with a name that nobody knows
            Some((text, place)) => {
                let quiet = text.starts_with("Rewrite");
                Member::Text(self.sources.fill(text, place, quiet, self.report))
            }
            None => Member::Property(property),
        }
    }

    /// `id=uri, Host=**.x.org`.
    fn route_of_text(&mut self, text: &Text) -> Option<RouteDefinition> {
        let place = text.place;
        let split = text.value.split_once('=').filter(|(id, _)| !id.is_empty());
        let mut parts = split
            .map(|(_, rest)| tokens(rest))
            .unwrap_or_default()
            .into_iter();
        let (Some((id, _)), Some(uri)) = (split, parts.next()) else {
            let what = format!(
                "{:?} is not a route, expected `id=uri, Predicate=value` or a map",
                text.value
            );
            self.report.error(place, what);
            return None;
        };
        self.report.enter_route(&Arc::from(id));
        let uri = Text {
            value: uri.to_owned(),
            place,
        };
        let mut predicates = Vec::new();
        for part in parts {
            let value = part.to_owned();
            predicates.extend(self.shortcut(&Text { value, place }, Step::Predicate));
        }
        Some(RouteDefinition {
            id: id.to_owned(),
            uri,
            predicates,
            enabled: true,
            place,
            ..RouteDefinition::default()
        })
    }

    fn route(&mut self, index: usize, property: &Property<'y>) -> RouteDefinition {
        let place = property.place();
        self.report
            .enter_route(&Arc::from(format!("number {}", index + 1)));
        let id = self
            .text(property, "id")
            .map(|text| text.value)
            .unwrap_or_default();
        if !id.is_empty() {
            self.report.enter_route(&Arc::from(id.as_str()));
        }
        let order = self.typed(property, "order", integer, "a whole number");
        let enabled = self.typed(property, "enabled", boolean, "true or false");
        let predicates = self.steps(&property.at("predicates"), Step::Predicate);
        for child in property.children() {
            if !property_is_one_of(&child, &ROUTE_KEYS) {
                let near = nearest(&child.name, ROUTE_KEYS);
                let what = format!("`{}` is no setting of a route and is not read{near}", child.name);
                self.report.note(child.property.place(), what);
            }
        }
        RouteDefinition {
            id,
            uri: self.text(property, "uri").unwrap_or_else(|| Text {
                value: String::new(),
                place,
            }),
            predicates,
            filters: self.steps(&property.at("filters"), Step::Filter),
            metadata: self.metadata(&property.at("metadata")),
            order: order.unwrap_or_default(),
            enabled: enabled.unwrap_or(true),
            place,
        }
    }

    fn metadata(&mut self, property: &Property<'y>) -> Vec<(String, Text)> {
        let cors = property.at("cors");
        if cors.exists() {
            let what = "`metadata.cors` is not supported yet, remove it";
            self.report.error(cors.place(), what);
        }
        self.flat(property, false)
    }

    /// `Name=a,b`; a filter also `Name`.
    fn shortcut(&mut self, text: &Text, kind: Step) -> Option<Definition> {
        let split = text.value.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, args) = match (split, kind) {
            (Some((name, args)), _) => (name, tokens(args)),
            (None, Step::Filter) if !text.value.is_empty() => (text.value.as_str(), Vec::new()),
            (None, Step::Filter | Step::Predicate) => {
                let (word, value) = (kind.word(), &text.value);
                let what = format!(
                    "{value:?} is not a {word}, expected `Name=value` or a map of `name:` and `args:`"
                );
                self.report.error(text.place, what);
                return None;
            }
        };
        let place = text.place;
        let text_of = |value: &str| Text {
            value: value.to_owned(),
            place,
        };
        let args: Vec<Text> = args.into_iter().map(text_of).collect();
        Some(Definition {
            name: name.to_owned(),
            args: if args.is_empty() {
                Args::None
            } else {
                Args::Positional(args)
            },
            place,
        })
    }

    /// `name:` and `args:`.
    fn expanded(&mut self, property: &Property<'y>, kind: Step) -> Option<Definition> {
        let place = property.place();
        let name = self
            .text(property, "name")
            .map(|text| text.value)
            .unwrap_or_default();
        let word = kind.word();
        let keys = ["name", "args"];
        let mut strange = property.children();
        strange.retain(|child| !property_is_one_of(child, &keys));
        if name.is_empty() {
            let what = match strange.first() {
                Some(child) => {
                    let name = &child.name;
                    format!("a {word} without `name:`; `{name}:` is a key, expected `{name}=...` in one text")
                }
                None => format!("a {word} without `name:`, expected `name:` and `args:`, or `Name=value`"),
            };
            self.report.error(place, what);
            return None;
        }
        for child in strange {
            let near = nearest(&child.name, keys);
            let what = format!("`{}` is no setting of a {word} and is not read{near}", child.name);
            self.report.note(child.property.place(), what);
        }
        let args = self.args(&property.at("args"), name.starts_with("Rewrite"));
        Some(Definition { name, args, place })
    }

    fn args(&mut self, property: &Property<'y>, quiet: bool) -> Args {
        if let Some((text, place)) = property.scalar() {
            if !text.is_empty() {
                let what = format!("args is the text {text:?}, expected a map of names and values");
                self.report.error(place, what);
            }
            return Args::None;
        }
        let is_list = property.children().iter().all(|child| child.index.is_some());
        let named = self.flat(property, quiet);
        let generated = |(at, (key, _)): (usize, &(String, Text))| {
            let number = key.strip_prefix(GENERATED_KEY);
            number == Some(at.to_string().as_str()) || (is_list && *key == format!("[{at}]"))
        };
        if named.is_empty() {
            Args::None
        } else if named.iter().enumerate().all(generated) {
            Args::Positional(named.into_iter().map(|(_, text)| text).collect())
        } else {
            Args::Named(named)
        }
    }

    /// Every text below `property` by its key.
    fn flat(&mut self, property: &Property<'y>, quiet: bool) -> Vec<(String, Text)> {
        let mut flat = Vec::new();
        // a stack and not recursion: a dotted key may have any number of elements
        let mut left: Vec<(String, Property<'y>)> = vec![(String::new(), property.clone())];
        while let Some((key, property)) = left.pop() {
            if key.len() > KEY_BYTES_MAX {
                let what = format!("a key of more than {KEY_BYTES_MAX} bytes");
                self.report.error(property.place(), what);
                continue;
            }
            if let Some((text, place)) = property.scalar().filter(|_| !key.is_empty()) {
                if flat.len() == PATTERNS_MAX {
                    let what = format!("more than {PATTERNS_MAX} values in one map");
                    self.report.error(place, what);
                    break;
                }
                flat.push((key, self.sources.fill(text, place, quiet, self.report)));
                continue;
            }
            for child in property.children().into_iter().rev() {
                let key = match child.index {
                    Some(index) => format!("{key}[{index}]"),
                    None if key.is_empty() => child.name,
                    None => format!("{key}.{}", child.name),
                };
                left.push((key, child.property));
            }
        }
        flat
    }

    fn text(&mut self, property: &Property<'y>, name: &str) -> Option<Text> {
        let property = property.at(name);
        if !property.exists() {
            return None;
        }
        let Some((text, place)) = property.scalar() else {
            self.report.error(
                property.place(),
                format!("`{name}` takes one value, not a list or map"),
            );
            return None;
        };
        Some(self.sources.fill(text, place, false, self.report))
    }

    fn typed<T>(
        &mut self,
        property: &Property<'y>,
        name: &str,
        convert: fn(&str) -> Option<T>,
        expected: &str,
    ) -> Option<T> {
        let text = self.text(property, name).filter(|text| !text.value.is_empty())?;
        let value = convert(&text.value);
        if value.is_none() {
            let what = format!("`{name}` is {:?}, expected {expected}", text.value);
            self.report.error(text.place, what);
        }
        value
    }
}

fn property_is_one_of(child: &Child<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| child.is(name))
}

/// What is between commas, trimmed, without what is empty.
fn tokens(text: &str) -> Vec<&str> {
    text.split(',')
        .map(trim)
        .filter(|token| !token.is_empty())
        .collect()
}

/// Trims what Java's `trim` does: everything up to the space.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}
