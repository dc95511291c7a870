//! `koinon kv elect`: be the leader until Ctrl-C, or follow who is.

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Output;
use super::answer::{Kv, encoded};
use super::door::Door;
use super::error::KvError;
use super::print::{read, show};
use super::session::Session;
use super::signals::Stop;

#[derive(Debug, Args)]
pub(super) struct ElectArgs {
    /// The election.
    name: String,
    /// What the leader says of itself.
    #[arg(required_unless_present = "listen", conflicts_with = "listen")]
    value: Option<String>,
    /// Only show who leads, and every change of it.
    #[arg(long, short)]
    listen: bool,
    /// How long a leadership outlives this process if that is killed, in seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    ttl: u32,
}

pub(super) async fn run(door: &Door, args: &ElectArgs, output: Output) -> Result<(), KvError> {
    // Before the first request, so that no Ctrl-C leaves a leader behind.
    let mut stop = Stop::new()?;
    let Some(value) = &args.value else {
        return tokio::select! {
            failed = observe(door, &args.name, output) => failed,
            () = stop.asked() => Ok(()),
        };
    };
    let session = Session::open(door, args.ttl).await?;
    let ended = tokio::select! {
        ended = lead(door, &session, &args.name, value, output) => ended,
        lost = session.keep() => Err(lost),
        () = stop.asked() => Ok(()),
    };
    // A leader's key goes with its lease.
    let closed = session.close().await;
    ended.and(closed)
}

#[derive(Deserialize)]
struct Elected {
    leader: Value,
}

/// Leads for ever, once it is our turn.
async fn lead(
    door: &Door,
    session: &Session<'_>,
    name: &str,
    value: &str,
    output: Output,
) -> Result<(), KvError> {
    let request = json!({
        "name": encoded(name), "value": encoded(value), "lease": session.id.to_string(),
    });
    let body = door.wait("election/campaign", &request).await?;
    let elected: Elected = read(&body)?;
    // What others see of it; nobody else can have this key.
    let key = json!({ "key": elected.leader["key"] });
    let seen = door.ask("kv/range", &key).await?;
    show(output, &seen, |range, out| out.range(&range))?;
    std::future::pending().await
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Leader {
    kv: Kv,
}

async fn observe(door: &Door, name: &str, output: Output) -> Result<(), KvError> {
    let mut lines = door
        .lines("election/observe", &json!({ "name": encoded(name) }))
        .await?;
    while let Some(body) = lines.next().await? {
        show(output, &body, |leader: Leader, out| out.kv(&leader.kv))?;
    }
    Err(KvError::CutShort)
}
