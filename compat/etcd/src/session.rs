//! One server being driven: every command and request is run and written down with everything named that differs from
//! run to run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use koinon_testkit::{Request, Response};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Background, Output};
use crate::names::Names;
use crate::prepared::{current, debian};
use crate::server::{Kind, Server};
use crate::transcript::Transcript;

/// A story's hold on one server. Its methods panic, as assertions do, when the harness itself fails.
#[derive(Debug)]
pub struct Session {
    server: Server,
    folder: TempDir,
    /// What has a name.
    pub names: Names,
    transcript: Transcript,
}

impl Session {
    /// Starts a server of this kind and asks it who it is.
    pub(crate) fn start(kind: Kind) -> Self {
        let server = Server::start(kind).unwrap_or_else(|error| panic!("{error}"));
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let mut names = Names::default();
        names.literal(&server.url(), "<url>");
        names.literal(&server.address().to_string(), "<address>");
        names.literal(&folder.path().to_string_lossy(), "<folder>");
        // The peers' address of the originals is an address too.
        names.pattern(r"127\.0\.0\.1:\d{2,5}", "<peer>");
        let mut session = Self {
            server,
            folder,
            names,
            transcript: Transcript::default(),
        };
        session.name_the_member();
        session
    }

    fn name_the_member(&mut self) {
        let status = self.run(self.etcdctl(&["endpoint", "status", "-w", "json"]), "");
        let status: Value = serde_json::from_str(&status.out)
            .unwrap_or_else(|error| panic!("{error}: {status:?}\n{}", self.server.log_end()));
        let header = &status[0]["Status"]["header"];
        for (field, name) in [("cluster_id", "<cluster>"), ("member_id", "<member>")] {
            self.names.id(header[field].as_u64().unwrap_or_default(), name);
        }
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A folder of this session's own.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The current `etcdctl`.
    pub fn ctl(&mut self, arguments: &[&str]) -> Output {
        self.ctl_told(arguments, "")
    }

    /// The current `etcdctl`, with this on its standard input.
    pub fn ctl_told(&mut self, arguments: &[&str], input: &str) -> Output {
        let command = self.etcdctl(arguments);
        self.recorded("etcdctl", arguments, command, input)
    }

    /// The current `etcdctl`, without a line in the transcript.
    pub fn quiet(&mut self, arguments: &[&str]) -> Output {
        self.run(self.etcdctl(arguments), "")
    }

    /// The same with this on its standard input.
    pub fn quiet_told(&mut self, arguments: &[&str], input: &str) -> Output {
        self.run(self.etcdctl(arguments), input)
    }

    /// The current `etcdutl`, without a line in the transcript.
    pub fn quiet_utl(&mut self, arguments: &[&str]) -> Output {
        self.run(plain(&current("etcdutl"), self.folder.path(), arguments), "")
    }

    /// Grants a lease, gives its id a name, and returns the id as `etcdctl` takes it.
    pub fn grant(&mut self, ttl_s: u32, name: &str) -> String {
        let ttl = ttl_s.to_string();
        let output = self.run(self.etcdctl(&["lease", "grant", &ttl]), "");
        let id = output
            .out
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        let number = u64::from_str_radix(&id, 16).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        self.names.id(number, name);
        self.note(&format!("etcdctl lease grant {ttl}"), &self.told(&output));
        id
    }

    /// Debian's `etcdctl` with the v3 API.
    pub fn ctl_debian(&mut self, arguments: &[&str]) -> Output {
        let command = self.etcdctl_debian("3", arguments);
        self.recorded("etcdctl-3.4", arguments, command, "")
    }

    /// Debian's `etcdctl` with the v2 API.
    pub fn ctl2(&mut self, arguments: &[&str]) -> Output {
        self.ctl2_told(arguments, "")
    }

    /// Debian's `etcdctl` with the v2 API, with this on its standard input.
    pub fn ctl2_told(&mut self, arguments: &[&str], input: &str) -> Output {
        let command = self.etcdctl_debian("2", arguments);
        self.recorded("ETCDCTL_API=2 etcdctl", arguments, command, input)
    }

    /// The current `etcdutl`, which works on files.
    pub fn utl(&mut self, arguments: &[&str]) -> Output {
        let command = plain(&current("etcdutl"), self.folder.path(), arguments);
        self.recorded("etcdutl", arguments, command, "")
    }

    /// The current `etcdctl` beside the test; [`Session::note`] what it said.
    pub fn ctl_beside(&self, arguments: &[&str]) -> Background {
        start(self.etcdctl(arguments), "")
    }

    /// Debian's `etcdctl` with the v2 API beside the test.
    pub fn ctl2_beside(&self, arguments: &[&str]) -> Background {
        start(self.etcdctl_debian("2", arguments), "")
    }

    /// Sends a request and writes down the answer: its status, the headers that clients of v2 read, and its body.
    pub fn http(&mut self, method: &str, path: &str, form: &str) -> Response {
        let mut request = Request::new(method, path);
        if !form.is_empty() {
            request = request
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(form);
        }
        self.send(&request)
    }

    /// Sends any request and writes down the answer.
    pub fn send(&mut self, request: &Request) -> Response {
        let response = self
            .server
            .send(request)
            .unwrap_or_else(|error| panic!("{error}"));
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let title = format!("{} {} {body}", request.method, request.path);
        self.note(&title, &self.answer(&response));
        response
    }

    /// An answer as a text: status, the headers that clients read, body.
    #[must_use]
    pub fn answer(&self, response: &Response) -> String {
        let mut text = format!("{}\n", response.status);
        for name in ["content-type", "location", "allow", "x-etcd-index"] {
            if let Some(value) = response.header(name) {
                let _ = writeln!(text, "{name}: {value}");
            }
        }
        for name in ["x-etcd-cluster-id", "x-raft-index", "x-raft-term"] {
            if response.header(name).is_some() {
                let _ = writeln!(text, "{name}: there");
            }
        }
        text + &self.readable(&response.text())
    }

    /// Brings the index of v2 to a fixed number, so that every index in a story is the same on every server.
    pub fn settle_v2(&mut self) {
        const BASE: u64 = 10;
        let write = Request::new("PUT", "/v2/keys/_base?value=x");
        for _ in 0..=BASE {
            let response = self.server.send(&write).unwrap_or_else(|error| panic!("{error}"));
            let index = response.json().map(|json| json["node"]["modifiedIndex"].as_u64());
            match index.flatten() {
                Some(BASE) => return,
                Some(index) if index < BASE => {}
                other => panic!("the index of v2 is {other:?}: {}", response.text()),
            }
        }
    }

    /// Writes down something that was said. The title and the text get their names here.
    pub fn note(&mut self, title: &str, said: &str) {
        let (title, said) = (self.names.text(title), self.names.text(said));
        self.transcript.add(title.trim_end(), &said);
    }

    pub(crate) fn into_transcript(self) -> Transcript {
        self.transcript
    }

    fn recorded(&mut self, program: &str, arguments: &[&str], command: Command, input: &str) -> Output {
        let output = self.run(command, input);
        let mut title = arguments.iter().fold(program.to_owned(), |title, argument| {
            let plain = !argument.is_empty() && !argument.contains([' ', '"', '\n', '*']);
            title
                + &if plain {
                    format!(" {argument}")
                } else {
                    format!(" {argument:?}")
                }
        });
        if !input.is_empty() {
            let _ = write!(title, " <<< {input:?}");
        }
        self.note(&title, &self.told(&output));
        output
    }

    /// A program's output as a text: what it said, its complaints, and how it failed.
    #[must_use]
    pub fn told(&self, output: &Output) -> String {
        // A wrong command line is answered with the whole help, which is no server's business.
        let out = if output.out.trim_start().starts_with("NAME:") {
            ""
        } else {
            &output.out
        };
        let mut text: String = out.lines().map(|line| self.readable(line) + "\n").collect();
        for line in output.err.lines() {
            let _ = writeln!(text, "E: {line}");
        }
        if output.code != Some(0) {
            let _ = writeln!(text, "exit {:?}", output.code);
        }
        text
    }

    /// JSON one field a line, with its names; everything else as it is.
    fn readable(&self, text: &str) -> String {
        match serde_json::from_str::<Value>(text) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => {
                serde_json::to_string_pretty(&self.names.json(value)).unwrap_or_default()
            }
            Ok(_) | Err(_) => text.to_owned(),
        }
    }

