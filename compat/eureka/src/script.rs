//! A script is a sequence of raw requests that is sent to both servers; the two sequences of answers must be the
//! same, field by field, but for the committed list of allowed differences.
//!
//! Scripts of one test binary share a pair of servers, because a JVM's start costs seconds. Invariant: a script
//! runs alone on the pair, starts with an empty registry, and uses application names of its own, so that the
//! delta (which remembers minutes) shows it only its own changes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use koinon_testkit::{Request, Response};
use serde_json::{Value, json};

use crate::allowed::{ALLOWED, Allowed};
use crate::compare::{Difference, differences};
use crate::instance::now_ms;
use crate::server::{Eureka, Kind, Settings};
use crate::tree::{canonical, parse_xml};

/// A request with the name under which its answers are compared.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique in its script.
    pub title: String,
    /// What is sent.
    pub request: Request,
}

/// What of an answer is compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers that clients act on.
    pub headers: Vec<(&'static str, String)>,
    /// The body as a tree.
    pub body: Value,
}

/// The headers that clients act on.
const HEADERS: [&str; 3] = ["content-type", "content-encoding", "allow"];

/// The same for an error page, whose body nobody reads.
const HEADERS_OF_ERRORS: [&str; 1] = ["allow"];

/// A sequence of requests. The methods add steps.
#[derive(Debug, Clone)]
pub struct Script {
    name: String,
    steps: Vec<Step>,
    apps: BTreeSet<String>,
}

