//! Nodes, events and errors as JSON: names and order of fields are etcd's, and what is empty is left out.

use koinon_core_kv::v2::{Event, Node, Tree};
use serde::{Serialize, Serializer};

/// A node as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeJson {
    #[serde(skip_serializing_if = "String::is_empty")]
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    dir: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<UnixMs>,
    #[serde(skip_serializing_if = "is_zero")]
    ttl: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<NodeJson>,
    #[serde(rename = "modifiedIndex", skip_serializing_if = "is_zero")]
    modified: i64,
    #[serde(rename = "createdIndex", skip_serializing_if = "is_zero")]
    created: i64,
}

/// An answer about a node, or an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventJson {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<NodeJson>,
    #[serde(rename = "prevNode", skip_serializing_if = "Option::is_none")]
    prev: Option<NodeJson>,
}

/// An error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorJson {
    /// etcd's number of it.
    #[serde(rename = "errorCode")]
    pub code: u16,
    /// The words that go with the number.
    pub message: &'static str,
    /// What it is about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// The index at which it was decided.
    pub index: i64,
}

/// Milliseconds since 1970, written as a time of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnixMs(pub i64);

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl NodeJson {
    fn new(node: &Node, now_unix_ms: i64) -> Self {
        Self {
            // The root has no name.
            key: if node.path.is_root() {
                String::new()
            } else {
                node.path.text()
            },
            value: node
                .value
                .as_ref()
                .map(|value| String::from_utf8_lossy(value).into_owned()),
            dir: node.dir,
            expiration: node.expires_unix_ms.map(UnixMs),
            ttl: node.ttl_s(now_unix_ms),
            nodes: Vec::new(),
            modified: node.modified,
            created: node.created,
        }
    }

    /// As deep as paths are, which is bounded.
    fn tree(tree: &Tree, now_unix_ms: i64) -> Self {
        Self {
            nodes: tree
                .nodes
                .iter()
                .map(|tree| Self::tree(tree, now_unix_ms))
                .collect(),
            ..Self::new(&tree.node, now_unix_ms)
        }
    }
}

impl EventJson {
    /// The answer to a read.
    #[must_use]
    pub fn read(tree: &Tree, now_unix_ms: i64) -> Self {
        Self {
            action: "get",
            node: Some(NodeJson::tree(tree, now_unix_ms)),
            prev: None,
        }
    }

    /// An event. Times to live are as they were when it happened.
    #[must_use]
    pub fn event(event: &Event) -> Self {
        Self {
            action: event.action.name(),
            node: Some(NodeJson::new(&event.node, event.at_unix_ms)),
            prev: event
                .prev
                .as_ref()
                .map(|node| NodeJson::new(node, event.at_unix_ms)),
        }
    }

    /// Without its nodes, for clients that do not want them back.
    #[must_use]
    pub fn without_nodes(self) -> Self {
        Self {
            node: None,
            prev: None,
            ..self
        }
    }

    /// As a line.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        line(self)
    }
}

impl ErrorJson {
    /// As a line.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        line(self)
    }
}

fn line(json: &impl Serialize) -> Vec<u8> {
    // Texts and numbers always have a form.
    let mut line = serde_json::to_vec(json).unwrap_or_default();
    line.push(b'\n');
    line
}

impl Serialize for UnixMs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl UnixMs {
    /// RFC 3339, in UTC, without zeros at the end of a fraction.
    #[must_use]
    pub fn text(self) -> String {
        let (seconds, ms) = (self.0.div_euclid(1000), self.0.rem_euclid(1000));
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = date(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let fraction = if ms == 0 {
            String::new()
        } else {
            format!(".{ms:03}").trim_end_matches('0').to_owned()
        };
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
    }
}

/// Year, month and day of a number of days since 1970-01-01. Years begin in March here, so that a leap day is their last, and
/// an era is the 400 years after which the calendar repeats.
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_ERA: i64 = 146_097;
    const MARCH_0000: i64 = 719_468;
    let days = days.saturating_add(MARCH_0000);
    let era = days.div_euclid(DAYS_OF_ERA);
    let day_of_era = days.rem_euclid(DAYS_OF_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / (DAYS_OF_ERA - 1)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times are those of the calendar, at its edges too.
    #[test]
    fn times_are_of_the_calendar() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_386_195_216_120, "2013-12-04T22:13:36.12Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(UnixMs(unix_ms).text(), text);
        }
    }
}