    fn run(&self, command: Command, input: &str) -> Output {
        let output = Background::start(command, input).and_then(Background::finish);
        output.unwrap_or_else(|error| panic!("{error}\n{}", self.server.log_end()))
    }

    fn etcdctl(&self, arguments: &[&str]) -> Command {
        let mut command = plain(&current("etcdctl"), self.folder.path(), arguments);
        command.env("ETCDCTL_ENDPOINTS", self.server.address().to_string());
        command
    }

    fn etcdctl_debian(&self, api: &str, arguments: &[&str]) -> Command {
        let mut command = plain(&debian("etcdctl"), self.folder.path(), arguments);
        command
            .env("ETCDCTL_API", api)
            .env("ETCDCTL_ENDPOINTS", self.server.url());
        command
    }
}

fn plain(program: &koinon_testkit::Result<PathBuf>, folder: &Path, arguments: &[&str]) -> Command {
    let program = program.as_ref().unwrap_or_else(|error| panic!("{error}"));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    for (name, _) in std::env::vars_os() {
        // Settings of the person who runs the tests would change what the client does.
        if name.to_string_lossy().starts_with("ETCDCTL_") {
            command.env_remove(name);
        }
    }
    command
}

fn start(command: Command, input: &str) -> Background {
    Background::start(command, input).unwrap_or_else(|error| panic!("{error}"))
}