impl Script {
    /// An empty script; the name is the story's in the list of allowed differences.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            steps: Vec::new(),
            apps: BTreeSet::new(),
        }
    }

    /// Adds any request.
    pub fn step(&mut self, title: &str, request: Request) -> &mut Self {
        self.steps.push(Step {
            title: title.to_owned(),
            request,
        });
        self
    }

    /// Registers by `POST` with a body of this type.
    pub fn post(
        &mut self,
        title: &str,
        app: &str,
        content_type: &str,
        body: impl Into<Vec<u8>>,
    ) -> &mut Self {
        self.apps.insert(app.to_uppercase());
        let request = Request::new("POST", format!("/eureka/apps/{app}"))
            .header("Content-Type", content_type)
            .body(body);
        self.step(title, request)
    }

    /// Registers a JSON instance.
    pub fn register(&mut self, title: &str, app: &str, instance: &Value) -> &mut Self {
        let body = json!({"instance": instance}).to_string();
        self.post(title, app, "application/json", body)
    }

    /// Reads a path as JSON.
    pub fn json(&mut self, title: &str, path: &str) -> &mut Self {
        self.step(title, Request::get(path).header("Accept", "application/json"))
    }

    /// Reads a path as XML.
    pub fn xml(&mut self, title: &str, path: &str) -> &mut Self {
        self.step(title, Request::get(path).header("Accept", "application/xml"))
    }

    /// Reads a path in every form that clients ask for.
    pub fn all_forms(&mut self, title: &str, path: &str) -> &mut Self {
        for (accept, form) in [("application/json", "json"), ("application/xml", "xml")] {
            let plain = Request::get(path).header("Accept", accept);
            let compact = plain.clone().header("X-Eureka-Accept", "compact");
            let gzip = plain.clone().header("Accept-Encoding", "gzip");
            self.step(&format!("{title}: {form}"), plain)
                .step(&format!("{title}: {form} compact"), compact)
                .step(&format!("{title}: {form} gzip"), gzip);
        }
        self
    }

    /// Sends a request without a body or headers.
    pub fn plain(&mut self, title: &str, method: &str, path: &str) -> &mut Self {
        self.step(title, Request::new(method, path))
    }

    /// Registers a shape of instance, reads it in both formats, and cancels it. A shape whose registration is
    /// refused is read too: nothing must have been kept.
    pub fn shape(&mut self, title: &str, app: &str, id: &str, content_type: &str, body: impl Into<Vec<u8>>) {
        let path = format!("/eureka/apps/{app}/{id}");
        self.post(title, app, content_type, body)
            .json(&format!("{title}: served as json"), &path)
            .xml(&format!("{title}: served as xml"), &path)
            .plain(&format!("{title}: cancelled"), "DELETE", &path);
    }

    /// Sends the script to both servers and compares; with one server only, checks that it answers everything.
    ///
    /// # Panics
    /// With every difference that the list does not allow, and with every entry of the list that explains nothing.
    pub fn run(&self) {
        self.check_titles();
        let pair = Pair::shared();
        let _alone = pair.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.run_on(&pair.servers);
    }

    /// Like [`Script::run`] on servers of its own, for scripts that leave something behind.
    ///
    /// # Panics
    /// As [`Script::run`].
    pub fn run_alone(&self) {
        self.check_titles();
        self.run_on(&Pair::start().servers);
    }

    fn run_on(&self, servers: &[Eureka]) {
        let answers: Vec<(Kind, Vec<Answer>)> = thread::scope(|scope| {
            let running: Vec<_> = servers
                .iter()
                .map(|server| (server.kind(), scope.spawn(move || self.answers_of(server))))
                .collect();
            let joined = running.into_iter().map(|(kind, thread)| (kind, thread.join()));
            joined
                .map(|(kind, answers)| match answers {
                    Ok(answers) => (kind, answers),
                    Err(panic) => std::panic::resume_unwind(panic),
                })
                .collect()
        });
        let of = |kind| answers.iter().find(|(k, _)| *k == kind).map(|(_, a)| a);
        if let (Some(original), Some(koinon)) = (of(Kind::Original), of(Kind::Koinon)) {
            let report = self.report(original, koinon, ALLOWED);
            assert!(report.is_empty(), "{report}");
        }
    }

    fn answers_of(&self, server: &Eureka) -> Vec<Answer> {
        let answers = self
            .steps
            .iter()
            .map(|step| self.answer(step, &ask(server, &step.request)))
            .collect();
        cancel_everything(server);
        answers
    }

    fn answer(&self, step: &Step, response: &Response) -> Answer {
        let mut body = body_tree(response);
        if response.status >= 400 && is_error_page(&body) {
            return Answer {
                status: response.status,
                headers: headers_of(response, &HEADERS_OF_ERRORS),
                body: json!("<error page>"),
            };
        }
        if step.request.path.contains("/delta") {
            self.only_own(&mut body);
        }
        Answer {
            status: response.status,
            headers: headers_of(response, &HEADERS),
            body: canonical(body, now_ms()),
        }
    }

    /// A delta without other scripts' changes, and with its counter named.
    fn only_own(&self, body: &mut Value) {
        let Some(applications) = body.get_mut("applications") else {
            return;
        };
        if let Some(Value::Array(list)) = applications.get_mut("application") {
            list.retain(|app| app["name"].as_str().is_some_and(|name| self.apps.contains(name)));
        }
        if let Some(version) = applications.get_mut("versions__delta")
            && version
                .as_str()
                .and_then(|text| text.parse::<u64>().ok())
                .is_some()
        {
            *version = json!("<counter>");
        }
    }

    fn report(&self, original: &[Answer], koinon: &[Answer], allowed: &[Allowed]) -> String {
        let mut used = BTreeSet::new();
        let mut report = String::new();
        for (step, (original, koinon)) in self.steps.iter().zip(original.iter().zip(koinon)) {
            for difference in answer_differences(original, koinon) {
                let fitting = allowed
                    .iter()
                    .position(|a| a.covers(&self.name, &step.title, &difference));
                match fitting {
                    Some(index) => {
                        used.insert(index);
                    }
                    None => describe(&mut report, &self.name, step, &difference),
                }
            }
        }
        for (index, entry) in allowed.iter().enumerate() {
            if entry.story == self.name && !used.contains(&index) {
                let _ = writeln!(
                    report,
                    "{}: the allowed difference {entry:?} does not occur any more; remove it",
                    self.name
                );
            }
        }
        report
    }

    fn check_titles(&self) {
        let titles: BTreeSet<&str> = self.steps.iter().map(|step| step.title.as_str()).collect();
        assert_eq!(
            titles.len(),
            self.steps.len(),
            "two steps of {} have one title",
            self.name
        );
    }
}

fn describe(report: &mut String, story: &str, step: &Step, difference: &Difference) {
    let Step { title, request } = step;
    let _ = writeln!(
        report,
        "{story} / {title} / {} {}\n    {difference}",
        request.method, request.path
    );
}

fn ask(server: &Eureka, request: &Request) -> Response {
    match server.send(request) {
        Ok(response) => response,
        Err(error) => panic!("{} {}: {error}", request.method, request.path),
    }
}

fn body_tree(response: &Response) -> Value {
    let text = response.text();
    if text.is_empty() {
        return Value::Null;
    }
    let parsed = match response.header("content-type") {
        Some(kind) if kind.to_lowercase().contains("json") => response.json(),
        Some(kind) if kind.contains("xml") => parse_xml(&text).ok(),
        Some(_) | None => None,
    };
    parsed.unwrap_or(Value::String(text))
}

