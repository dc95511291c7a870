//! Who belongs to the cluster, and how it does.

use clap::Subcommand;
use koinon_io_net::{Client, ClientOptions, Endpoint};
use serde::Deserialize;

use super::ask::{Keys, KeysError};
use super::print::write;

#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum MemberVerb {
    /// Show the members.
    List,
}

/// A member.
#[derive(Debug, Deserialize)]
struct Member {
    id: String,
    name: String,
    #[serde(rename = "peerURLs")]
    peer_urls: Vec<String>,
    #[serde(rename = "clientURLs")]
    client_urls: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Members {
    members: Vec<Member>,
}

#[derive(Debug, Deserialize)]
struct Health {
    health: String,
}

/// A line for each member.
pub(super) async fn list(keys: &Keys) -> Result<(), KeysError> {
    let members: Members = keys.look("/v2/members").await?;
    let leader: Member = keys.look("/v2/members/leader").await?;
    let line = |member: &Member| {
        format!(
            "{}: name={} peerURLs={} clientURLs={} isLeader={}\n",
            member.id,
            member.name,
            member.peer_urls.join(","),
            member.client_urls.join(","),
            member.id == leader.id,
        )
    };
    let lines: String = members.members.iter().map(line).collect();
    write(&lines)
}

/// Asks every member how it does.
pub(super) async fn health(keys: &Keys) -> Result<(), KeysError> {
    let members: Members = keys.look("/v2/members").await?;
    let mut healthy = 0;
    for member in &members.members {
        let good = of(member).await?;
        healthy += usize::from(good);
    }
    if healthy == members.members.len() {
        return write("cluster is healthy\n");
    }
    let how = if healthy > members.members.len() / 2 {
        "degraded"
    } else {
        "unavailable"
    };
    write(&format!("cluster is {how}\n"))?;
    Err(KeysError::Unhealthy)
}

/// The first of a member's addresses that answers says how it does.
async fn of(member: &Member) -> Result<bool, KeysError> {
    for url in &member.client_urls {
        let Ok(endpoint) = url.parse::<Endpoint>() else {
            write(&format!(
                "failed to check the health of member {} on {url}\n",
                member.id
            ))?;
            continue;
        };
        let asked = Keys::with(Client::new(endpoint, ClientOptions::default()));
        match asked.look::<Health>("/health").await {
            Ok(health) if health.health == "true" => {
                let line = format!("member {} is healthy: got healthy result from {url}\n", member.id);
                write(&line)?;
                return Ok(true);
            }
            Ok(_) => {
                let line = format!(
                    "member {} is unhealthy: got unhealthy result from {url}\n",
                    member.id
                );
                write(&line)?;
                return Ok(false);
            }
            Err(error) => {
                let line = format!(
                    "failed to check the health of member {} on {url}: {error}\n",
                    member.id
                );
                write(&line)?;
            }
        }
    }
    let line = format!(
        "member {} is unreachable: no available published client urls\n",
        member.id
    );
    write(&line)?;
    Ok(false)
}
