//! A lease that lives as long as this process: what locks and leaderships are tied to, so that they end with us.
//!
//! Invariant: whoever holds something by a session hears of its end from [`Session::keep`] before acting on.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::answer::Lease;
use super::door::Door;
use super::error::KvError;
use super::lease::PAUSE_MAX;
use super::print::read;

/// Heartbeats come so many times as often as the lease demands.
const BEATS_PER_TTL: u32 = 3;
/// After a heartbeat that was not answered.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Session<'a> {
    door: &'a Door,
    pub(super) id: i64,
    ttl: i64,
}

impl<'a> Session<'a> {
    pub(super) async fn open(door: &'a Door, ttl_s: u32) -> Result<Self, KvError> {
        let body = door
            .ask("lease/grant", &json!({ "TTL": ttl_s.to_string() }))
            .await?;
        let lease: Lease = read(&body)?;
        Ok(Self {
            door,
            id: lease.id.0,
            ttl: lease.ttl.0,
        })
    }

    /// Sends heartbeats for ever; ends when the lease is lost, or must be taken for lost.
    pub(super) async fn keep(&self) -> KvError {
        let ttl = Duration::from_secs(self.ttl.max(1).unsigned_abs());
        let mut answered = Instant::now();
        loop {
            sleep(pause(self.ttl)).await;
            let mut sent = Instant::now();
            while let Err(error) = beat(self.door, self.id).await {
                if !error.is_passing() || answered.elapsed() >= ttl {
                    return error;
                }
                sleep(RETRY_PAUSE).await;
                sent = Instant::now();
            }
            answered = sent;
        }
    }

    /// Ends the lease, and what is tied to it.
    pub(super) async fn close(self) -> Result<(), KvError> {
        let request = json!({ "ID": self.id.to_string() });
        match self.door.ask("lease/revoke", &request).await {
            // It ran out: it is gone, as was asked.
            Err(error) if !error.is_not_found() => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// Sends one heartbeat; its answer.
pub(super) async fn beat(door: &Door, id: i64) -> Result<Bytes, KvError> {
    let request = json!({ "ID": id.to_string() });
    let answer = door.lines("lease/keepalive", &request).await?.next().await?;
    let body = answer.ok_or(KvError::CutShort)?;
    let lease: Lease = read(&body)?;
    if lease.ttl.0 <= 0 {
        return Err(KvError::LeaseLost(id));
    }
    Ok(body)
}

/// Between two heartbeats.
pub(super) fn pause(ttl_s: i64) -> Duration {
    (Duration::from_secs(ttl_s.max(1).unsigned_abs()) / BEATS_PER_TTL).min(PAUSE_MAX)
}
