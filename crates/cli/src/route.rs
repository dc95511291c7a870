//! `koinon route …`: which requests go where, asked of a running node or of a file.

mod check;
mod table;
mod trial;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use koinon_api_admin::wire::RouteList;
use koinon_io_net::client::Call;

use crate::remote::{self, CommandError, Remote, RemoteArgs, show};
use trial::TryArgs;

#[derive(Debug, Args)]
pub(crate) struct RouteArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    command: RouteCommand,
}

#[derive(Debug, Subcommand)]
enum RouteCommand {
    /// List the routes of a running gateway, in the order in which they are matched.
    Ls,
    /// Check a file of routes without a gateway: exit code 64 when a gateway would not take it.
    Check {
        /// An application.yml of Spring Cloud Gateway, or only its routes.
        file: PathBuf,
    },
    /// Say which route would take a request and why, without sending it: exit code 1 when none would.
    Try(TryArgs),
}

/// Runs the command to its end.
pub(crate) fn run(args: RouteArgs) -> ExitCode {
    remote::run(obey(args))
}

async fn obey(args: RouteArgs) -> Result<(), CommandError> {
    let output = args.remote.output;
    match args.command {
        RouteCommand::Ls => {
            let text = Remote::new(&args.remote)
                .ask(Call::new(Method::GET, "/v1/routes"))
                .await?;
            show(output, &text, |list: RouteList| table::routes(&list.routes))
        }
        RouteCommand::Check { file } => check::check(&file, output),
        RouteCommand::Try(asked) => trial::run(asked, &args.remote).await,
    }
}
