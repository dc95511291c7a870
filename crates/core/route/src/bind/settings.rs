//! The gateway's settings beside its routes: those that are read, and a word on every other.

use std::collections::HashSet;
use std::time::Duration;

use super::Foreign;
use super::convert::{boolean, duration, integer};
use super::gateway::{BARE, Gateway, Prefix, SECTION};
use super::globals::{ForwardedHeader, Given, Globals, XForwarded};
use super::known::{Fate, SERVLET_SETTINGS, SETTINGS};
use super::property::Property;
use crate::definition::Text;
use crate::pattern::JavaRegex;
use crate::problem::{Report, nearest};

/// Sections below `spring` that are read by whoever reads this file's documents, not by the gateway.
const DOCUMENT_SECTIONS: [&str; 2] = ["config", "profiles"];

/// What the file says of the gateway as a whole.
pub(super) fn globals(gateway: &Gateway<'_, '_>, report: &mut Report) -> Globals {
    let mut header = |name: &str| ForwardedHeader {
        enabled: flag(gateway, &format!("x-forwarded.{name}-enabled"), report),
        append: flag(gateway, &format!("x-forwarded.{name}-append"), report),
    };
    let (for_, host, port) = (header("for"), header("host"), header("port"));
    let (proto, prefix) = (header("proto"), header("prefix"));
    let milliseconds = |text: &str| {
        let value = integer(text).filter(|value| *value > 0)?;
        Some(Duration::from_millis(u64::try_from(value).ok()?))
    };
    let positive = |text: &str| duration(text).filter(|value| !value.is_zero());
    let (whole, above) = (
        "a whole number of milliseconds above 0",
        "a duration above 0 such as 5s",
    );
    Globals {
        connect_timeout: typed(gateway, "httpclient.connect-timeout", milliseconds, whole, report),
        response_timeout: typed(gateway, "httpclient.response-timeout", positive, above, report),
        trusted_proxies: trusted_proxies(gateway, report),
        forwarded_enabled: flag(gateway, "forwarded.enabled", report),
        x_forwarded: XForwarded {
            enabled: flag(gateway, "x-forwarded.enabled", report),
            for_,
            host,
            port,
            proto,
            prefix,
        },
        use_404: flag(gateway, "loadbalancer.use404", report),
        fail_on_route_definition_error: flag(gateway, "fail-on-route-definition-error", report),
    }
}

fn trusted_proxies(gateway: &Gateway<'_, '_>, report: &mut Report) -> Option<Given<JavaRegex>> {
    let text = gateway.text("trusted-proxies", report)?;
    if text.value.trim().is_empty() {
        return None;
    }
    let place = text.place;
    match JavaRegex::whole(&text.value) {
        Ok(value) => Some(Given { value, place }),
        Err(error) => {
            report.error(place, format!("`trusted-proxies`: {error}"));
            None
        }
    }
}

/// A setting that is true or false.
pub(super) fn flag(gateway: &Gateway<'_, '_>, path: &str, report: &mut Report) -> Option<Given<bool>> {
    typed(gateway, path, boolean, "true or false", report)
}

fn typed<T>(
    gateway: &Gateway<'_, '_>,
    path: &str,
    convert: impl Fn(&str) -> Option<T>,
    expected: &str,
    report: &mut Report,
) -> Option<Given<T>> {
    let text = gateway.text(path, report).filter(|text| !text.value.is_empty())?;
    let place = text.place;
    let Some(value) = convert(&text.value) else {
        report_value(path, &text, expected, report);
        return None;
    };
    Some(Given { value, place })
}

pub(super) fn report_value(path: &str, text: &Text, expected: &str, report: &mut Report) {
    let what = format!("`{path}` is {:?}, expected {expected}", text.value);
    report.error(text.place, what);
}

/// Says a word on every setting that is not read.
pub(super) fn judge(gateway: &Gateway<'_, '_>, report: &mut Report) {
    for prefix in &gateway.prefixes {
        if prefix.path.is_empty() {
            continue;
        }
        for document in &gateway.sources.documents {
            let judge = Judge {
                gateway,
                prefix: *prefix,
            };
            judge.below(&document.at(prefix.path), "", report);
        }
    }
}

struct Judge<'g, 's, 'y> {
    gateway: &'g Gateway<'s, 'y>,
    prefix: Prefix,
}

