//! `koinon service register`, with `--keep` until Ctrl-C.
//!
//! Kept, it does what a service's own client does: heartbeats at the promised interval, registration again when
//! the server has forgotten it (a restart, an override that was removed), patience while the server is away. A
//! second Ctrl-C ends it at once.

use std::time::Duration;

use koinon_api_admin::wire::{Instance, Lease, RegisterRequest};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::api::Api;
use super::register::RegisterArgs;
use super::table;
use crate::output::complain;
use crate::remote::{CommandError, Output, done, read, show};

pub(crate) async fn register(api: &Api, args: RegisterArgs, output: Output) -> Result<(), CommandError> {
    // Before the first request, so that no Ctrl-C leaves a registration behind.
    let mut stop = args.keep.then(Stop::new).transpose()?;
    let request = args.request();
    let text = api.register(&args.name, &args.id, &request).await?;
    show(output, &text, |instance: Instance<'_>| {
        table::instances(&[instance], table::now_ms())
    })?;
    let Some(stop) = &mut stop else {
        let hint = match request.lease {
            Some(Lease { duration_s, .. }) => {
                format!("without heartbeats it is gone in {duration_s} s; --keep sends them")
            }
            None => "it stays until it is deregistered".to_owned(),
        };
        return done(output, &hint);
    };
    done(output, "sending heartbeats; Ctrl-C deregisters it")?;
    tokio::select! {
        failed = beat(api, &args, &request) => return Err(failed),
        () = stop.asked() => {}
    }
    tokio::select! {
        gone = api.deregister(&args.name, &args.id) => match gone {
            // Its lease ran out or somebody else removed it: it is gone, as was asked.
            Err(error) if !error.is_not_found() => return Err(error),
            Ok(()) | Err(_) => {}
        },
        () = stop.asked() => return Ok(()),
    }
    done(output, &format!("{} of {} is gone", args.id, args.name))
}

/// Sends heartbeats for ever; ends with what makes going on pointless.
async fn beat(api: &Api, args: &RegisterArgs, request: &RegisterRequest) -> CommandError {
    let interval_s = request.lease.unwrap_or(Lease::DEFAULT).renewal_interval_s;
    let pause = Duration::from_secs(u64::from(interval_s.unsigned_abs()).max(1));
    let mut beats = interval_at(Instant::now() + pause, pause);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut away = false;
    loop {
        beats.tick().await;
        let mut beaten = api.heartbeat(&args.name, &args.id).await;
        if beaten.as_ref().is_err_and(CommandError::is_not_found) {
            beaten = api
                .register(&args.name, &args.id, request)
                .await
                .and_then(|text| {
                    let Instance { service, id, .. } = read(&text)?;
                    tell(&format!(
                        "the server had forgotten {id} of {service}; registered it again"
                    ));
                    Ok(())
                });
        }
        match beaten {
            Ok(()) => away = false,
            Err(error) if error.is_passing() => {
                // Once per absence, not once per heartbeat.
                if !away {
                    complain(&error);
                    tell("going on; it is registered again when the server is back");
                }
                away = true;
            }
            Err(error) => return error,
        }
    }
}

fn tell(text: &str) {
    use std::io::Write;
    // Nothing is left to be done about a closed terminal.
    let _ = writeln!(std::io::stderr().lock(), "koinon: {text}");
}

/// Ctrl-C, or what a supervisor sends.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn new() -> Result<Self, CommandError> {
        let listen = |kind| signal(kind).map_err(CommandError::Signals);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