fn headers_of(response: &Response, names: &[&'static str]) -> Vec<(&'static str, String)> {
    names
        .iter()
        .filter_map(|name| Some((*name, response.header(name)?.to_owned())))
        .collect()
}

/// The body that a server makes for people when a request fails: nothing, a web page, or the status in words. It
/// is one thing here, in whatever format; what clients act on, the status code, is always compared. The plain texts
/// of a refused registration ("Missing hostname") are no error pages.
fn is_error_page(body: &Value) -> bool {
    let page = body.get("Map").unwrap_or(body);
    match page {
        Value::Null => true,
        Value::String(text) => text.contains("<html"),
        Value::Object(fields) => fields.contains_key("error"),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    }
}

fn answer_differences(original: &Answer, koinon: &Answer) -> Vec<Difference> {
    let mut found = differences("status", &json!(original.status), &json!(koinon.status));
    for name in HEADERS {
        let of = |answer: &Answer| {
            let value = answer.headers.iter().find(|(n, _)| *n == name);
            value.map(|(_, v)| Value::String(v.clone()))
        };
        let (original, koinon) = (of(original), of(koinon));
        if original != koinon {
            found.push(Difference {
                at: format!("header {name}"),
                original,
                koinon,
            });
        }
    }
    found.extend(differences("body", &original.body, &koinon.body));
    found
}

/// Leaves an empty registry to the next script.
fn cancel_everything(server: &Eureka) {
    let list = ask(
        server,
        &Request::get("/eureka/apps").header("Accept", "application/json"),
    );
    let body = list.json().unwrap_or_default();
    let apps = body["applications"]["application"].as_array().cloned();
    for app in apps.unwrap_or_default() {
        let instances = app["instance"].as_array().cloned().unwrap_or_default();
        for instance in instances {
            let id = instance["instanceId"].as_str().or(instance["hostName"].as_str());
            let app = app["name"].as_str().unwrap_or_default();
            let path = format!(
                "/eureka/apps/{}/{}",
                escaped(app),
                escaped(id.unwrap_or_default())
            );
            ask(server, &Request::new("DELETE", path));
        }
    }
}

/// Percent-encodes everything that is no plain letter, digit or mark.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// The servers that scripts of one binary share while any of them runs.
#[derive(Debug)]
struct Pair {
    servers: Vec<Eureka>,
    turn: Mutex<()>,
}

static SHARED: Mutex<Weak<Pair>> = Mutex::new(Weak::new());

impl Pair {
    /// The running pair, or a new one. It goes when its last script ends: nothing outlives the test.
    fn shared() -> Arc<Self> {
        let mut shared: MutexGuard<'_, Weak<Self>> = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = shared.upgrade() {
            return pair;
        }
        let pair = Arc::new(Self::start());
        *shared = Arc::downgrade(&pair);
        pair
    }

    fn start() -> Self {
        let settings = Settings::default();
        let servers = Kind::all()
            .into_iter()
            .map(|kind| match Eureka::start(kind, &settings) {
                Ok(server) => server,
                Err(error) => panic!("{error}"),
            })
            .collect();
        Self {
            servers,
            turn: Mutex::new(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: Value) -> Answer {
        Answer {
            status,
            headers: vec![("content-type", "application/json".into())],
            body,
        }
    }

    fn script() -> Script {
        let mut script = Script::new("a story");
        script.plain("a step", "GET", "/x");
        script
    }

    /// Protects: a difference that nobody explained fails, with the story, the step and both sides.
    #[test]
    fn an_unexplained_difference_is_reported() {
        let report = script().report(&[answer(200, json!(1))], &[answer(404, json!(1))], &[]);
        assert!(report.contains("a story / a step / GET /x"), "{report}");
        assert!(report.contains("status: original 200, koinon 404"), "{report}");
    }

    /// Protects: an explained difference passes, and an explanation that explains nothing any more fails.
    #[test]
    fn the_allowed_list_is_kept_honest() {
        let entry = Allowed {
            story: "a story",
            step: "a step",
            at: "status",
            why: "for the test",
        };
        let script = script();
        let (original, koinon) = ([answer(200, json!(1))], [answer(404, json!(1))]);
        assert_eq!(script.report(&original, &koinon, &[entry]), "");
        let report = script.report(&original, &original, &[entry]);
        assert!(report.contains("does not occur any more"), "{report}");
    }

    /// Protects: a delta is compared without what other scripts did, and its counter is no difference.
    #[test]
    fn a_delta_shows_only_the_scripts_own_changes() {
        let mut script = Script::new("a story");
        script.register("r", "mine", &json!({}));
        let mut body = json!({"applications": {"versions__delta": "17", "application": [
            {"name": "MINE"}, {"name": "OTHER"},
        ]}});
        script.only_own(&mut body);
        let expected =
            json!({"applications": {"versions__delta": "<counter>", "application": [{"name": "MINE"}]}});
        assert_eq!(body, expected);
    }
}
