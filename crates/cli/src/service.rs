//! `koinon service …`: the registry from the command line, through the native API of a running node.

mod api;
mod keep;
mod register;
mod table;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use koinon_api_admin::wire;

use crate::remote::{self, CommandError, Remote, RemoteArgs, done, show};
use api::Api;
use register::RegisterArgs;

#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// The namespace to look in.
    #[arg(long, global = true, default_value = "default", value_name = "NAME")]
    namespace: String,
    #[command(subcommand)]
    command: ServiceCommand,
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
    remote::run(obey(args))
}

async fn obey(args: ServiceArgs) -> Result<(), CommandError> {
    let output = args.remote.output;
    let api = Api::new(Remote::new(&args.remote), args.namespace);
    match args.command {
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
