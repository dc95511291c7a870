//! `koinon service watch`: every change as it happens, for as long as it takes.
//!
//! A connection that is lost is made again from the last position, so nothing is missed or told twice; a server
//! that stays away for longer than [`AWAY_MAX`] ends the command.

use std::collections::BTreeMap;
use std::time::Duration;

use koinon_api_admin::wire::{Instance, Removed, WatchSnapshot};
use koinon_io_net::client::{AnswerStream, sse::Event};
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use super::api::Api;
use super::table::{address, status};
use crate::remote::{CommandError, Output, read, write_line};
use crate::table::printable;

/// The longest silence of a server that is alive: three of its heartbeats.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(45);
/// The longest that a server which was there may be away: a restart with time to spare.
const AWAY_MAX: Duration = Duration::from_secs(60);
/// Between two attempts to come back: this long at first, then twice as long each time up to the maximum.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(3);

pub(crate) async fn follow(api: &Api, service: Option<&str>, output: Output) -> Result<(), CommandError> {
    let mut watcher = Watcher {
        output,
        position: None,
        known: BTreeMap::new(),
    };
    // The first connection must succeed: a wrong endpoint should say so at once.
    let mut stream = api.watch(service, None).await?;
    loop {
        watcher.read(&mut stream).await?;
        stream = come_back(api, service, watcher.position.as_deref()).await?;
    }
}

async fn come_back(
    api: &Api,
    service: Option<&str>,
    position: Option<&str>,
) -> Result<AnswerStream, CommandError> {
    let since = Instant::now();
    let mut pause = BACKOFF_MIN;
    loop {
        sleep(pause).await;
        match api.watch(service, position).await {
            Err(error) if error.is_passing() => {
                let away = since.elapsed();
                if away > AWAY_MAX {
                    return Err(CommandError::Gone {
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

struct Watcher {
    output: Output,
    position: Option<String>,
    /// What has been shown of each instance, so that only what people see changes is shown again.
    known: BTreeMap<(String, String), String>,
}

impl Watcher {
    /// Shows events until the connection ends, in whatever way.
    async fn read(&mut self, stream: &mut AnswerStream) -> Result<(), CommandError> {
        while let Ok(Some(event)) = stream.event(SILENCE_MAX).await {
            match self.output {
                Output::Json => write_line(&json_line(&event)?)?,
                Output::Table => self.tell(&event)?,
            }
            self.position = event.id.or(self.position.take());
        }
        Ok(())
    }

    fn tell(&mut self, event: &Event) -> Result<(), CommandError> {
        match event.event.as_str() {
            "snapshot" => {
                let snapshot: WatchSnapshot<'_> = read(event.data.as_bytes())?;
                self.tell_snapshot(&snapshot)
            }
            "upsert" => self.tell_instance(&read(event.data.as_bytes())?),
            "remove" => {
                let Removed { service, id, .. } = read(event.data.as_bytes())?;
                self.tell_removal(&(service.into_owned(), id.into_owned()))
            }
            // Of a later version: not for this one to judge.
            _ => Ok(()),
        }
    }

    /// Everything anew: what is not in it any more has gone while we did not look.
    fn tell_snapshot(&mut self, snapshot: &WatchSnapshot<'_>) -> Result<(), CommandError> {
        let mut gone = self.known.clone();
        for instance in snapshot.services.iter().flat_map(|service| &service.instances) {
            gone.remove(&key(instance));
            self.tell_instance(instance)?;
        }
        gone.keys().try_for_each(|key| self.tell_removal(key))
    }

    fn tell_instance(&mut self, instance: &Instance<'_>) -> Result<(), CommandError> {
        let key = key(instance);
        let shown = format!("{}  {}", address(instance), status(instance));
        let sign = match self.known.get(&key) {
            Some(before) if *before == shown => return Ok(()),
            Some(_) => '~',
            None => '+',
        };
        let line = format!("{sign} {}  {}  {shown}", printable(&key.0), printable(&key.1));
        self.known.insert(key, shown);
        write_line(line.as_bytes())
    }

    fn tell_removal(&mut self, key: &(String, String)) -> Result<(), CommandError> {
        self.known.remove(key);
        write_line(format!("- {}  {}", printable(&key.0), printable(&key.1)).as_bytes())
    }
}

fn key(instance: &Instance<'_>) -> (String, String) {
    (instance.service.to_string(), instance.id.to_string())
}

/// The event as one line; its data is passed on as it came.
fn json_line(event: &Event) -> Result<Vec<u8>, CommandError> {
    #[derive(serde::Serialize)]
    struct Line<'a> {
        event: &'a str,
        id: Option<&'a str>,
        data: &'a RawValue,
    }
    let data: &RawValue = serde_json::from_str(&event.data).map_err(CommandError::Unreadable)?;
    let line = Line {
        event: &event.event,
        id: event.id.as_deref(),
        data,
    };
    serde_json::to_vec(&line).map_err(CommandError::Unreadable)
}
