//! The parser's events become nodes; a stack instead of recursion.
//!
//! An alias is a copy of its anchor's node, paid for from the file's budget *before* it is made, so that nested
//! aliases cannot grow the file without bound.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, options};

use super::scalar::resolve;
use super::{Entry, Node, Value};
use crate::limits::{DEPTH_MAX, DOCUMENTS_MAX, FILE_BYTES_MAX, NODES_MAX, TEXT_BYTES_MAX};
use crate::problem::{Place, Report};

const MERGE: &str = "<<";

/// The documents of `text`, in order; none when it is not YAML or too large, which the report then says.
pub(crate) fn load(text: &str, report: &mut Report) -> Vec<Node> {
    if text.len() > FILE_BYTES_MAX {
        report.error(
            Place::default(),
            format!(
                "the file has {} bytes, at most {FILE_BYTES_MAX} are read",
                text.len()
            ),
        );
        return Vec::new();
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut loader = Loader::new(report);
    match loader.run(text) {
        Ok(()) => loader.documents,
        Err(Stop(place, what)) => {
            report.error(place, what);
            Vec::new()
        }
    }
}

/// Why reading ends here.
struct Stop(Place, String);

/// A finished node and what it weighs.
#[derive(Clone)]
struct Built {
    node: Node,
    weight: Weight,
}

#[derive(Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

impl Weight {
    fn add(&mut self, child: Self) {
        self.nodes += child.nodes;
        self.bytes += child.bytes;
        self.depth = self.depth.max(child.depth + 1);
    }
}

/// A list or map that is not closed yet.
struct Frame {
    built: Built,
    anchor: usize,
    key: Option<(String, Place)>,
    seen: HashMap<String, Place>,
    merged: Vec<Node>,
}

struct Loader<'r> {
    report: &'r mut Report,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Built>,
    documents: Vec<Node>,
    spent: Weight,
}

impl<'r> Loader<'r> {
    fn new(report: &'r mut Report) -> Self {
        Self {
            report,
            stack: Vec::new(),
            anchors: HashMap::new(),
            documents: Vec::new(),
            spent: Weight::default(),
        }
    }

    fn run(&mut self, text: &str) -> Result<(), Stop> {
        let options = options! {
            flow_nesting_limit: DEPTH_MAX,
            block_nesting_limit: DEPTH_MAX,
            emit_comments: false,
        };
        for event in Parser::new_from_str_with_options(text, options) {
            match event {
                Ok((event, span)) => self.take(event, place(&span.start))?,
                Err(error) => {
                    return Err(Stop(place(error.marker()), format!("not YAML: {}", error.info())));
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let text = if plain && !self.wants_key() {
                    resolve(&text)
                } else {
                    text.into_owned()
                };
                let weight = Weight {
                    nodes: 1,
                    bytes: text.len(),
                    depth: 0,
                };
                self.spend(weight, place)?;
                let value = Value::Scalar(text);
                self.complete(
                    Built {
                        node: Node { place, value },
                        weight,
                    },
                    anchor,
                )
            }
            Event::SequenceStart(_, anchor, _) => self.open(Value::List(Vec::new()), anchor, place),
            Event::MappingStart(_, anchor, _) => self.open(Value::Map(Vec::new()), anchor, place),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::DocumentStart(..) => {
                self.anchors.clear();
                if self.documents.len() >= DOCUMENTS_MAX {
                    return Err(Stop(
                        place,
                        format!("more than {DOCUMENTS_MAX} documents in one file"),
                    ));
                }
                Ok(())
            }
            // nothing that carries a value; the last two and what may come are not asked for
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_)
            | _ => Ok(()),
        }
    }

    /// Whether the next node is a map's key: keys stay as written (`on:` is not `true:`).
    fn wants_key(&self) -> bool {
        self.stack
            .last()
            .is_some_and(|frame| matches!(frame.built.node.value, Value::Map(_)) && frame.key.is_none())
    }

    fn spend(&mut self, weight: Weight, place: Place) -> Result<(), Stop> {
        self.spent.nodes += weight.nodes;
        self.spent.bytes += weight.bytes;
        if self.spent.nodes > NODES_MAX || self.spent.bytes > TEXT_BYTES_MAX {
            return Err(Stop(
                place,
                format!(
                    "with its aliases followed the file has more than {NODES_MAX} values or {TEXT_BYTES_MAX} bytes"
                ),
            ));
        }
        if self.stack.len() + weight.depth > DEPTH_MAX {
            return Err(Stop(
                place,
                format!("maps and lists nest deeper than {DEPTH_MAX}"),
            ));
        }
        Ok(())
    }

