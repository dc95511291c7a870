//! A program in another language that tells stories to a server through a real client library and prints a verdict for
//! each: `PASS name` or `FAIL name: why`.

use std::process::Command;

use crate::command::Background;
use crate::server::{Kind, Server};

/// The verdicts of one run.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verdicts {
    /// The stories that passed.
    pub passed: Vec<String>,
    /// The stories that failed, each with the reason.
    pub failed: Vec<String>,
}

impl Verdicts {
    fn read(said: &str) -> Self {
        let mut verdicts = Self::default();
        for line in said.lines() {
            if let Some(name) = line.strip_prefix("PASS ") {
                verdicts.passed.push(name.trim().to_owned());
            } else if let Some(failure) = line.strip_prefix("FAIL ") {
                verdicts.failed.push(failure.trim().to_owned());
            }
        }
        verdicts
    }
}

/// Runs the program that `command` makes against each of these servers, one after the other, and checks that each passes
/// the same stories, `at_least` of them.
///
/// # Panics
/// When a server does not start or a story fails.
pub fn run_client(kinds: &[Kind], at_least: usize, command: impl Fn(&Server) -> Command) {
    let mut problems = String::new();
    for kind in Kind::driven(kinds) {
        let server = Server::start(kind).unwrap_or_else(|error| panic!("{error}"));
        let output = Background::start(command(&server), "").and_then(Background::finish);
        let output = output.unwrap_or_else(|error| panic!("{error}\n{}", server.log_end()));
        let verdicts = Verdicts::read(&output.out);
        if !verdicts.failed.is_empty() || verdicts.passed.len() < at_least || output.code != Some(0) {
            problems += &format!(
                "{}: exit {:?}, {} passed of at least {at_least}, failed: {:#?}\n{}\n",
                kind.name(),
                output.code,
                verdicts.passed.len(),
                verdicts.failed,
                end_of(&output.err)
            );
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

fn end_of(text: &str) -> &str {
    const SHOWN_MAX: usize = 4000;
    let mut from = text.len().saturating_sub(SHOWN_MAX);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: verdicts are read between a client's own log lines.
    #[test]
    fn verdicts_are_read() {
        let verdicts = Verdicts::read("12:00 INFO x\nPASS one\nFAIL two: no answer\nPASS three\n");
        assert_eq!(verdicts.passed, ["one", "three"]);
        assert_eq!(verdicts.failed, ["two: no answer"]);
    }
}
