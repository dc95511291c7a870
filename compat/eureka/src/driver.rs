//! A foreign client as a process that takes commands on its stdin and answers each with one line of JSON: how the
//! suite makes `eureka-js-client` and `py_eureka_client` do what a service does.

use std::env;
use std::process::Command;
use std::time::Duration;

use koinon_testkit::{Error, Process, ProcessOptions, Result, wait_until};
use serde_json::Value;
use tempfile::TempDir;

/// A client that takes longer for one command has hung.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
const LOG_LINES_SHOWN_MAX: usize = 60;

/// A running client.
#[derive(Debug)]
pub struct Driver {
    process: Process,
    answered: usize,
    // Holds the log; dropped after the process.
    _folder: TempDir,
}

impl Driver {
    /// Starts the client's program.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, command: Command) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|source| Error::File {
            path: env::temp_dir(),
            source,
        })?;
        let process = Process::start(ProcessOptions {
            name: name.to_owned(),
            command,
            log: folder.path().join("client.log"),
        })?;
        Ok(Self {
            process,
            answered: 0,
            _folder: folder,
        })
    }

    /// Gives a command and waits for its answer. Lines that are no JSON object are the client's own log.
    ///
    /// # Errors
    /// When the client ended, hung, or reports `{"error": …}`.
    pub fn ask(&mut self, command: &str) -> Result<Value> {
        self.process.tell(command)?;
        let answer = wait_until(&format!("an answer to {command:?}"), ANSWER_WITHIN, || {
            let next = self.answers().into_iter().nth(self.answered);
            let ended = || self.process.ended().map(|_| Value::Null);
            next.or_else(ended)
        });
        let answer = answer.map_err(|error| self.process.error(error.to_string()))?;
        self.answered += 1;
        if answer.is_null() {
            return Err(self.process.error(format!("ended at {command:?}")));
        }
        match answer.get("error") {
            Some(error) => Err(self.process.error(format!("{command:?}: {error}"))),
            None => Ok(answer),
        }
    }

    /// The client's process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// What the client logged itself, without its answers: for messages.
    pub fn log(&self) -> String {
        let output = self.process.output();
        let own = output.lines().filter(|line| answer_in(line).is_none());
        let lines: Vec<&str> = own.collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN_MAX)..].join("\n")
    }

    /// Only complete lines: the client may be in the middle of one.
    fn answers(&self) -> Vec<Value> {
        let output = self.process.output();
        let complete = output.rfind('\n').map_or("", |end| &output[..end]);
        complete.lines().filter_map(answer_in).collect()
    }
}

fn answer_in(line: &str) -> Option<Value> {
    serde_json::from_str::<Value>(line).ok().filter(Value::is_object)
}
