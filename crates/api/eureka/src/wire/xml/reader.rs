//! A walk over XML, element by element.
//!
//! Invariant: nothing outside the document is ever looked at and nothing inside it expands: a document type is
//! refused, and the only entities are XML's own five and numbers. Depth is bounded.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use crate::wire::{DecodeError, Format};

/// How deep elements may be nested; the schema needs 7 levels.
const DEPTH_MAX: usize = 64;

/// The start of an element.
#[derive(Debug)]
pub(super) struct Element<'a>(BytesStart<'a>);

impl Element<'_> {
    /// The name as it is written.
    pub(super) fn name(&self) -> String {
        self.0.name().as_ref().to_owned()
    }

    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<String>, DecodeError> {
        let attribute = self.0.try_get_attribute(name).map_err(syntax)?;
        let value = attribute.map(|attribute| {
            attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(syntax)
        });
        Ok(value.transpose()?.map(String::from))
    }
}

/// The walk.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    reader: Reader<&'a [u8]>,
    depth: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, depth: 0 }
    }

    /// Enters the root element, which must be `name`.
    pub(super) fn root(&mut self, name: &str) -> Result<Element<'a>, DecodeError> {
        loop {
            match self.event()? {
                Event::Start(start) if start.name().as_ref() == name => return Ok(Element(start)),
                Event::Start(start) => {
                    return Err(DecodeError::syntax(
                        Format::Xml,
                        format!("expected <{name}>, found <{}>", start.name().as_ref()),
                    ));
                }
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => return Err(DecodeError::syntax(Format::Xml, "there is no element")),
                Event::Text(_)
                | Event::CData(_)
                | Event::GeneralRef(_)
                | Event::End(_)
                | Event::Empty(_)
                | Event::DocType(_) => {
                    return Err(DecodeError::syntax(
                        Format::Xml,
                        "there is text before the first element",
                    ));
                }
            }
        }
    }

    /// Enters the next child of the current element, or leaves the element when there is none.
    pub(super) fn child(&mut self) -> Result<Option<Element<'a>>, DecodeError> {
        loop {
            match self.event()? {
                Event::Start(start) => return Ok(Some(Element(start))),
                Event::End(_) => return Ok(None),
                Event::Eof => return Err(unclosed()),
                Event::GeneralRef(reference) => {
                    resolve(&reference)?;
                }
                Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::PI(_)
                | Event::Decl(_)
                | Event::Empty(_)
                | Event::DocType(_) => {}
            }
        }
    }

    /// The text of the current element without that of its children, and leaves it.
    pub(super) fn text(&mut self) -> Result<String, DecodeError> {
        let mut text = String::new();
        loop {
            match self.event()? {
                Event::Text(part) => text.push_str(&part.xml10_content()),
                Event::CData(part) => text.push_str(&part.xml10_content()),
                Event::GeneralRef(reference) => text.push(resolve(&reference)?),
                Event::Start(_) => self.skip()?,
                Event::End(_) => return Ok(text),
                Event::Eof => return Err(unclosed()),
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::Empty(_) | Event::DocType(_) => {}
            }
        }
    }

    /// Leaves the current element.
    fn skip(&mut self) -> Result<(), DecodeError> {
        let outside = self.depth - 1;
        while self.depth > outside {
            if let Event::Eof = self.event()? {
                return Err(unclosed());
            }
        }
        Ok(())
    }

    /// Reads to the end of the document, after the root element was left.
    pub(super) fn end(&mut self) -> Result<(), DecodeError> {
        loop {
            match self.event()? {
                Event::Eof => return Ok(()),
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                Event::PI(_) | Event::Comment(_) => {}
                Event::Start(_)
                | Event::End(_)
                | Event::Empty(_)
                | Event::Text(_)
                | Event::CData(_)
                | Event::GeneralRef(_)
                | Event::Decl(_)
                | Event::DocType(_) => {
                    return Err(DecodeError::syntax(
                        Format::Xml,
                        "there is something behind the root element",
                    ));
                }
            }
        }
    }

    fn event(&mut self) -> Result<Event<'a>, DecodeError> {
        let event = self.reader.read_event().map_err(|error| {
            DecodeError::syntax(
                Format::Xml,
                format!("{error} (byte {})", self.reader.error_position()),
            )
        })?;
        match &event {
            Event::Start(_) if self.depth == DEPTH_MAX => {
                return Err(DecodeError::syntax(
                    Format::Xml,
                    format!("elements are nested deeper than {DEPTH_MAX}"),
                ));
            }
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            Event::DocType(_) => {
                return Err(DecodeError::syntax(
                    Format::Xml,
                    "a document type is not accepted",
                ));
            }
            Event::Empty(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::GeneralRef(_)
            | Event::Eof => {}
        }
        Ok(event)
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<char, DecodeError> {
    if let Some(c) = reference.resolve_char_ref().map_err(syntax)? {
        return Ok(c);
    }
    let known = resolve_xml_entity(reference).and_then(|text| text.chars().next());
    known.ok_or_else(|| DecodeError::syntax(Format::Xml, format!("unknown entity &{};", &**reference)))
}

fn unclosed() -> DecodeError {
    DecodeError::syntax(Format::Xml, "the body ends inside an element")
}

fn syntax(error: impl ToString) -> DecodeError {
    DecodeError::syntax(Format::Xml, error)
}
