//! `koinon kv watch`: every change as it happens, until Ctrl-C.
//!
//! A connection that is lost is made again from the revision behind the last one shown, so nothing is missed or told
//! twice; a server that stays away for longer than [`AWAY_MAX`] ends the command.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::Output;
use super::answer::{Event, Watched};
use super::door::{Door, Lines};
use super::error::KvError;
use super::ops::{Keys, number, set};
use super::print::{Printer, read};
use super::signals::Stop;

/// The longest that a server which was there may be away: a restart with time to spare.
const AWAY_MAX: Duration = Duration::from_secs(60);
/// Between two attempts to come back: this long at first, then twice as long each time up to the maximum.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    #[command(flatten)]
    keys: Keys,
    /// From this revision on; 0 for now.
    #[arg(long, default_value_t = 0)]
    rev: u64,
    /// Show what was there before as well.
    #[arg(long)]
    prev_kv: bool,
    /// What to run for each change, after `--`; `ETCD_WATCH_EVENT_TYPE`, `_KEY`, `_VALUE` and `_REVISION` say which.
    #[arg(last = true)]
    command: Vec<OsString>,
}

impl WatchArgs {
    fn request(&self, start: u64) -> Value {
        let mut create = Map::new();
        self.keys.insert(&mut create, false);
        number(&mut create, "start_revision", start);
        set(&mut create, "prev_kv", self.prev_kv);
        Map::from_iter([("create_request".to_owned(), create.into())]).into()
    }
}

pub(super) async fn run(door: &Door, args: &WatchArgs, output: Output) -> Result<(), KvError> {
    let mut stop = Stop::new()?;
    tokio::select! {
        ended = follow(door, args, output) => ended,
        () = stop.asked() => Ok(()),
    }
}

async fn follow(door: &Door, args: &WatchArgs, output: Output) -> Result<(), KvError> {
    let mut watcher = Watcher {
        args,
        output,
        next: args.rev,
    };
    // The first connection must succeed: a wrong endpoint should say so at once.
    let mut lines = door.lines("watch", &args.request(watcher.next)).await?;
    loop {
        match watcher.show(&mut lines).await {
            Err(error) if !error.is_passing() => return Err(error),
            Ok(()) | Err(_) => lines = come_back(door, args, watcher.next).await?,
        }
    }
}

async fn come_back(door: &Door, args: &WatchArgs, start: u64) -> Result<Lines, KvError> {
    let since = Instant::now();
    let mut pause = BACKOFF_MIN;
    loop {
        sleep(pause).await;
        match door.lines("watch", &args.request(start)).await {
            Err(error) if error.is_passing() => {
                let away = since.elapsed();
                if away > AWAY_MAX {
                    return Err(KvError::Gone {
                        away_s: away.as_secs(),
                        source: Box::new(error),
                    });
                }
                pause = (pause * 2).min(BACKOFF_MAX);
            }
            done => return done,
        }
    }
}

struct Watcher<'a> {
    args: &'a WatchArgs,
    output: Output,
    /// The first revision that has not been shown; 0 before anything is known.
    next: u64,
}

impl Watcher<'_> {
    /// Shows what comes until the connection ends.
    async fn show(&mut self, lines: &mut Lines) -> Result<(), KvError> {
        while let Some(body) = lines.next().await? {
            let watched: Watched = read(&body)?;
            if watched.canceled {
                return Err(KvError::Cancelled(reason(watched)));
            }
            if self.args.command.is_empty() {
                let mut out = Printer::default();
                match self.output {
                    Output::Json => out.line(&body),
                    Output::Simple => watched.events.iter().for_each(|event| out.event(event)),
                }
                out.write()?;
            } else {
                self.obey(&watched.events).await?;
            }
            let last = watched.events.last().map(|event| event.kv.mod_revision.0);
            // A watch of the future starts where it was created.
            let seen = last.or((watched.created && self.next == 0).then_some(watched.header.revision.0));
            if let Some(seen) = seen.and_then(|seen| u64::try_from(seen).ok()) {
                self.next = seen + 1;
            }
        }
        Ok(())
    }

    async fn obey(&self, events: &[Event]) -> Result<(), KvError> {
        let Some((program, rest)) = self.args.command.split_first() else {
            return Ok(());
        };
        for event in events {
            let mut command = Command::new(program);
            command
                .args(rest)
                .env("ETCD_WATCH_REVISION", event.kv.mod_revision.0.to_string())
                .env("ETCD_WATCH_EVENT_TYPE", quoted(event.kind.word().as_bytes()))
                .env("ETCD_WATCH_KEY", quoted(&event.kv.key.0))
                .env("ETCD_WATCH_VALUE", quoted(&event.kv.value.0))
                .kill_on_drop(true);
            // How it ends is its own affair.
            command.status().await.map_err(|source| KvError::Command {
                command: program.to_string_lossy().into_owned(),
                source,
            })?;
        }
        Ok(())
    }
}

fn reason(watched: Watched) -> String {
    match (watched.compact_revision.0, watched.cancel_reason) {
        (revision, _) if revision > 0 => {
            format!("what it asks for has been compacted; revision {revision} is the first that is left")
        }
        (_, reason) if reason.is_empty() => "the server gave no reason".to_owned(),
        (_, reason) => reason,
    }
}

/// In quotes, as etcd's tool has it: an environment cannot hold every byte.
fn quoted(bytes: &[u8]) -> String {
    let inside: String = bytes
        .utf8_chunks()
        .flat_map(|chunk| {
            let text = chunk.valid().chars().map(|c| match c {
                '"' | '\\' => format!("\\{c}"),
                '\n' => "\\n".to_owned(),
                '\t' => "\\t".to_owned(),
                '\r' => "\\r".to_owned(),
                c if c.is_ascii_control() => format!("\\x{:02x}", u32::from(c)),
                c => c.to_string(),
            });
            let raw = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
            text.chain(raw).collect::<Vec<_>>()
        })
        .collect();
    format!("\"{inside}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value of any bytes reaches a command's environment, unambiguously.
    #[test]
    fn values_are_quoted() {
        assert_eq!(quoted(b"a \"b\"\n\xff\0\\"), r#""a \"b\"\n\xff\x00\\""#);
    }
}
