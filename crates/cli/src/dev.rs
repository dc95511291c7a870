//! `koinon dev`: the whole platform in one process on a developer's machine.

mod banner;
mod demo;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use koinon_base::ErrorKind;
use koinon_core_route::Extensions;
use koinon_io_telemetry::init_logs;
use koinon_node::settings::Sources;
use koinon_node::{Node, Role, Settings, SettingsError, StartError};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::EXIT_USAGE;
use crate::output::{complain, say};
use demo::Demo;

/// The exit code after a second Ctrl-C: 128 + SIGINT, as shells have it.
const EXIT_INTERRUPTED: u8 = 130;

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// The folder for everything that outlives the process.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// A settings file; without it ./koinon.toml is read if it exists.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A setting, such as registry.self_preservation=off. May be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The gateway's routes: an application.yml of Spring Cloud Gateway. It is watched while the process runs.
    #[arg(long, value_name = "FILE")]
    routes: Option<String>,
    /// Added to every listener's port, to run several on one machine.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port_offset: u16,
    /// Start two instances of a sample service that register themselves, and a route to them.
    #[arg(long)]
    demo: bool,
}

pub(crate) fn run(args: DevArgs) -> ExitCode {
    let started = Instant::now();
    if let Err(error) = init_logs() {
        complain(&error);
        return ExitCode::from(EXIT_USAGE);
    }
    let settings = match settings(&args) {
        Ok(settings) => settings,
        Err(error) => {
            complain(&error);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&error);
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(serve(&settings, args.demo, started));
    // What still blocks a thread now (a large answer being written) must not keep the process.
    runtime.shutdown_background();
    code
}

fn settings(args: &DevArgs) -> Result<Settings, SettingsError> {
    let mut sources = Sources::of_process(args.config.clone(), args.set.clone());
    if let Some(dir) = &args.data_dir {
        sources.set.push(format!("data_dir={dir}"));
    }
    if let Some(file) = &args.routes {
        sources.set.push(format!("gateway.routes_file={file}"));
    }
    let mut settings = Settings::load(Role::Dev, &sources)?;
    settings.shift_ports(args.port_offset)?;
    Ok(settings)
}

async fn serve(settings: &Settings, with_demo: bool, started: Instant) -> ExitCode {
    let (interrupt, terminate) = match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(interrupt), Ok(terminate)) => (interrupt, terminate),
        (Err(error), _) | (_, Err(error)) => {
            complain(&error);
            return ExitCode::FAILURE;
        }
    };
    let mut signals = Signals { interrupt, terminate };
    let extensions = if with_demo {
        demo::routes()
    } else {
        Extensions::default()
    };
    let node = match Node::start(settings, extensions).await {
        Ok(node) => node,
        Err(error) => return refused(&error),
    };
    say(banner::text(
        settings,
        with_demo,
        node.addresses(),
        started.elapsed(),
    ));
    let mut demo = None;
    if with_demo {
        match Demo::start(&node) {
            Ok(running) => demo = Some(running),
            Err(error) => complain(&error),
        }
    }
    let failed = tokio::select! {
        () = signals.next() => None,
        failed = node.failure() => Some(failed),
    };
    if let Some(failed) = failed {
        complain(&failed);
        return ExitCode::FAILURE;
    }
    say("Stopping; Ctrl-C again ends at once.");
    let stop = async {
        if let Some(demo) = demo {
            demo.stop().await;
        }
        node.stop().await;
    };
    tokio::select! {
        () = stop => ExitCode::SUCCESS,
        // Dropping the rest here ends it, children included.
        () = signals.next() => ExitCode::from(EXIT_INTERRUPTED),
    }
}

fn refused(error: &StartError) -> ExitCode {
    complain(error);
    if error.kind() == ErrorKind::Invalid {
        ExitCode::from(EXIT_USAGE)
    } else {
        ExitCode::FAILURE
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
