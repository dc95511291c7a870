//! `koinon keys backup`: a copy of a running node's data folder, for another node to start on.
//!
//! The classic tool copied the files of a server that went on writing to them. Here the node whose folder it is gives a
//! snapshot of one moment, and the copy is made of that: v2 keys, v3 keys and everything else that the store holds.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use koinon_node::{Saved, restore_data_dir};

use super::ask::KeysError;
use crate::remote::Remote;
use crate::snapshot::fetch;

/// Where a node says at which addresses it listens.
const LISTENERS: &str = "listeners.json";

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The data folder of the running node.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The folder to make; there must be no store in it.
    #[arg(long, value_name = "DIR")]
    backup_dir: PathBuf,
    /// The v3 keys, too: they always are.
    #[arg(long)]
    with_v3: bool,
}

/// Makes the copy, whole or not at all.
pub(super) async fn backup(args: &BackupArgs) -> Result<(), KeysError> {
    let admin = admin_of(&args.data_dir)?;
    let endpoint = format!("http://{admin}")
        .parse()
        .map_err(|error| said(&args.data_dir, &error))?;
    let file = beside(&args.backup_dir);
    let fetched = fetch(&Remote::of(endpoint), &file).await;
    fetched.map_err(|error| said(&args.data_dir, &error))?;
    let restored = restore_data_dir(&args.backup_dir, Saved::Snapshot(&file));
    let removed = std::fs::remove_file(&file);
    restored.map_err(|error| said(&args.backup_dir, &error))?;
    removed.map_err(|error| said(&file, &error))
}

/// Where the node that works in a folder listens for operators.
fn admin_of(data_dir: &Path) -> Result<SocketAddr, KeysError> {
    let path = data_dir.join(LISTENERS);
    let text = std::fs::read(&path).map_err(|error| {
        let why = format!(
            "{error}; no node works there, and the folder of one that is stopped can be copied as it is"
        );
        KeysError::Said(format!("cannot back up {}: {why}", data_dir.display()))
    })?;
    let listeners: BTreeMap<String, SocketAddr> =
        serde_json::from_slice(&text).map_err(|error| said(&path, &error))?;
    let admin = listeners.get("admin").copied();
    admin.ok_or_else(|| {
        KeysError::Said(format!(
            "cannot back up {}: its node has no admin listener",
            data_dir.display()
        ))
    })
}

/// A name for the snapshot between the node and the copy.
fn beside(backup_dir: &Path) -> PathBuf {
    let mut name = OsString::from(backup_dir.components().as_path());
    name.push(".snapshot");
    name.into()
}

fn said(what: &Path, error: &dyn Error) -> KeysError {
    let mut text = format!("cannot back up: {}: {error}", what.display());
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    KeysError::Said(text)
}
