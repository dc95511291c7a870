//! Answers as trees: JSON and XML become the same kind of value, and what differs from run to run (times, counters,
//! the order of instances) becomes a name for it.
//!
//! Invariant: only a time near the present is renamed; a fixed time that a test sent stays as it is, and so does
//! the difference between a number and a text.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

/// Fields that hold milliseconds since 1970.
const TIMES: [&str; 6] = [
    "registrationTimestamp",
    "lastRenewalTimestamp",
    "evictionTimestamp",
    "serviceUpTimestamp",
    "lastUpdatedTimestamp",
    "lastDirtyTimestamp",
];
/// Elements that are lists even when there is one.
const LISTS: [&str; 2] = ["application", "instance"];
/// A time this long ago is a fixed one.
const PAST_MAX_MS: i64 = 60_000;
/// A time further ahead than this is a fixed one.
const FUTURE_MAX_MS: i64 = 3_600_000;
/// A time up to this far ahead is the present, as two clocks' readings see it.
const AHEAD_MAX_MS: i64 = 2_000;
/// Times ahead are named in steps of this many seconds: renewals lie a lease's duration ahead.
const STEP_S: i64 = 5;
/// Nothing that Eureka serves is deeper.
const DEPTH_MAX: usize = 32;

/// The tree with times, counters and orders made comparable. `now_ms` is when the answer arrived.
pub fn canonical(value: Value, now_ms: u64) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| {
                    let value = if TIMES.contains(&name.as_str()) {
                        named_time(value, now_ms)
                    } else {
                        canonical(value, now_ms)
                    };
                    (name, value)
                })
                .collect(),
        ),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(|item| canonical(item, now_ms)).collect();
            items.sort_by_key(sort_key);
            Value::Array(items)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// Instances by id, applications by name; what has neither keeps its place.
fn sort_key(item: &Value) -> String {
    ["instanceId", "hostName", "name"]
        .iter()
        .find_map(|name| item.get(name).and_then(Value::as_str))
        .unwrap_or_default()
        .to_owned()
}

fn named_time(value: Value, now_ms: u64) -> Value {
    let time = match &value {
        Value::String(text) => text.parse::<i64>().ok(),
        Value::Number(number) => number.as_i64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let Some(ahead) = time.map(|time| time - i64::try_from(now_ms).unwrap_or(i64::MAX)) else {
        return value;
    };
    let kind = if value.is_string() { " as text" } else { "" };
    if !(-PAST_MAX_MS..=FUTURE_MAX_MS).contains(&ahead) {
        value
    } else if ahead <= AHEAD_MAX_MS {
        Value::String(format!("<now{kind}>"))
    } else {
        let seconds = (ahead / 1000 + STEP_S / 2) / STEP_S * STEP_S;
        Value::String(format!("<{seconds} s ahead{kind}>"))
    }
}

/// Reads XML: an element with children is an object, one with text is a text, attributes are `@name`, repeated
/// elements are lists.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_xml(text: &str) -> Result<Value, String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                open.push(Element::new(&start)?);
                if open.len() > DEPTH_MAX {
                    return Err("nested too deeply".into());
                }
            }
            Event::Empty(start) => {
                let element = Element::new(&start)?;
                last(&mut open)?.add(element);
            }
            Event::End(_) => {
                let element = open.pop().ok_or("an end without a start")?;
                last(&mut open)?.add(element);
            }
            Event::Text(text) => last(&mut open)?.text.push_str(&text),
            Event::CData(data) => last(&mut open)?.text.push_str(&data),
            Event::GeneralRef(reference) => {
                let text = resolved(&reference).ok_or(format!("entity {:?}", &*reference))?;
                last(&mut open)?.text.push(text);
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    match open.pop() {
        Some(root) if open.is_empty() && !root.children.is_empty() => Ok(Value::Object(root.children)),
        Some(_) | None => Err("elements are open at the end, or there are none".into()),
    }
}

fn last(open: &mut [Element]) -> Result<&mut Element, String> {
    open.last_mut().ok_or_else(|| "an end too many".to_owned())
}

fn resolved(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        numeric => {
            let digits = numeric.strip_prefix('#')?;
            let code = match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[derive(Debug, Default)]
struct Element {
    name: String,
    children: Map<String, Value>,
    text: String,
}

impl Element {
    fn new(start: &BytesStart<'_>) -> Result<Self, String> {
        let mut element = Self {
            name: start.name().as_ref().to_owned(),
            ..Self::default()
        };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let name = format!("@{}", attribute.key.as_ref());
            let value = Value::String(attribute.value.into_owned());
            element.children.insert(name, value);
        }
        Ok(element)
    }

    fn into_value(mut self) -> Value {
        let has_elements = self.children.keys().any(|name| !name.starts_with('@'));
        if self.children.is_empty() {
            return Value::String(self.text);
        }
        // Between elements there is only indentation.
        if !has_elements && !self.text.is_empty() {
            self.children.insert("#text".into(), Value::String(self.text));
        }
        Value::Object(self.children)
    }

    fn add(&mut self, child: Self) {
        let name = child.name.clone();
        let value = child.into_value();
        match self.children.get_mut(&name) {
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None if LISTS.contains(&name.as_str()) => {
                self.children.insert(name, Value::Array(vec![value]));
            }
            None => {
                self.children.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Protects: XML answers are compared with everything that is in them: attributes, empty elements, entities.
    #[test]
    fn xml_becomes_a_tree() {
        let text = "<a>\n  <port enabled=\"true\">80</port>\n  <m class=\"x\"/>\n  <t>&lt;&#x41;</t>\n  \
                    <e></e>\n  <instance>\n    <x>1</x>\n  </instance>\n</a>";
        let expected = json!({"a": {
            "port": {"@enabled": "true", "#text": "80"},
            "m": {"@class": "x"},
            "t": "<A",
            "e": "",
            "instance": [{"x": "1"}],
        }});
        assert_eq!(parse_xml(text).unwrap(), expected);
    }

    /// Protects: broken XML is never taken for an answer.
    #[test]
    fn broken_xml_is_an_error() {
        for text in ["", "plain", "<a>", "<a></b>", "<a>&unknown;</a>"] {
            assert!(parse_xml(text).is_err(), "{text}");
        }
    }

    /// Protects: a fixed time, a zero, the present and a future time stay apart, and so do numbers and texts.
    #[test]
    fn times_are_named_by_what_they_are() {
        let now = 1_700_000_000_000;
        let named = |value: Value| {
            canonical(json!({"lastRenewalTimestamp": value}), now)["lastRenewalTimestamp"].clone()
        };
        assert_eq!(named(json!(0)), json!(0));
        assert_eq!(named(json!("1600000000000")), json!("1600000000000"));
        assert_eq!(named(json!(now - 500)), json!("<now>"));
        assert_eq!(named(json!((now - 500).to_string())), json!("<now as text>"));
        assert_eq!(named(json!(now + 89_600)), json!("<90 s ahead>"));
        assert_eq!(named(json!("abc")), json!("abc"));
    }

    /// Protects: two servers that list instances in different orders are not different.
    #[test]
    fn lists_are_sorted_by_id() {
        let listed = canonical(json!([{"instanceId": "b"}, {"instanceId": "a"}]), 0);
        assert_eq!(listed, json!([{"instanceId": "a"}, {"instanceId": "b"}]));
    }
}
