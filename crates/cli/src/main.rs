//! The binary `koinon`: which command does what is in the table below, how is in the file of its name.

mod demo_service;
mod dev;
mod keys;
mod kv;
mod output;
mod remote;
mod route;
mod service;
mod snapshot;
mod table;
mod upstream;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A microservice platform in one process.
#[derive(Debug, Parser)]
#[command(version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything in one process, for one machine: data in ./.koinon, loopback only.
    Dev(dev::DevArgs),
    /// Show, register and follow services, through a running node.
    Service(service::ServiceArgs),
    /// Show the gateway's routes, check a file of them, and say where a request would go.
    Route(route::RouteArgs),
    /// Show where the gateway's requests may go, and which endpoints get some.
    Upstream(upstream::UpstreamArgs),
    /// Read and write keys, leases, locks and elections through the etcd listener.
    Kv(kv::KvArgs),
    /// Read, change and watch the v2 keys of a node's etcd listener.
    Keys(keys::KeysArgs),
    /// Save a node's whole store to a file, look into such a file, and make a data folder of one, or of etcd's.
    Snapshot(snapshot::SnapshotArgs),
    /// The sample service that `dev --demo` starts.
    #[command(hide = true)]
    DemoService(demo_service::DemoServiceArgs),
}

/// The exit code of wrong arguments and settings (`EX_USAGE` of sysexits.h).
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            let code = if told.use_stderr() { EXIT_USAGE } else { 0 };
            // Nothing is left to be done about a closed terminal.
            let _ = told.print();
            return ExitCode::from(code);
        }
    };
    match cli.command {
        Command::Dev(args) => dev::run(args),
        Command::Service(args) => service::run(args),
        Command::Route(args) => route::run(args),
        Command::Upstream(args) => upstream::run(args),
        Command::Kv(args) => kv::run(args),
        Command::Keys(args) => keys::run(args),
        Command::Snapshot(args) => snapshot::run(args),
        Command::DemoService(args) => demo_service::run(args),
    }
}
