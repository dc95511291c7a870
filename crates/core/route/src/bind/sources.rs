//! The documents that take part and what stands above them, as one set of properties.
//!
//! Invariant: whatever the values, what is filled in for one file is within [`NODES_MAX`] placeholders and
//! [`TEXT_BYTES_MAX`] bytes.

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;

use super::key::split_first;
use super::property::Property;
use crate::definition::Text;
use crate::limits::{NODES_MAX, TEXT_BYTES_MAX};
use crate::placeholder::{Filled, fill};
use crate::problem::{Place, Report};

/// The longest name that a placeholder may refer to, in bytes.
const NAME_BYTES_MAX: usize = 256;
/// Placeholders do not refer to what stands below: the gateway's own settings may be most of the file.
const GATEWAY: &str = "spring.cloud.gateway";

/// Where values come from.
pub(super) struct Sources<'y> {
    lookup: &'y dyn Fn(&str) -> Option<String>,
    /// In the order of the file: later ones win.
    pub(super) documents: Vec<Property<'y>>,
    names: OnceCell<HashMap<String, &'y str>>,
    followed: Cell<usize>,
    bytes: Cell<usize>,
}

impl<'y> Sources<'y> {
    pub(super) fn new(documents: Vec<Property<'y>>, lookup: &'y dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            documents,
            names: OnceCell::new(),
            followed: Cell::new(0),
            bytes: Cell::new(0),
        }
    }

    /// What the environment says of the property `name`.
    pub(super) fn outside(&self, name: &str) -> Option<String> {
        outside(self.lookup, name)
    }

    /// `text` with its placeholders filled in; `quiet` leaves out the note on names that nobody knows.
    pub(super) fn fill(&self, text: &str, place: Place, quiet: bool, report: &mut Report) -> Text {
        let value = match self.filled(text) {
            Ok(filled) => {
                for name in filled.unknown.iter().filter(|_| !quiet) {
                    let what = format!("nothing says what `${{{name}}}` is, it stays as it is written");
                    report.note(place, what);
                }
                filled.text
            }
            Err(what) => {
                report.error(place, what);
                text.to_owned()
            }
        };
        Text { value, place }
    }

    fn filled(&self, text: &str) -> Result<Filled, String> {
        if !text.contains("${") {
            let text = text.to_owned();
            return Ok(Filled {
                text,
                ..Filled::default()
            });
        }
        if self.followed.get() > NODES_MAX || self.bytes.get() > TEXT_BYTES_MAX {
            return Err("the file's placeholders are too many or fill in too much".to_owned());
        }
        let filled = fill(text, &|name| self.value_of(name)).map_err(|error| error.to_string())?;
        self.followed.set(self.followed.get() + filled.followed);
        self.bytes.set(self.bytes.get() + filled.text.len());
        Ok(filled)
    }

    fn value_of(&self, name: &str) -> Option<String> {
        let names = || self.names.get_or_init(|| index(&self.documents));
        self.outside(name)
            .or_else(|| names().get(&canonical(name)?).map(|text| (*text).to_owned()))
    }
}

/// What the environment says of the property `name`, tried under the names that Spring would try.
pub(super) fn outside(lookup: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let variable = |dash: &str| {
        let plain = name.replace(['.', '['], "_").replace(']', "").replace('-', dash);
        plain.to_uppercase()
    };
    lookup(name)
        .or_else(|| lookup(&variable("")))
        .or_else(|| lookup(&variable("_")).filter(|_| name.contains('-')))
}

/// The names of all texts outside the gateway's section.
fn index<'y>(documents: &[Property<'y>]) -> HashMap<String, &'y str> {
    let mut names = HashMap::new();
    for document in documents {
        // a stack and not recursion: a dotted key may have any number of elements
        let mut left = vec![(String::new(), document.clone())];
        while let Some((name, property)) = left.pop() {
            if name == GATEWAY {
                continue;
            }
            if let Some((text, _)) = property.scalar().filter(|_| !name.is_empty()) {
                names.insert(name.clone(), text);
            }
            for child in property.children() {
                let element = child
                    .index
                    .map_or_else(|| child.name.clone(), |index| format!("[{index}]"));
                // an element without a letter or digit would make no name longer, and so have no end
                let deeper = canonical(&format!("{name}.{element}")).filter(|deeper| *deeper != name);
                left.extend(deeper.map(|name| (name, child.property)));
            }
        }
    }
    names
}

/// One spelling for all spellings of a name.
fn canonical(name: &str) -> Option<String> {
    let mut left = (name.len() <= NAME_BYTES_MAX).then_some(name)?;
    let mut out = String::new();
    while let Some((element, rest)) = split_first(left) {
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(&element.canonical());
        left = rest;
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::{Property, Report, Sources};
    use crate::problem::Place;

    fn filled(yaml: &str, text: &str) -> String {
        let mut report = Report::default();
        let documents = crate::yaml::load(yaml, &mut report);
        let properties = documents.iter().map(Property::of_document).collect();
        let environment = |name: &str| match name {
            "SERVER_PORT" => Some("1".to_owned()),
            "plain" => Some("2".to_owned()),
            "MY_HOSTNAME" => Some("3".to_owned()),
            "A_0_B" => Some("4".to_owned()),
            _ => None,
        };
        let sources = Sources::new(properties, &environment);
        sources.fill(text, Place::default(), true, &mut report).value
    }

    #[test]
    fn placeholders_find_what_spring_finds() {
        // protects: the environment stands above the file, later documents above earlier, spellings are one name
        let yaml = "server: {port: 80}\nmy.some-host: [a, b]\nx: {y: old}\n---\nx.y: new\n";
        let table = [
            ("${server.port}", "1"),
            ("${plain}", "2"),
            ("${my.host-name}", "3"),
            ("${a[0].b}", "4"),
            ("${my.someHost[1]}", "b"),
            ("${x.y}", "new"),
            ("${x}", "${x}"),
        ];
        for (text, expected) in table {
            assert_eq!(filled(yaml, text), expected, "{text}");
        }
    }

    #[test]
    fn no_file_grows_without_bound_by_its_placeholders() {
        // protects: many values that each fill in much cost an error, not the memory
        let big = "x".repeat(60_000);
        let yaml = format!("big: {big}\n");
        let mut report = Report::default();
        let documents = crate::yaml::load(&yaml, &mut report);
        let properties = documents.iter().map(Property::of_document).collect();
        let sources = Sources::new(properties, &|_| None);
        for _ in 0..1_000 {
            sources.fill("${big}", Place::default(), true, &mut report);
        }
        assert!(report.error_count() > 0);
    }
}
