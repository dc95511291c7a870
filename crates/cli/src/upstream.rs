//! `koinon upstream …`: where a running gateway's requests may go, and which endpoints get some.

mod table;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use koinon_api_admin::wire::UpstreamList;
use koinon_io_net::client::Call;

use crate::remote::{self, CommandError, Remote, RemoteArgs, show};

#[derive(Debug, Args)]
pub(crate) struct UpstreamArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    command: UpstreamCommand,
}

#[derive(Debug, Subcommand)]
enum UpstreamCommand {
    /// List the endpoints of a running gateway by upstream, with their state.
    Ls,
}

/// Runs the command to its end.
pub(crate) fn run(args: UpstreamArgs) -> ExitCode {
    remote::run(obey(args))
}

async fn obey(args: UpstreamArgs) -> Result<(), CommandError> {
    match args.command {
        UpstreamCommand::Ls => {
            let text = Remote::new(&args.remote)
                .ask(Call::new(Method::GET, "/v1/upstreams"))
                .await?;
            show(args.remote.output, &text, |list: UpstreamList| {
                table::upstreams(&list.upstreams)
            })
        }
    }
}
