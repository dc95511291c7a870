//! A property of a document, wherever the document says it.
//!
//! `spring: {cloud: {gateway: ...}}`, `spring.cloud: {gateway: ...}` and `spring.cloud.gateway.routes[0].uri: ...` may
//! stand in one document and say parts of one property. A [`Property`] is the set of those parts; it is found on
//! the tree as it was read, nothing is copied.

use std::collections::HashMap;

use super::key::{Element, split_first};
use crate::problem::Place;
use crate::yaml::{Node, Value};

/// A property's parts, in the order of the file; without parts the document does not have it.
#[derive(Debug, Clone, Default)]
pub(super) struct Property<'y> {
    parts: Vec<Part<'y>>,
}

/// A node, or what a node's key goes on with before the node is reached.
#[derive(Debug, Clone, Copy)]
struct Part<'y> {
    rest: &'y str,
    node: &'y Node,
    place: Place,
}

/// What stands below a property.
#[derive(Debug, Clone)]
pub(super) struct Child<'y> {
    /// Its name as a map has it for a key.
    pub(super) name: String,
    pub(super) index: Option<usize>,
    pub(super) property: Property<'y>,
}

impl Child<'_> {
    /// Whether its name is `name`, which is written with small letters, digits and dashes.
    pub(super) fn is(&self, name: &str) -> bool {
        let (text, bracketed) = (self.name.as_str(), false);
        Element { text, bracketed }.is(name)
    }
}

impl<'y> Property<'y> {
    pub(super) fn of_document(node: &'y Node) -> Self {
        let place = node.place;
        let rest = "";
        Self {
            parts: vec![Part { rest, node, place }],
        }
    }

    pub(super) fn exists(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Where it stands first.
    pub(super) fn place(&self) -> Place {
        self.parts.first().map_or_else(Place::default, |part| part.place)
    }

    /// What stands at `path` below it, which is written with small letters, dashes and dots.
    pub(super) fn at(&self, path: &str) -> Self {
        let names = path.split('.').filter(|name| !name.is_empty());
        names.fold(self.clone(), |property, name| property.child(name))
    }

    fn child(&self, name: &str) -> Self {
        let mut parts = Vec::new();
        for part in &self.parts {
            part.visit(&mut |element, part| {
                if element.is(name) {
                    parts.push(part);
                }
            });
        }
        Self { parts }
    }

    /// Everything directly below it, each name once, in the order of the file.
    pub(super) fn children(&self) -> Vec<Child<'y>> {
        let mut children: Vec<Child<'y>> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for part in &self.parts {
            part.visit(&mut |element, part| {
                let at = *known.entry(element.canonical()).or_insert(children.len());
                match children.get_mut(at) {
                    Some(child) => child.property.parts.push(part),
                    None => children.push(Child {
                        name: element.original(),
                        index: element.index(),
                        property: Property { parts: vec![part] },
                    }),
                }
            });
        }
        children
    }

    /// Its text and where; the last one when the document says it twice, empty for an empty list.
    pub(super) fn scalar(&self) -> Option<(&'y str, Place)> {
        let texts = self.parts.iter().rev().filter(|part| part.rest.is_empty());
        texts.filter_map(|part| part.scalar()).next()
    }

    /// Whether it has a text or something below it: `a: {}` says nothing.
    pub(super) fn says_something(&self) -> bool {
        let empty = |part: &Part<'_>| matches!(&part.node.value, Value::Map(entries) if entries.is_empty());
        self.parts
            .iter()
            .any(|part| !part.rest.is_empty() || !empty(part))
    }

    /// The members of a list by their index.
    ///
    /// # Errors
    /// With the place and name of a key that is no index, or after which one is missing: Spring refuses both.
    pub(super) fn members(&self) -> Result<Vec<Property<'y>>, (Place, String)> {
        let mut members = Vec::new();
        for child in self.children() {
            match child.index {
                Some(index) => members.push((index, child.property)),
                None => {
                    return Err((
                        child.property.place(),
                        format!("`{}` is no list index", child.name),
                    ));
                }
            }
        }
        members.sort_by_key(|(index, _)| *index);
        for (expected, (index, property)) in members.iter().enumerate() {
            if *index != expected {
                let what = format!("the list has a member [{index}] and none [{expected}]");
                return Err((property.place(), what));
            }
        }
        Ok(members.into_iter().map(|(_, property)| property).collect())
    }
}

impl<'y> Part<'y> {
    fn scalar(&self) -> Option<(&'y str, Place)> {
        match &self.node.value {
            Value::Scalar(text) => Some((text.as_str(), self.node.place)),
            Value::List(items) if items.is_empty() => Some(("", self.node.place)),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    fn visit(&self, visit: &mut dyn FnMut(Element<'_>, Part<'y>)) {
        if let Some((element, rest)) = split_first(self.rest) {
            visit(element, Part { rest, ..*self });
            return;
        }
        match &self.node.value {
            Value::Scalar(_) => {}
            Value::List(items) => {
                for (index, node) in items.iter().enumerate() {
                    let (text, place) = (index.to_string(), node.place);
                    let element = Element {
                        text: &text,
                        bracketed: true,
                    };
                    visit(
                        element,
                        Part {
                            rest: "",
                            node,
                            place,
                        },
                    );
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    let (node, place) = (&entry.node, entry.place);
                    if let Some((element, rest)) = split_first(&entry.key) {
                        visit(element, Part { rest, node, place });
                    }
                }
            }
        }
    }
}
