//! `koinon kv compact`, `status` and `hash`: the store as a whole.

use clap::Args;
use serde_json::{Map, json};

use super::Output;
use super::answer::{Hash, Status};
use super::door::Door;
use super::error::KvError;
use super::ops::{number, set};
use super::print::show;
use crate::table::layout;

#[derive(Debug, Args)]
pub(super) struct CompactArgs {
    /// The revision to begin with from now on.
    revision: u64,
    /// Wait until it is gone from the disk as well.
    #[arg(long)]
    physical: bool,
}

pub(super) async fn compact(door: &Door, args: &CompactArgs, output: Output) -> Result<(), KvError> {
    let mut request = Map::new();
    number(&mut request, "revision", args.revision);
    set(&mut request, "physical", args.physical);
    let body = door.wait("kv/compaction", &request.into()).await?;
    let revision = args.revision;
    show(output, &body, |_: serde_json::Value, out| {
        out.line(format!("compacted revision {revision}"));
    })
}

pub(super) async fn status(door: &Door, output: Output) -> Result<(), KvError> {
    let body = door.ask("maintenance/status", &json!({})).await?;
    show(output, &body, |status: Status, out| {
        let member = status.header.member_id.0;
        let mut rows = vec![
            ["endpoint".to_owned(), door.endpoint()],
            ["member".into(), format!("{member:x}")],
            ["version".into(), status.version],
            ["revision".into(), status.header.revision.0.to_string()],
            ["bytes".into(), status.db_bytes.0.to_string()],
            ["bytes in use".into(), status.db_bytes_in_use.0.to_string()],
            ["leader".into(), format!("{:x}", status.leader.0)],
            ["is leader".into(), (member == status.leader.0).to_string()],
            ["term".into(), status.term.0.to_string()],
            ["index".into(), status.index.0.to_string()],
            ["applied index".into(), status.applied.0.to_string()],
        ];
        rows.extend(status.errors.into_iter().map(|error| ["error".to_owned(), error]));
        out.line(layout(rows));
    })
}

#[derive(Debug, Args)]
pub(super) struct HashArgs {
    /// Up to this revision; 0 for now.
    #[arg(long, default_value_t = 0)]
    rev: u64,
}

pub(super) async fn hash(door: &Door, args: &HashArgs, output: Output) -> Result<(), KvError> {
    let mut request = Map::new();
    number(&mut request, "revision", args.rev);
    let body = door.wait("maintenance/hashkv", &request.into()).await?;
    show(output, &body, |hash: Hash, out| {
        out.line(format!(
            "{}, {}, {}",
            door.endpoint(),
            hash.hash,
            hash.hash_revision.0
        ));
    })
}
