//! What is sent to the API, read so that all problems are found at once.
//!
//! A derived deserializer stops at the first problem, and a person who registers something by hand would be told
//! of the second only after mending the first. So the fields are taken one by one out of a JSON object; what
//! cannot be read is noted and replaced by its default, so that the values' own checks can go on as well.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Consistency, Lease, Problem, Scheme, Status};

/// An instance to be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RegisterRequest {
    /// The host name or IP address to dial.
    pub address: String,
    /// The port to dial; 0 when it takes no connections.
    #[schema(maximum = 65535)]
    pub port: u16,
    /// How to speak to it.
    #[schema(default = "http", required = false)]
    pub scheme: Scheme,
    /// Where it runs, for zone-aware balancing; at most 128 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Its share of traffic relative to the others of its service; 0 takes none.
    #[schema(default = 100, maximum = 65535, required = false)]
    pub weight: u32,
    /// The version of the software it runs; at most 128 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its own pairs, for everybody: at most 256, keys of at most 128 bytes, values of at most 4096.
    #[schema(required = false)]
    pub metadata: BTreeMap<String, String>,
    /// What it says of itself. An operator's override outranks it, and an instance that is up stays up when it
    /// registers again as `out_of_service`: override its status instead.
    #[schema(default = "up", required = false)]
    pub status: Status,
    /// What keeps it registered.
    #[schema(default = "ephemeral", required = false)]
    pub consistency: Consistency,
    /// How long it may be silent; by default 90 s with a heartbeat every 30 s. Not for a persistent instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
}

impl RegisterRequest {
    /// A request with nothing but where to dial.
    pub fn new(address: impl Into<String>, port: u16) -> Self {
        Self {
            address: address.into(),
            port,
            scheme: Scheme::Http,
            zone: None,
            weight: 100,
            version: None,
            metadata: BTreeMap::new(),
            status: Status::Up,
            consistency: Consistency::Ephemeral,
            lease: None,
        }
    }

    /// Reads the body of a request. The result is only good if no problem was added.
    pub(crate) fn read(body: &[u8], problems: &mut Vec<Problem>) -> Self {
        let mut fields = Fields::of_body(body, problems);
        let address: String = fields.require("address", "a host name or an IP address");
        let port = fields.require("port", "a whole number from 0 to 65535");
        let unset = Self::new(address, port);
        let request = Self {
            scheme: fields
                .take("scheme", "\"http\", \"https\" or \"tcp\"")
                .unwrap_or(unset.scheme),
            zone: fields.take("zone", "a text"),
            weight: fields
                .take("weight", "a whole number from 0 to 65535")
                .unwrap_or(unset.weight),
            version: fields.take("version", "a text"),
            metadata: fields.texts("metadata"),
            status: fields.take("status", STATUSES).unwrap_or(unset.status),
            consistency: fields
                .take("consistency", "\"ephemeral\" or \"persistent\"")
                .unwrap_or(unset.consistency),
            lease: fields.lease(),
            ..unset
        };
        fields.refuse_others();
        request
    }
}

/// A status to be set over what the instance says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatusRequest {
    /// The status that is to hold.
    pub status: Status,
}

impl StatusRequest {
    /// Reads the body of a request. The result is only good if no problem was added.
    pub(crate) fn read(body: &[u8], problems: &mut Vec<Problem>) -> Self {
        let mut fields = Fields::of_body(body, problems);
        let status = fields.require_or("status", STATUSES, Status::Unknown);
        fields.refuse_others();
        Self { status }
    }
}

const STATUSES: &str = "\"up\", \"down\", \"starting\", \"out_of_service\" or \"unknown\"";
const WHOLE_SECONDS: &str = "a whole number of seconds";

/// The fields of a JSON object that nobody has taken yet.
struct Fields<'a> {
    path: &'static str,
    left: Map<String, Value>,
    taken: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
    /// Without an object to look into, missing fields are no problem of their own.
    is_object: bool,
}

impl<'a> Fields<'a> {
    fn of_body(body: &[u8], problems: &'a mut Vec<Problem>) -> Self {
        let parsed = serde_json::from_slice::<Value>(body);
        match parsed {
            Ok(value) => Self::of("", value, problems),
            Err(error) => {
                problems.push(Problem::new("body", format!("is not JSON: {error}")));
                Self {
                    path: "",
                    left: Map::new(),
                    taken: Vec::new(),
                    problems,
                    is_object: false,
                }
            }
        }
    }

    fn of(path: &'static str, value: Value, problems: &'a mut Vec<Problem>) -> Self {
        let shown = shown(&value);
        if let Value::Object(left) = value {
            return Self {
                path,
                left,
                taken: Vec::new(),
                problems,
                is_object: true,
            };
        }
        let field = if path.is_empty() { "body" } else { path };
        problems.push(Problem::new(field, format!("is {shown}, expected an object")));
        Self {
            path,
            left: Map::new(),
            taken: Vec::new(),
            problems,
            is_object: false,
        }
    }

