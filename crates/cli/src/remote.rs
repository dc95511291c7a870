//! Commands that ask a running node, through its native API: what all of them share.
//!
//! People get tables, scripts get JSON (`--output json`): the API's own shapes, one document a line. Answers go to
//! standard output and nothing else does. Exit codes: 0 done, 64 the request is wrong, 69 the server cannot be
//! reached or refuses for now, 1 anything else.

mod error;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use koinon_api_admin::wire::ErrorBody;
use koinon_io_net::client::{AnswerStream, Call};
use koinon_io_net::{Client, ClientOptions, Endpoint};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use crate::output::complain;

pub(crate) use error::CommandError;

/// The environment variable behind `--endpoint`.
const ENDPOINT_VARIABLE: &str = "KOINON_ENDPOINT";

/// What may stand in a path segment or a query value as it is (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[derive(Debug, Args)]
pub(crate) struct RemoteArgs {
    /// The node's admin listener.
    #[arg(long, global = true, env = ENDPOINT_VARIABLE, default_value = "http://127.0.0.1:7070", value_name = "URL")]
    endpoint: Endpoint,
    /// For people or for scripts.
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Aligned columns.
    Table,
    /// The API's JSON, one document a line.
    Json,
}

/// Runs a command to its end.
pub(crate) fn run(command: impl Future<Output = Result<(), CommandError>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&error);
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(command);
    // A name that is still being looked up must not keep the process.
    runtime.shutdown_timeout(Duration::ZERO);
    ended(outcome)
}

/// Says how a command ended.
pub(crate) fn ended(outcome: Result<(), CommandError>) -> ExitCode {
    match outcome {
        // The reader of our output went away (`| head`): it has what it wanted.
        Err(CommandError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// A node's native API.
#[derive(Debug)]
pub(crate) struct Remote {
    client: Client,
}

impl Remote {
    pub(crate) fn new(args: &RemoteArgs) -> Self {
        Self::of(args.endpoint.clone())
    }

    pub(crate) fn of(endpoint: Endpoint) -> Self {
        Self {
            client: Client::new(endpoint, ClientOptions::default()),
        }
    }

    /// The body of a good answer.
    pub(crate) async fn ask(&self, call: Call) -> Result<Bytes, CommandError> {
        let answer = self.client.request(&call).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(self.refused(answer.status.as_u16(), &answer.body))
    }

    /// A good answer as it comes; what of a bad one does not come within `silence_max` is not waited for.
    pub(crate) async fn stream(
        &self,
        call: Call,
        silence_max: Duration,
    ) -> Result<AnswerStream, CommandError> {
        let mut stream = self.client.stream(&call).await?;
        let status = stream.status();
        if status.is_success() {
            return Ok(stream);
        }
        let body = stream.rest(silence_max).await?;
        Err(self.refused(status.as_u16(), &body))
    }

    fn refused(&self, status: u16, body: &[u8]) -> CommandError {
        let endpoint = self.client.endpoint().to_string();
        let error = serde_json::from_slice::<ErrorBody>(body);
        error.map_or(CommandError::Foreign { endpoint, status }, CommandError::Refused)
    }
}

/// Reads an answer's JSON.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, CommandError> {
    serde_json::from_slice(text).map_err(CommandError::Unreadable)
}

/// A text as a segment of a path or a value of a query.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Writes an answer in the form that was asked for.
pub(crate) fn show<T: DeserializeOwned>(
    output: Output,
    text: &[u8],
    table: impl FnOnce(T) -> String,
) -> Result<(), CommandError> {
    match output {
        Output::Json => write_line(text),
        Output::Table => write_line(table(read(text)?).as_bytes()),
    }
}

/// Says that something was done; a script reads that from the exit code.
pub(crate) fn done(output: Output, what: &str) -> Result<(), CommandError> {
    match output {
        Output::Json => Ok(()),
        Output::Table => write_line(what.as_bytes()),
    }
}

/// Writes a line and hands it on at once: a watcher's lines must not wait for each other.
pub(crate) fn write_line(line: &[u8]) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(line)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    written.map_err(CommandError::Output)
}
