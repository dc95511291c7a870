//! `koinon kv lease …`: what keys can be tied to, so that they go when their owner does.

use std::time::Duration;

use clap::Subcommand;
use serde_json::json;
use tokio::time::sleep;

use super::Output;
use super::answer::{Lease, Leases};
use super::door::Door;
use super::error::KvError;
use super::print::{Printer, read, show};
use super::session::{beat, pause};
use super::signals::Stop;

#[derive(Debug, Subcommand)]
pub(super) enum LeaseCommand {
    /// Make a lease.
    Grant {
        /// How long it lives without a heartbeat, in seconds.
        #[arg(value_parser = clap::value_parser!(i64).range(1..), value_name = "SECONDS")]
        ttl: i64,
    },
    /// End a lease, and with it its keys.
    Revoke {
        /// The lease.
        #[arg(value_parser = lease_id, value_name = "HEX")]
        id: i64,
    },
    /// Show how long a lease has left.
    Timetolive {
        /// The lease.
        #[arg(value_parser = lease_id, value_name = "HEX")]
        id: i64,
        /// And its keys.
        #[arg(long)]
        keys: bool,
    },
    /// Show all leases.
    List,
    /// Send heartbeats until Ctrl-C.
    KeepAlive {
        /// The lease.
        #[arg(value_parser = lease_id, value_name = "HEX")]
        id: i64,
        /// Send one.
        #[arg(long)]
        once: bool,
    },
}

/// A lease's id as it is printed: hexadecimal.
pub(super) fn lease_id(text: &str) -> Result<i64, String> {
    i64::from_str_radix(text, 16).map_err(|_| "expected a lease's id, which is hexadecimal".into())
}

pub(super) async fn run(door: &Door, command: LeaseCommand, output: Output) -> Result<(), KvError> {
    match command {
        LeaseCommand::Grant { ttl } => {
            let body = door
                .ask("lease/grant", &json!({ "TTL": ttl.to_string() }))
                .await?;
            show(output, &body, |lease: Lease, out| {
                out.line(format!(
                    "lease {:016x} granted with TTL({}s)",
                    lease.id.0, lease.ttl.0
                ));
            })
        }
        LeaseCommand::Revoke { id } => {
            let body = door.ask("lease/revoke", &json!({ "ID": id.to_string() })).await?;
            show(output, &body, |_: Lease, out| {
                out.line(format!("lease {id:016x} revoked"))
            })
        }
        LeaseCommand::Timetolive { id, keys } => {
            let request = json!({ "ID": id.to_string(), "keys": keys });
            let body = door.ask("lease/timetolive", &request).await?;
            show(output, &body, |lease, out| left(&lease, keys, out))
        }
        LeaseCommand::List => {
            let body = door.ask("lease/leases", &json!({})).await?;
            show(output, &body, |all: Leases, out| {
                out.line(format!("found {} leases", all.leases.len()));
                all.leases
                    .iter()
                    .for_each(|lease| out.line(format!("{:016x}", lease.id.0)));
            })
        }
        LeaseCommand::KeepAlive { id, once } => keep_alive(door, id, once, output).await,
    }
}

fn left(lease: &Lease, with_keys: bool, out: &mut Printer) {
    let Lease {
        id,
        ttl,
        granted,
        keys,
    } = lease;
    if granted.0 == 0 && ttl.0 < 0 {
        return out.line(format!("lease {:016x} already expired", id.0));
    }
    let mut line = format!(
        "lease {:016x} granted with TTL({}s), remaining({}s)",
        id.0, granted.0, ttl.0
    );
    if with_keys {
        let keys: Vec<_> = keys.iter().map(|key| String::from_utf8_lossy(&key.0)).collect();
        line.push_str(&format!(", attached keys([{}])", keys.join(" ")));
    }
    out.line(line);
}

async fn keep_alive(door: &Door, id: i64, once: bool, output: Output) -> Result<(), KvError> {
    let mut stop = Stop::new()?;
    loop {
        let body = tokio::select! {
            body = beat(door, id) => body?,
            () = stop.asked() => return Ok(()),
        };
        let lease: Lease = read(&body)?;
        show(output, &body, |_: Lease, out| {
            out.line(format!("lease {id:016x} keepalived with TTL({})", lease.ttl.0));
        })?;
        if once {
            return Ok(());
        }
        tokio::select! {
            () = sleep(pause(lease.ttl.0)) => {}
            () = stop.asked() => return Ok(()),
        }
    }
}

/// The longest pause that a heartbeat's interval becomes.
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(3600);
