//! `koinon kv lock`: one holder at a time, until Ctrl-C or while a command runs.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;

use super::Output;
use super::answer::{Locked, encoded};
use super::door::Door;
use super::error::KvError;
use super::print::{read, show};
use super::session::Session;
use super::signals::Stop;

/// How long a command may take to end after Ctrl-C, which the terminal sent it as well.
const COMMAND_END_MAX: Duration = Duration::from_secs(10);
/// What shells add to a signal's number.
const SIGNALLED: i32 = 128;

#[derive(Debug, Args)]
pub(super) struct LockArgs {
    /// The lock.
    name: String,
    /// How long it outlives this process if that is killed, in seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    ttl: u32,
    /// What to run while it is held; `ETCD_LOCK_KEY` and `ETCD_LOCK_REV` say by what.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

pub(super) async fn run(door: &Door, args: &LockArgs, output: Output) -> Result<u8, KvError> {
    // Before the first request, so that no Ctrl-C leaves a lock behind.
    let mut stop = Stop::new()?;
    let session = Session::open(door, args.ttl).await?;
    let ended = tokio::select! {
        ended = hold(door, &session, args, output, &mut stop) => ended,
        lost = session.keep() => Err(lost),
    };
    let closed = session.close().await;
    let code = ended?;
    closed.map(|()| code)
}

async fn hold(
    door: &Door,
    session: &Session<'_>,
    args: &LockArgs,
    output: Output,
    stop: &mut Stop,
) -> Result<u8, KvError> {
    let request = json!({ "name": encoded(&args.name), "lease": session.id.to_string() });
    let body = tokio::select! {
        body = door.wait("lock/lock", &request) => body?,
        () = stop.asked() => return Ok(0),
    };
    let locked: Locked = read(&body)?;
    let Some((program, rest)) = args.command.split_first() else {
        show(output, &body, |locked: Locked, out| out.line(&locked.key.0))?;
        stop.asked().await;
        return Ok(0);
    };
    let mut command = Command::new(program);
    command
        .args(rest)
        .env("ETCD_LOCK_KEY", String::from_utf8_lossy(&locked.key.0).as_ref())
        .env("ETCD_LOCK_REV", locked.header.revision.0.to_string())
        // Without the lock it must not go on.
        .kill_on_drop(true);
    let told = |source| KvError::Command {
        command: program.to_string_lossy().into_owned(),
        source,
    };
    let mut child = command.spawn().map_err(told)?;
    let status = tokio::select! {
        status = child.wait() => Some(status),
        () = stop.asked() => None,
    };
    let status = match status {
        Some(status) => status,
        None => match timeout(COMMAND_END_MAX, child.wait()).await {
            Ok(status) => status,
            Err(_elapsed) => {
                child.start_kill().map_err(told)?;
                child.wait().await
            }
        },
    };
    status.map(code_of).map_err(told)
}

/// A command's exit code, as a shell would say it.
fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| SIGNALLED + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
