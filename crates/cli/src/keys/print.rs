//! The tool's lines.

use std::io::{self, Write};
use std::process::ExitCode;

use super::Format;
use super::ask::KeysError;
use super::node::{Answer, Node};

/// The exit codes of the classic tool.
const EXIT_BAD_ARGUMENTS: u8 = 1;
const EXIT_NO_CONNECTION: u8 = 2;
const EXIT_SERVER_ERROR: u8 = 4;
/// The cluster's health is not good.
const EXIT_UNHEALTHY: u8 = 5;

/// Writes the answer about a key.
pub(super) fn key(answer: &Answer, output: Format) -> Result<(), KeysError> {
    let node = answer.node();
    let deleted = answer.action == "delete";
    let text = match output {
        Format::Simple if deleted => format!("PrevNode.Value: {}\n", answer.prev_value()),
        Format::Simple => format!("{}\n", node.value),
        Format::Extended => extended(answer, deleted),
        // Texts and numbers always have a form.
        Format::Json => serde_json::to_string(answer).unwrap_or_default() + "\n",
    };
    write(&text)
}

fn extended(answer: &Answer, deleted: bool) -> String {
    let node = answer.node();
    let mut lines = vec![
        format!("Key: {}", node.key),
        format!("Created-Index: {}", node.created),
        format!("Modified-Index: {}", node.modified),
    ];
    if answer.prev.is_some() {
        lines.push(format!("PrevNode.Value: {}", answer.prev_value()));
    }
    lines.push(format!("TTL: {}", node.ttl));
    lines.push(format!("Index: {}", answer.index));
    if !deleted {
        lines.push(String::new());
        lines.push(node.value.clone());
    }
    lines.join("\n") + "\n"
}

/// Writes a directory: what is in it, a line each; of a file its name.
pub(super) fn listing(answer: &Answer, slash: bool, output: Format) -> Result<(), KeysError> {
    if output != Format::Simple {
        return key(answer, output);
    }
    let node = answer.node();
    let mut text = String::new();
    if !node.dir {
        text.push_str(&node.key);
        text.push('\n');
    }
    below(node, slash, &mut text);
    write(&text)
}

/// As deep as the server's answer, which its JSON's reader bounds.
fn below(node: &Node, slash: bool, text: &mut String) {
    for node in node.nodes.iter().flatten() {
        text.push_str(&node.key);
        if node.dir && slash {
            text.push('/');
        }
        text.push('\n');
        below(node, slash, text);
    }
}

/// Writes and hands on at once: a watcher's lines must not wait for each other.
pub(super) fn write(text: &str) -> Result<(), KeysError> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(KeysError::Output)
}

/// Says why a command failed, as the tool did, and answers its exit code.
pub(super) fn failed(error: &KeysError, output: Format) -> ExitCode {
    let (said, code) = match error {
        KeysError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        KeysError::Refused(refused) if output == Format::Json => (
            serde_json::to_string(refused).unwrap_or_default(),
            EXIT_SERVER_ERROR,
        ),
        KeysError::Refused(_) => (format!("Error:  {error}"), EXIT_SERVER_ERROR),
        KeysError::Usage(_) | KeysError::Output(_) => (format!("Error:  {error}"), EXIT_BAD_ARGUMENTS),
        KeysError::Unreachable(why) => (
            format!("Error:  {error}\n\nerror #0: {why}\n"),
            EXIT_NO_CONNECTION,
        ),
        KeysError::Unhealthy => return ExitCode::from(EXIT_UNHEALTHY),
        KeysError::Said(said) => (said.clone(), EXIT_BAD_ARGUMENTS),
    };
    // Nothing is left to be done about a closed terminal.
    let _ = writeln!(io::stderr().lock(), "{said}");
    ExitCode::from(code)
}
