//! `koinon snapshot …`: the whole store into a file, what is in such a file, and a data folder made of one.
//!
//! `save` asks a running node. `status` and `restore` work on files alone: they need no node, and `restore` refuses a folder
//! that one works in.

mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use http::Method;
use koinon_io_backend::snapshot::Save;
use koinon_io_disk::{Disk, OsDisk};
use koinon_io_net::client::Call;
use koinon_node::{Saved, restore_data_dir, snapshot_frames};
use koinon_store::{Inventory, inventory};

use crate::remote::{self, CommandError, Output, Remote, RemoteArgs, write_line};

/// The longest silence of a server that is reading its disk.
const SILENCE_MAX: Duration = Duration::from_secs(45);

#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    command: SnapshotCommand,
}

#[derive(Debug, Subcommand)]
enum SnapshotCommand {
    /// Save a running node's whole store to a file.
    Save {
        /// The file; there must be none of that name.
        file: PathBuf,
    },
    /// Check a saved file from its first byte to its last, and show what is in it.
    Status {
        /// The file.
        file: PathBuf,
    },
    /// Make a data folder of a saved file, for a node to start on.
    Restore(RestoreArgs),
}

#[derive(Debug, Args)]
struct RestoreArgs {
    /// A file that `koinon snapshot save` wrote.
    #[arg(required_unless_present = "from_etcd", conflicts_with = "from_etcd")]
    file: Option<PathBuf>,
    /// A database file of etcd's instead: what `etcdctl snapshot save` wrote, or a copy of member/snap/db.
    #[arg(long, value_name = "FILE")]
    from_etcd: Option<PathBuf>,
    /// The data folder; there must be no store in it.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Take etcd's file without a check of its sum, as a copy of member/snap/db has none.
    #[arg(long, requires = "from_etcd")]
    skip_hash_check: bool,
}

/// Runs the command to its end.
pub(crate) fn run(args: SnapshotArgs) -> ExitCode {
    let output = args.remote.output;
    match args.command {
        SnapshotCommand::Save { file } => {
            let remote = Remote::new(&args.remote);
            remote::run(async move { save(&remote, &file, output).await })
        }
        SnapshotCommand::Status { file } => remote::ended(status(&file, output)),
        SnapshotCommand::Restore(args) => remote::ended(restore(&args, output)),
    }
}

async fn save(remote: &Remote, file: &Path, output: Output) -> Result<(), CommandError> {
    fetch(remote, file).await?;
    // Read anew: what is told is what is on the disk.
    status(file, output)
}

/// Saves a node's store. The file has its name only when all of it has come, was checked and is durable.
pub(crate) async fn fetch(remote: &Remote, file: &Path) -> Result<(), CommandError> {
    let disk: Arc<dyn Disk> = Arc::new(OsDisk);
    // Before the node is asked: a file that exists must not cost it anything.
    let mut saving = Save::begin(disk, file)?;
    let mut stream = remote
        .stream(Call::new(Method::GET, "/v1/snapshot"), SILENCE_MAX)
        .await?;
    while let Some(bytes) = stream.chunk(SILENCE_MAX).await? {
        saving.bytes(&bytes)?;
    }
    saving.finish()?;
    Ok(())
}

fn status(file: &Path, output: Output) -> Result<(), CommandError> {
    let held = inspect(file)?;
    write_line(&match output {
        Output::Table => show::table(&held).into_bytes(),
        Output::Json => show::json(&held)?,
    })
}

fn inspect(file: &Path) -> Result<Inventory, CommandError> {
    Ok(inventory(file, snapshot_frames(file)?)?)
}

fn restore(args: &RestoreArgs, output: Output) -> Result<(), CommandError> {
    let saved = match (&args.file, &args.from_etcd) {
        (_, Some(path)) => Saved::Etcd {
            path,
            skip_hash_check: args.skip_hash_check,
        },
        (Some(path), None) => Saved::Snapshot(path),
        // The arguments' rules leave no such case.
        (None, None) => return Ok(()),
    };
    let restored = restore_data_dir(&args.data_dir, saved)?;
    write_line(&match output {
        Output::Table => show::restored_table(&restored).into_bytes(),
        Output::Json => show::restored_json(&restored)?,
    })
}
