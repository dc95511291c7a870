//! The gateway's own settings, under whichever of their prefixes they stand.
//!
//! Spring Cloud Gateway 5 calls the prefix `spring.cloud.gateway.server.webflux`, 4 called it `spring.cloud.gateway`,
//! its servlet twin has `...server.webmvc`. One Spring reads one of them; here the first of this order that says a
//! thing is taken, and a note tells of the others.

use super::property::Property;
use super::sources::Sources;
use crate::definition::Text;
use crate::problem::Report;

pub(super) const SECTION: &str = "spring.cloud.gateway";
/// Where settings may stand below [`SECTION`], first that which wins.
const PREFIXES: [Prefix; 4] = [
    Prefix::new("spring.cloud.gateway.server.webflux", false),
    Prefix::new("spring.cloud.gateway", false),
    Prefix::new("spring.cloud.gateway.server.webmvc", true),
    Prefix::new("spring.cloud.gateway.mvc", true),
];
/// Settings that a file without [`SECTION`] may have at its top.
pub(super) const BARE: [&str; 2] = ["routes", "default-filters"];

/// A place where settings stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prefix {
    pub(super) path: &'static str,
    /// Whether the servlet gateway reads it, which calls some settings differently.
    pub(super) servlet: bool,
}

impl Prefix {
    const fn new(path: &'static str, servlet: bool) -> Self {
        Self { path, servlet }
    }

    /// The name of the setting `path` here.
    pub(super) fn name(self, path: &str) -> String {
        let path = match path {
            "forwarded.enabled" if self.servlet => "forwarded-request-headers-filter.enabled".to_owned(),
            _ if self.servlet && path.starts_with("x-forwarded.") => {
                path.replacen("x-forwarded.", "x-forwarded-request-headers-filter.", 1)
            }
            _ => path.to_owned(),
        };
        match self.path {
            "" => path,
            prefix => format!("{prefix}.{path}"),
        }
    }
}

/// Finds settings.
pub(super) struct Gateway<'s, 'y> {
    pub(super) sources: &'s Sources<'y>,
    pub(super) prefixes: Vec<Prefix>,
}

impl<'s, 'y> Gateway<'s, 'y> {
    pub(super) fn new(sources: &'s Sources<'y>) -> Self {
        let ours = sources
            .documents
            .iter()
            .any(|document| document.at(SECTION).exists());
        let prefixes = if ours {
            PREFIXES.to_vec()
        } else {
            vec![Prefix::new("", false)]
        };
        Self { sources, prefixes }
    }

    /// Whether the file has [`SECTION`] nowhere, so that its routes stand at its top.
    pub(super) fn is_bare(&self) -> bool {
        self.prefixes.iter().all(|prefix| prefix.path.is_empty())
    }

    /// The setting `path` in the latest document that says it; a list of a later document replaces an earlier whole.
    pub(super) fn find(&self, path: &str, report: &mut Report) -> Option<Property<'y>> {
        let mut found: Option<(Property<'y>, String)> = None;
        for prefix in &self.prefixes {
            let name = prefix.name(path);
            let documents = self.sources.documents.iter().rev();
            let mut said = documents.map(|document| document.at(&name));
            let Some(property) = said.find(Property::says_something) else {
                continue;
            };
            match &found {
                None => found = Some((property, name)),
                Some((first, taken)) => {
                    let line = first.place().line;
                    let what = format!("`{name}` is not read, `{taken}` on line {line} says the same");
                    report.note(property.place(), what);
                }
            }
        }
        found.map(|(property, _)| property)
    }

    /// The text of the setting `path`: the environment's, else the file's.
    pub(super) fn text(&self, path: &str, report: &mut Report) -> Option<Text> {
        let outside = |prefix: &Prefix| self.sources.outside(&prefix.name(path));
        let property = self.find(path, report);
        let named = self.prefixes.iter().filter(|prefix| !prefix.path.is_empty());
        if let Some(value) = named.filter_map(outside).next() {
            return Some(self.sources.fill(&value, Default::default(), false, report));
        }
        let property = property?;
        let Some((text, place)) = property.scalar() else {
            report.error(
                property.place(),
                format!("`{path}` takes one value, not a list or map"),
            );
            return None;
        };
        Some(self.sources.fill(text, place, false, report))
    }
}
