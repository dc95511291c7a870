//! Waiting for changes, and running a program for each.

use std::io::Write;

use clap::Args;
use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ask::{self, Keys, KeysError};
use super::node::Answer;
use super::{Format, print};

#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// The key.
    args: Vec<String>,
    /// Until it is interrupted, not only for the first change.
    #[arg(long, short)]
    forever: bool,
    /// What happened after this index; 0: what happens from now on.
    #[arg(long, default_value_t = 0)]
    after_index: u64,
    /// Also what is in the directory.
    #[arg(long, short)]
    recursive: bool,
}

#[derive(Debug, Args)]
pub(super) struct ExecWatchArgs {
    /// What happened after this index; 0: what happens from now on.
    #[arg(long, default_value_t = 0)]
    after_index: u64,
    /// Also what is in the directory.
    #[arg(long, short)]
    recursive: bool,
    /// A program with its arguments, then the key; or the key, `--` and a program with its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// One event after the other.
struct Events<'a> {
    keys: &'a Keys,
    key: &'a str,
    recursive: bool,
    /// The first index of interest; 0: from now on.
    from: u64,
    interrupt: Signal,
}

impl<'a> Events<'a> {
    fn new(keys: &'a Keys, key: &'a str, recursive: bool, after: u64) -> Result<Self, KeysError> {
        let interrupt =
            signal(SignalKind::interrupt()).map_err(|error| KeysError::Said(error.to_string()))?;
        Ok(Self {
            keys,
            key,
            recursive,
            from: if after > 0 { after.saturating_add(1) } else { 0 },
            interrupt,
        })
    }

    /// The next event; `None` when interrupted.
    async fn next(&mut self) -> Result<Option<Answer>, KeysError> {
        let answer = tokio::select! {
            answer = self.keys.wait(self.key, self.recursive, self.from) => answer?,
            _ = self.interrupt.recv() => return Ok(None),
        };
        self.from = answer.node().modified.saturating_add(1);
        Ok(Some(answer))
    }
}

/// `watch`: shows the first change, or all of them. What happens to directories is passed over.
pub(super) async fn watch(keys: &Keys, args: &WatchArgs, output: Format) -> Result<(), KeysError> {
    let key = ask::key(&args.args)?;
    let mut events = Events::new(keys, key, args.recursive, args.after_index)?;
    while let Some(answer) = events.next().await? {
        if answer.node().dir {
            continue;
        }
        if args.recursive {
            print::write(&format!("[{}] {}\n", answer.action, answer.node().key))?;
        }
        print::key(&answer, output)?;
        if !args.forever {
            break;
        }
    }
    Ok(())
}

/// `exec-watch`: runs a program for every change, one after the other.
pub(super) async fn exec(keys: &Keys, args: &ExecWatchArgs) -> Result<(), KeysError> {
    let (key, program) =
        key_and_program(&args.args).ok_or(KeysError::Usage("key and command to exec required"))?;
    let mut events = Events::new(keys, key, args.recursive, args.after_index)?;
    while let Some(answer) = events.next().await? {
        let node = answer.node();
        if node.dir {
            // Nothing is left to be done about a closed terminal.
            let _ = writeln!(std::io::stderr().lock(), "Ignored dir {} change", node.key);
            continue;
        }
        let Some((name, arguments)) = program.split_first() else {
            return Ok(());
        };
        let ran = Command::new(name)
            .args(arguments)
            .env("ETCD_WATCH_ACTION", &answer.action)
            .env("ETCD_WATCH_MODIFIED_INDEX", node.modified.to_string())
            .env("ETCD_WATCH_KEY", &node.key)
            .env("ETCD_WATCH_VALUE", &node.value)
            .status()
            .await;
        // How it ended is its own business; that it cannot be run is ours.
        ran.map_err(|error| KeysError::Said(format!("exec: {name:?}: {error}")))?;
    }
    Ok(())
}

/// With a separator the key comes first, without it last: both as in the classic tool.
fn key_and_program(args: &[String]) -> Option<(&str, &[String])> {
    if let [key, separator, program @ ..] = args
        && separator == "--"
        && !program.is_empty()
    {
        return Some((key, program));
    }
    match args.split_last() {
        Some((key, program)) if !program.is_empty() => Some((key, program)),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both orders of the classic tool are understood, and too few arguments are none.
    #[test]
    fn the_key_is_first_or_last() {
        let split = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
            key_and_program(&args).map(|(key, program)| format!("{key} {}", program.join(" ")))
        };
        assert_eq!(split(&["/k", "--", "sh", "x"]).as_deref(), Some("/k sh x"));
        assert_eq!(split(&["sh", "x", "/k"]).as_deref(), Some("/k sh x"));
        assert_eq!(split(&["/k"]), None);
        assert_eq!(split(&[]), None);
    }
}
