//! The arguments of `koinon service register`, and the request that they make.

use clap::Args;
use koinon_api_admin::wire::{Consistency, Lease, RegisterRequest, Scheme, Status};

#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// The service.
    pub(crate) name: String,
    /// The instance's identity within the service.
    #[arg(long)]
    pub(crate) id: String,
    /// The host name or IP address to dial.
    #[arg(long)]
    address: String,
    /// The port to dial; 0 when it takes no connections.
    #[arg(long)]
    port: u16,
    /// How to speak to it.
    #[arg(long, value_parser = scheme, default_value = "http", value_name = "http|https|tcp")]
    scheme: Scheme,
    /// Where it runs.
    #[arg(long)]
    zone: Option<String>,
    /// The version of the software it runs.
    #[arg(long)]
    version: Option<String>,
    /// Its share of traffic relative to the others.
    #[arg(long, default_value_t = 100)]
    weight: u32,
    /// A pair of its own. May be given several times.
    #[arg(long = "meta", value_parser = pair, value_name = "KEY=VALUE")]
    metadata: Vec<(String, String)>,
    /// What it says of itself.
    #[arg(long, value_parser = status, default_value = "up", value_name = "up|down|starting|out_of_service")]
    status: Status,
    /// How long it may be silent, in seconds; its heartbeats come three times as often.
    #[arg(long, default_value_t = 90, value_name = "SECONDS", value_parser = clap::value_parser!(i32).range(1..=86_400))]
    lease: i32,
    /// Stay and send heartbeats; deregister it on Ctrl-C.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Keep it in the store, without heartbeats and over restarts, until it is deregistered.
    #[arg(long, conflicts_with_all = ["keep", "lease"])]
    pub(crate) persistent: bool,
}

impl RegisterArgs {
    pub(crate) fn request(&self) -> RegisterRequest {
        RegisterRequest {
            scheme: self.scheme,
            zone: self.zone.clone(),
            version: self.version.clone(),
            weight: self.weight,
            metadata: self.metadata.iter().cloned().collect(),
            status: self.status,
            consistency: match self.persistent {
                true => Consistency::Persistent,
                false => Consistency::Ephemeral,
            },
            lease: (!self.persistent).then(|| Lease {
                renewal_interval_s: (self.lease / 3).max(1),
                duration_s: self.lease,
            }),
            ..RegisterRequest::new(&*self.address, self.port)
        }
    }
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn scheme(text: &str) -> Result<Scheme, &'static str> {
    word(text).ok_or("expected http, https or tcp")
}

fn status(text: &str) -> Result<Status, &'static str> {
    word(text).ok_or("expected up, down, starting or out_of_service")
}

/// Reads a word as the API spells it.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(text.into()).ok()
}
