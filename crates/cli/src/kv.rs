//! `koinon kv …`: keys, leases, locks and elections from the command line, through the etcd listener of a running node.
//!
//! The verbs, their flags and what they print are those of etcd's own tool, so a script that knows one knows the other.
//! They speak the listener's JSON form, which every etcd has too: the command works against one as well. Scripts get the
//! listener's documents with `--output json`, one a line. Exit codes: 0 done, 64 the request is wrong, 69 the server
//! cannot be reached or refuses for now, 1 anything else; `lock NAME COMMAND` ends as its command does.

mod answer;
mod door;
mod elect;
mod error;
mod input;
mod lease;
mod lock;
mod maintenance;
mod ops;
mod print;
mod session;
mod signals;
mod txn;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use koinon_io_net::Endpoint;

use crate::output::complain;
use answer::{Deleted, Put, Range};
use door::Door;
use error::KvError;
use ops::{DelArgs, GetArgs, PutArgs};
use print::show;

/// The environment variable behind `--endpoint`.
const ENDPOINT_VARIABLE: &str = "KOINON_ETCD_ENDPOINT";

#[derive(Debug, Args)]
pub(crate) struct KvArgs {
    /// The node's etcd listener.
    #[arg(long, global = true, env = ENDPOINT_VARIABLE, default_value = "http://127.0.0.1:2379", value_name = "URL")]
    endpoint: Endpoint,
    /// For people or for scripts.
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Simple)]
    output: Output,
    #[command(subcommand)]
    command: KvCommand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Keys and values as they are, a line each.
    Simple,
    /// The listener's JSON, one document a line; keys and values are in base 64.
    Json,
}

#[derive(Debug, Subcommand)]
enum KvCommand {
    /// Set a key.
    Put(PutArgs),
    /// Show a key, or a range of keys.
    Get(GetArgs),
    /// Delete a key, or a range of keys.
    Del(DelArgs),
    /// Compare, then do one or the other, as one: comparisons, requests if all hold and requests if not are read from
    /// standard input, each part ended by an empty line.
    Txn,
    /// Show every change of a key or a range of keys as it happens, or run a command for each.
    Watch(watch::WatchArgs),
    /// Forget what was before a revision.
    #[command(visible_alias = "compaction")]
    Compact(maintenance::CompactArgs),
    /// Grant, revoke, show and keep leases.
    #[command(subcommand)]
    Lease(lease::LeaseCommand),
    /// Hold a lock until Ctrl-C, or while a command runs.
    Lock(lock::LockArgs),
    /// Be elected, or follow who is.
    Elect(elect::ElectArgs),
    /// Show what the store says of itself.
    Status,
    /// Show a hash over all keys and their history.
    #[command(visible_alias = "hashkv")]
    Hash(maintenance::HashArgs),
}

/// Runs the command to its end.
pub(crate) fn run(args: KvArgs) -> ExitCode {
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
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

async fn obey(args: KvArgs) -> Result<u8, KvError> {
    let door = Door::new(args.endpoint);
    let output = args.output;
    match args.command {
        KvCommand::Put(args) => {
            let body = door.ask("kv/put", &args.request(input::value)?).await?;
            show(output, &body, |put: Put, out| out.put(&put))?;
        }
        KvCommand::Get(args) => {
            let body = door.ask("kv/range", &args.request()?).await?;
            show(output, &body, |range: Range, out| args.print(&range, out))?;
        }
        KvCommand::Del(args) => {
            let body = door.ask("kv/deleterange", &args.request()?).await?;
            show(output, &body, |deleted: Deleted, out| out.deleted(&deleted))?;
        }
        KvCommand::Txn => txn::run(&door, output).await?,
        KvCommand::Watch(args) => watch::run(&door, &args, output).await?,
        KvCommand::Compact(args) => maintenance::compact(&door, &args, output).await?,
        KvCommand::Lease(command) => lease::run(&door, command, output).await?,
        KvCommand::Lock(args) => return lock::run(&door, &args, output).await,
        KvCommand::Elect(args) => elect::run(&door, &args, output).await?,
        KvCommand::Status => maintenance::status(&door, output).await?,
        KvCommand::Hash(args) => maintenance::hash(&door, &args, output).await?,
    }
    Ok(0)
}