    fn take<T: DeserializeOwned>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        self.taken.push(name);
        let value = self.left.remove(name).filter(|value| !value.is_null())?;
        let shown = shown(&value);
        let read = serde_json::from_value(value).ok();
        if read.is_none() {
            let problem = format!("is {shown}, expected {expected}");
            self.problems.push(Problem::new(self.name_of(name), problem));
        }
        read
    }

    fn require<T: DeserializeOwned + Default>(&mut self, name: &'static str, expected: &str) -> T {
        self.require_or(name, expected, T::default())
    }

    fn require_or<T: DeserializeOwned>(&mut self, name: &'static str, expected: &str, otherwise: T) -> T {
        if self.is_object && self.left.get(name).is_none_or(Value::is_null) {
            let problem = format!("is missing, expected {expected}");
            self.problems.push(Problem::new(self.name_of(name), problem));
        }
        self.take(name, expected).unwrap_or(otherwise)
    }

    /// An object whose values are texts; each one that is not is a problem of its own.
    fn texts(&mut self, name: &'static str) -> BTreeMap<String, String> {
        let object: Map<String, Value> = self.take(name, "an object of texts").unwrap_or_default();
        let mut texts = BTreeMap::new();
        for (key, value) in object {
            if let Value::String(text) = value {
                texts.insert(key, text);
            } else {
                let problem = format!("is {}, expected a text", shown(&value));
                self.problems
                    .push(Problem::new(format!("{name}.{}", cut(&key)), problem));
            }
        }
        texts
    }

    fn lease(&mut self) -> Option<Lease> {
        let default = Lease::DEFAULT;
        self.taken.push("lease");
        let value = self.left.remove("lease").filter(|value| !value.is_null())?;
        let mut fields = Fields::of("lease", value, self.problems);
        let duration_s = fields.take("duration_s", WHOLE_SECONDS);
        let renewal_interval_s = fields.take("renewal_interval_s", WHOLE_SECONDS);
        fields.refuse_others();
        let duration_s = duration_s.unwrap_or(default.duration_s);
        // Three heartbeats may be lost, as with the defaults, when only the duration is given.
        let derived_s = (duration_s / 3).clamp(1, default.renewal_interval_s);
        Some(Lease {
            duration_s,
            renewal_interval_s: renewal_interval_s.unwrap_or(derived_s),
        })
    }

    fn refuse_others(mut self) {
        let known = self.taken.join(", ");
        for name in std::mem::take(&mut self.left).into_iter().map(|(name, _)| name) {
            let field = self.name_of(&cut(&name));
            self.problems.push(Problem::new(
                field,
                format!("is not known here; known are {known}"),
            ));
        }
    }

    fn name_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

/// A value as it is shown in a problem: never more than fits on a line.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".into(),
        Value::Array(_) => "a list".into(),
        Value::String(text) => format!("{:?}", cut(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(body: &str) -> Vec<String> {
        let mut problems = Vec::new();
        RegisterRequest::read(body.as_bytes(), &mut problems);
        problems
            .into_iter()
            .map(|p| format!("{} {}", p.field, p.problem))
            .collect()
    }

    /// What our own client writes is read back as it was: the two halves of the shape agree.
    #[test]
    fn a_written_request_is_read_back() {
        let request = RegisterRequest {
            scheme: Scheme::Https,
            zone: Some("a".into()),
            version: Some("1.2".into()),
            weight: 7,
            metadata: [("k".to_owned(), "v".to_owned())].into(),
            status: Status::Starting,
            consistency: Consistency::Persistent,
            lease: Some(Lease {
                renewal_interval_s: 1,
                duration_s: 3,
            }),
            ..RegisterRequest::new("10.0.0.1", 8080)
        };
        let mut problems = Vec::new();
        let body = serde_json::to_vec(&request).unwrap();
        assert_eq!(RegisterRequest::read(&body, &mut problems), request);
        assert_eq!(problems, []);
    }

    /// Only address and port are needed, `null` is as good as absent, and a short lease gets a fitting interval.
    #[test]
    fn defaults_fill_what_is_absent() {
        let mut problems = Vec::new();
        let body = br#"{"address":"h","port":1,"zone":null,"lease":{"duration_s":6}}"#;
        let read = RegisterRequest::read(body, &mut problems);
        let expected = RegisterRequest {
            lease: Some(Lease {
                renewal_interval_s: 2,
                duration_s: 6,
            }),
            ..RegisterRequest::new("h", 1)
        };
        assert_eq!((read, problems), (expected, vec![]));
    }

    /// Every problem is told at once, with its place, what is there and what was expected.
    #[test]
    fn all_problems_are_found_at_once() {
        let body = r#"{"port":"x","scheme":"ftp","weight":-1,"metadata":{"a":1,"b":"ok"},"status":"UP",
                       "lease":{"duration_s":1.5,"ttl":3},"prot":80}"#;
        assert_eq!(
            problems(body),
            [
                "address is missing, expected a host name or an IP address",
                "port is \"x\", expected a whole number from 0 to 65535",
                "scheme is \"ftp\", expected \"http\", \"https\" or \"tcp\"",
                "weight is -1, expected a whole number from 0 to 65535",
                "metadata.a is 1, expected a text",
                "status is \"UP\", expected \"up\", \"down\", \"starting\", \"out_of_service\" or \"unknown\"",
                "lease.duration_s is 1.5, expected a whole number of seconds",
                "lease.ttl is not known here; known are duration_s, renewal_interval_s",
                "prot is not known here; known are address, port, scheme, zone, weight, version, metadata, status, \
                 consistency, lease",
            ]
        );
    }

    /// What is not an object at all is one problem, not ten.
    #[test]
    fn nonsense_is_one_problem() {
        assert_eq!(problems("[1]"), ["body is a list, expected an object"]);
        assert_eq!(problems("").len(), 1);
        assert!(
            problems("{\"address\"")
                .first()
                .is_some_and(|p| p.starts_with("body is not JSON"))
        );
        assert_eq!(problems(&"[".repeat(100_000)).len(), 1);
    }
}
