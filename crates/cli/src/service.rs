//! `koinon service …`: the registry from the command line, through the native API of a running node.
//!
//! People get tables, scripts get JSON (`--output json`): the API's own shapes, one document a line. Answers go to
//! standard output and nothing else does. Exit codes: 0 done, 64 the request is wrong, 69 the server cannot be
//! reached or refuses for now, 1 anything else.

mod api;
mod error;
mod keep;
mod register;
mod table;
mod watch;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use koinon_api_admin::wire;
use koinon_io_net::{Client, ClientOptions, Endpoint};

use crate::output::complain;
use api::Api;
use error::ServiceError;
use register::RegisterArgs;

/// The environment variable behind `--endpoint`.
const ENDPOINT_VARIABLE: &str = "KOINON_ENDPOINT";

#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    #[command(flatten)]
    common: CommonArgs,
    #[command(subcommand)]
    command: ServiceCommand,
}

#[derive(Debug, Args)]
struct CommonArgs {
    /// The node's admin listener.
    #[arg(long, global = true, env = ENDPOINT_VARIABLE, default_value = "http://127.0.0.1:7070", value_name = "URL")]
    endpoint: Endpoint,
    /// The namespace to look in.
    #[arg(long, global = true, default_value = "default", value_name = "NAME")]
    namespace: String,
    /// For people or for scripts.
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Aligned columns.
    Table,
    /// The API's JSON, one document a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// List all services.
    Ls,
    /// Show one service's instances.
    Get {
        /// The service.
        name: String,
    },
    /// Register an instance, or register it again.
    Register(RegisterArgs),
    /// Remove an instance.
    Deregister {
        /// The service.
        name: String,
        /// The instance.
        id: String,
    },
    /// Show every change as it happens, of one service or of all.
    Watch {
        /// The service; all of them when absent.
        name: Option<String>,
    },
}

/// Runs the command to its end.
pub(crate) fn run(args: ServiceArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&error);
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(obey(args));
    // A name that is still being looked up must not keep the process.
    runtime.shutdown_timeout(Duration::ZERO);
    match outcome {
        // The reader of our output went away (`| head`): it has what it wanted.
        Err(ServiceError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

async fn obey(ServiceArgs { common, command }: ServiceArgs) -> Result<(), ServiceError> {
    let CommonArgs {
        endpoint,
        namespace,
        output,
    } = common;
    let api = Api::new(Client::new(endpoint, ClientOptions::default()), namespace);
    match command {
        ServiceCommand::Ls => {
            let text = api.list().await?;
            show(output, &text, |list: wire::ServiceList| table::services(&list))
        }
        ServiceCommand::Get { name } => {
            let text = api.get(&name).await?;
            show(output, &text, |service: wire::Service<'_>| {
                table::instances(&service.instances, table::now_ms())
            })
        }
        ServiceCommand::Register(args) => keep::register(&api, args, output).await,
        ServiceCommand::Deregister { name, id } => {
            api.deregister(&name, &id).await?;
            done(output, &format!("{id} of {name} is gone"))
        }
        ServiceCommand::Watch { name } => watch::follow(&api, name.as_deref(), output).await,
    }
}

/// Writes an answer in the form that was asked for.
fn show<T: serde::de::DeserializeOwned>(
    output: Output,
    text: &[u8],
    table: impl FnOnce(T) -> String,
) -> Result<(), ServiceError> {
    match output {
        Output::Json => write_line(text),
        Output::Table => write_line(table(api::read(text)?).as_bytes()),
    }
}

/// Says that something was done; a script reads that from the exit code.
fn done(output: Output, what: &str) -> Result<(), ServiceError> {
    match output {
        Output::Json => Ok(()),
        Output::Table => write_line(what.as_bytes()),
    }
}

/// Writes a line and hands it on at once: a watcher's lines must not wait for each other.
fn write_line(line: &[u8]) -> Result<(), ServiceError> {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(line)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    written.map_err(ServiceError::Output)
}