    fn open(&mut self, value: Value, anchor: usize, place: Place) -> Result<(), Stop> {
        let weight = Weight {
            nodes: 1,
            bytes: 0,
            depth: 1,
        };
        self.spend(weight, place)?;
        let built = Built {
            node: Node { place, value },
            weight,
        };
        self.stack.push(Frame {
            built,
            anchor,
            key: None,
            seen: HashMap::new(),
            merged: Vec::new(),
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        let Some(mut frame) = self.stack.pop() else {
            return Ok(());
        };
        self.merge(&mut frame);
        self.complete(frame.built, frame.anchor)
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Stop> {
        let Some(weight) = self.anchors.get(&anchor).map(|built| built.weight) else {
            return Err(Stop(place, "an alias inside the value that it names".to_owned()));
        };
        self.spend(weight, place)?;
        match self.anchors.get(&anchor).cloned() {
            Some(built) => self.complete(built, 0),
            None => Ok(()),
        }
    }

    fn complete(&mut self, built: Built, anchor: usize) -> Result<(), Stop> {
        if anchor != 0 {
            self.spend(built.weight, built.node.place)?;
            self.anchors.insert(anchor, built.clone());
        }
        let Some(frame) = self.stack.last_mut() else {
            self.documents.push(built.node);
            return Ok(());
        };
        frame.built.weight.add(built.weight);
        match &mut frame.built.node.value {
            Value::List(items) => items.push(built.node),
            Value::Map(entries) => match frame.key.take() {
                None => frame.key = Some(key_of(built.node)?),
                Some((key, _)) if key == MERGE => frame.merged.push(built.node),
                Some((key, place)) => {
                    if let Some(first) = frame.seen.insert(key.clone(), place) {
                        let what = format!("the key {key:?} stands here twice, first on line {}", first.line);
                        self.report.error(place, what);
                    } else {
                        entries.push(Entry {
                            key,
                            place,
                            node: built.node,
                        });
                    }
                }
            },
            Value::Scalar(_) => {}
        }
        Ok(())
    }

    /// `<<: *other`: the other map's entries, where this map has none of that name.
    fn merge(&mut self, frame: &mut Frame) {
        let Value::Map(entries) = &mut frame.built.node.value else {
            return;
        };
        for node in frame.merged.drain(..) {
            let place = node.place;
            let maps = match node.value {
                Value::List(items) => items.into_iter().map(|item| item.value).collect(),
                value @ (Value::Map(_) | Value::Scalar(_)) => vec![value],
            };
            for map in maps {
                let Value::Map(others) = map else {
                    self.report.error(place, "`<<` merges maps only");
                    continue;
                };
                for other in others {
                    if frame.seen.insert(other.key.clone(), other.place).is_none() {
                        entries.push(other);
                    }
                }
            }
        }
    }
}

fn key_of(node: Node) -> Result<(String, Place), Stop> {
    match node.value {
        Value::Scalar(key) => Ok((key, node.place)),
        Value::List(_) | Value::Map(_) => Err(Stop(node.place, "a key must be a plain text".to_owned())),
    }
}

fn place(marker: &Marker) -> Place {
    Place {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Report, load};

    fn problems(text: &str) -> String {
        let mut report = Report::default();
        load(text, &mut report);
        report
            .finish("f")
            .map_or_else(|problems| problems.to_string(), |_| String::new())
    }

    #[test]
    fn aliases_cannot_grow_a_file_without_bound() {
        // protects: a few lines of nested aliases cost an error, not the memory
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let of = format!("*a{}", i - 1);
            let row = vec![of; 10].join(", ");
            text.push_str(&format!("a{i}: &a{i} [{row}]\n"));
        }
        assert!(
            problems(&text).contains("aliases followed"),
            "{}",
            problems(&text)
        );
    }

    #[test]
    fn problems_name_their_line() {
        // protects: an operator finds the place
        assert!(problems("a: 1\na: 2\n").starts_with("f:2:1: the key \"a\" stands here twice"));
        assert!(problems("a: [").starts_with("f:"));
        assert!(problems(&"[".repeat(200)).starts_with("f:1:"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<Vec<u8>>().prop_map(|b| String::from_utf8_lossy(&b).into_owned())) {
            // protects: a file that is no YAML is told so, whatever it is
            problems(&text);
        }
    }
}