impl Judge<'_, '_, '_> {
    fn table(&self) -> &'static [(&'static str, Fate)] {
        if self.prefix.servlet {
            SERVLET_SETTINGS
        } else {
            SETTINGS
        }
    }

    /// `path` is as deep as the longest path of the table at most.
    fn below(&self, property: &Property<'_>, path: &str, report: &mut Report) {
        for child in property.children() {
            let is_prefix = self.prefix.path == SECTION && path.is_empty();
            if is_prefix && (child.is("server") || child.is("mvc")) {
                self.other_servers(&child.property, child.is("server"), report);
                continue;
            }
            let here = match path {
                "" => child.name.clone(),
                path => format!("{path}.{}", child.name),
            };
            let mut fates = self.table().iter();
            match fates.find_map(|(known, fate)| Some((fits(known, &here)?, *fate))) {
                Some((Fit::Whole, fate)) => self.speak(&child.property, &here, fate, report),
                Some((Fit::Above, _)) => self.below(&child.property, &here, report),
                None => self.unknown(&child.property, path, &child.name, report),
            }
        }
    }

    /// `server.webflux` and `server.webmvc` have prefixes of their own; nothing else is below `server`.
    fn other_servers(&self, property: &Property<'_>, is_server: bool, report: &mut Report) {
        let names = ["webflux", "webmvc"];
        for child in property.children().into_iter().filter(|_| is_server) {
            if !names.iter().any(|name| child.is(name)) {
                let near = nearest(&child.name, names);
                let what = format!(
                    "`{SECTION}.server.{}` is no setting and is not read{near}",
                    child.name
                );
                report.note(child.property.place(), what);
            }
        }
    }

    fn speak(&self, property: &Property<'_>, path: &str, fate: Fate, report: &mut Report) {
        let name = format!("{}.{path}", self.prefix.path);
        let place = property.place();
        match fate {
            Fate::Read => {}
            Fate::NotYet => report.error(place, format!("`{name}` is not supported yet, remove it")),
            Fate::Note(why) => report.note(place, format!("`{name}` {why}")),
            Fate::Only(only) => {
                let text = property.scalar();
                let text = text.map(|(text, place)| self.gateway.sources.fill(text, place, false, report));
                let value = text.map(|text| text.value).unwrap_or_default();
                if boolean(&value) != boolean(only) {
                    let what = format!("`{name}` is {value:?}, only {only} is supported yet");
                    report.error(place, what);
                }
            }
        }
    }

    fn unknown(&self, property: &Property<'_>, path: &str, name: &str, report: &mut Report) {
        let depth = path.split('.').filter(|part| !part.is_empty()).count();
        let siblings = self
            .table()
            .iter()
            .filter(|(known, _)| path.is_empty() || fits(known, path).is_some());
        let siblings =
            siblings.filter_map(|(known, _)| known.split('.').nth(depth).filter(|part| *part != "*"));
        let siblings: HashSet<&str> = siblings.collect();
        let mut siblings: Vec<&str> = siblings.into_iter().collect();
        siblings.sort_unstable();
        let near = nearest(name, siblings);
        let dot = if path.is_empty() { "" } else { "." };
        let prefix = self.prefix.path;
        let what = format!("`{prefix}.{path}{dot}{name}` is no setting and is not read{near}");
        report.note(property.place(), what);
    }
}

/// How a path of the table and a setting's path fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// The setting is the one of the table, or below it.
    Whole,
    /// Settings of the table are below it.
    Above,
}

fn fits(known: &str, path: &str) -> Option<Fit> {
    let mut parts = path.split('.');
    for expected in known.split('.') {
        let Some(part) = parts.next() else {
            return Some(Fit::Above);
        };
        let counted = |c: &char| c.is_alphanumeric();
        let same = || {
            let part = part.chars().filter(counted).flat_map(char::to_lowercase);
            part.eq(expected.chars().filter(counted))
        };
        if expected != "*" && !same() {
            return None;
        }
    }
    Some(Fit::Whole)
}

/// The sections that are somebody else's, each once.
pub(super) fn foreign(gateway: &Gateway<'_, '_>, report: &mut Report) -> Vec<Foreign> {
    let mut found = Found {
        known: HashSet::new(),
        list: Vec::new(),
    };
    for document in &gateway.sources.documents {
        for child in document.children() {
            if child.is("spring") {
                let import = child.property.at("config.import");
                if import.exists() {
                    let what = "`spring.config.import` is not followed, only this file is read";
                    report.note(import.place(), what);
                }
                found.below_spring(&child.property);
            } else if !(gateway.is_bare() && BARE.iter().any(|name| child.is(name))) {
                if gateway.is_bare() {
                    note_near(&child.name, &child.property, report);
                }
                found.add(child.name, &child.property);
            }
        }
    }
    found.list
}

/// A bare file whose `route:` is one letter from `routes:` would else be silent.
fn note_near(name: &str, property: &Property<'_>, report: &mut Report) {
    let near = BARE
        .iter()
        .find(|bare| strsim::damerau_levenshtein(bare, name) <= 2);
    if let Some(near) = near {
        report.note(
            property.place(),
            format!("`{name}` is not read, did you mean {near:?}?"),
        );
    }
}

struct Found {
    known: HashSet<String>,
    list: Vec<Foreign>,
}

impl Found {
    fn below_spring(&mut self, spring: &Property<'_>) {
        for child in spring.children() {
            if child.is("cloud") {
                for child in child.property.children() {
                    if !child.is("gateway") {
                        self.add(format!("spring.cloud.{}", child.name), &child.property);
                    }
                }
            } else if !DOCUMENT_SECTIONS.iter().any(|name| child.is(name)) {
                self.add(format!("spring.{}", child.name), &child.property);
            }
        }
    }

    fn add(&mut self, section: String, property: &Property<'_>) {
        if self.known.insert(section.clone()) {
            let place = property.place();
            self.list.push(Foreign { section, place });
        }
    }
}
