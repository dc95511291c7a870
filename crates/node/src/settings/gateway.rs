//! The section `gateway`: what an operator may set of the data plane.
//!
//! Its defaults are the data plane's own, so that a gateway made as a library and one made from settings behave alike.

use std::path::Path;
use std::time::Duration;

use koinon_core_balance::PolicyKind;
use koinon_gateway::{AccessLogFormat, ClientPace, GatewaySettings, Timeouts};
use serde::{Deserialize, Serialize};

use super::millis;

/// How the gateway behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Threads of the data plane; 0 means one for each core that the process may use.
    pub workers: usize,
    /// The file of routes; none when empty.
    pub routes_file: String,
    /// The most client connections at once.
    pub connections_max: usize,
    /// The most client connections from one address.
    pub connections_per_address_max: usize,
    /// How endpoints are chosen unless a route says otherwise.
    #[serde(with = "policy")]
    pub balance: PolicyKind,
    /// The zone of this node; none when empty.
    pub zone: String,
    /// Whether and how requests are logged.
    #[serde(with = "access_log")]
    pub access_log: AccessLogFormat,
    /// To connect to an endpoint.
    pub connect_timeout_ms: u64,
    /// For a request's head.
    pub head_timeout_ms: u64,
    /// Between two requests of a client.
    pub keep_alive_timeout_ms: u64,
    /// From a request's end to its response's head.
    pub response_timeout_ms: u64,
    /// For the next bytes of a body.
    pub idle_timeout_ms: u64,
    /// The least rate of a client that sends or takes a body; 0 for none.
    pub client_rate_min_bytes_per_s: u64,
    /// What such a client has before it must keep the rate.
    pub client_rate_grace_ms: u64,
    /// For a whole exchange.
    pub total_timeout_ms: u64,
    /// Without a byte in an upgraded connection.
    pub tunnel_idle_timeout_ms: u64,
    /// Idle time of a kept upstream connection.
    pub upstream_idle_timeout_ms: u64,
}

impl Default for Gateway {
    fn default() -> Self {
        let GatewaySettings {
            connections_max,
            connections_per_address_max,
            policy,
            timeouts,
            client_pace,
            access_log,
            ..
        } = GatewaySettings::default();
        Self {
            // The number of cores is no constant that a reference could show.
            workers: 0,
            routes_file: String::new(),
            connections_max,
            connections_per_address_max,
            balance: policy,
            zone: String::new(),
            access_log,
            connect_timeout_ms: millis(timeouts.connect),
            head_timeout_ms: millis(timeouts.head),
            keep_alive_timeout_ms: millis(timeouts.keep_alive),
            response_timeout_ms: millis(timeouts.response),
            idle_timeout_ms: millis(timeouts.idle),
            client_rate_min_bytes_per_s: client_pace.bytes_per_s_min,
            client_rate_grace_ms: millis(client_pace.grace),
            total_timeout_ms: millis(timeouts.total),
            tunnel_idle_timeout_ms: millis(timeouts.tunnel_idle),
            upstream_idle_timeout_ms: millis(timeouts.upstream_idle),
        }
    }
}

/// More threads than any machine has cores are a slip of the pen.
const WORKERS_MAX: usize = 1024;
/// Thirty days: a longer wait is no bound any more.
const TIMEOUT_MS_MAX: u64 = 30 * 24 * 3600 * 1000;

impl Gateway {
    /// The file of routes, if there is one.
    #[must_use]
    pub fn routes_file(&self) -> Option<&Path> {
        (!self.routes_file.is_empty()).then(|| Path::new(&self.routes_file))
    }

    /// Everything that is wrong here.
    pub(super) fn problems(&self) -> Vec<String> {
        let timeouts = [
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("head_timeout_ms", self.head_timeout_ms),
            ("keep_alive_timeout_ms", self.keep_alive_timeout_ms),
            ("response_timeout_ms", self.response_timeout_ms),
            ("idle_timeout_ms", self.idle_timeout_ms),
            ("client_rate_grace_ms", self.client_rate_grace_ms),
            ("total_timeout_ms", self.total_timeout_ms),
            ("tunnel_idle_timeout_ms", self.tunnel_idle_timeout_ms),
            ("upstream_idle_timeout_ms", self.upstream_idle_timeout_ms),
        ];
        let counts = [
            ("connections_max", self.connections_max),
            ("connections_per_address_max", self.connections_per_address_max),
        ];
        let zeros = counts.into_iter().filter(|(_, value)| *value == 0);
        let mut problems: Vec<String> = zeros
            .map(|(name, _)| format!("gateway.{name} must be at least 1"))
            .collect();
        let unfit = timeouts
            .into_iter()
            .filter(|(_, value)| !(1..=TIMEOUT_MS_MAX).contains(value));
        problems.extend(unfit.map(|(name, _)| {
            format!("gateway.{name} must be at least 1 and at most {TIMEOUT_MS_MAX} (30 days)")
        }));
        if self.workers > WORKERS_MAX {
            problems.push(format!("gateway.workers must be at most {WORKERS_MAX}"));
        }
        problems
    }

    /// What one address may have when there is less for all: it must not take more of it than before.
    fn share_of_address(&self, connections_max: usize) -> usize {
        let asked = self.connections_per_address_max.min(self.connections_max);
        let share = asked as u128 * connections_max as u128 / self.connections_max.max(1) as u128;
        usize::try_from(share).unwrap_or(usize::MAX).min(asked).max(1)
    }

    /// As the data plane takes it, with as many connections as there are descriptors for.
    pub(crate) fn data_plane(&self, connections_max: usize) -> GatewaySettings {
        let workers = match self.workers {
            0 => GatewaySettings::default().workers,
            given => given,
        };
        GatewaySettings {
            workers,
            connections_max,
            connections_per_address_max: self.share_of_address(connections_max),
            policy: self.balance,
            zone: (!self.zone.is_empty()).then(|| self.zone.clone()),
            timeouts: Timeouts {
                connect: Duration::from_millis(self.connect_timeout_ms),
                head: Duration::from_millis(self.head_timeout_ms),
                keep_alive: Duration::from_millis(self.keep_alive_timeout_ms),
                response: Duration::from_millis(self.response_timeout_ms),
                idle: Duration::from_millis(self.idle_timeout_ms),
                total: Duration::from_millis(self.total_timeout_ms),
                tunnel_idle: Duration::from_millis(self.tunnel_idle_timeout_ms),
                upstream_idle: Duration::from_millis(self.upstream_idle_timeout_ms),
            },
            client_pace: ClientPace {
                bytes_per_s_min: self.client_rate_min_bytes_per_s,
                grace: Duration::from_millis(self.client_rate_grace_ms),
            },
            access_log: self.access_log,
            ..GatewaySettings::default()
        }
    }
}

/// A policy by its name.
mod policy {
    use koinon_core_balance::PolicyKind;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub(super) fn serialize<S: Serializer>(kind: &PolicyKind, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(kind.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PolicyKind, D::Error> {
        let name = String::deserialize(from)?;
        name.parse()
            .map_err(|error| D::Error::custom(format!("gateway.balance: {error}")))
    }
}

/// A format by its name.
mod access_log {
    use koinon_gateway::AccessLogFormat;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub(super) fn serialize<S: Serializer>(format: &AccessLogFormat, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match format {
            AccessLogFormat::Off => "off",
            AccessLogFormat::Json => "json",
            AccessLogFormat::Combined => "combined",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<AccessLogFormat, D::Error> {
        let name = String::deserialize(from)?;
        AccessLogFormat::named(&name).ok_or_else(|| {
            D::Error::custom(format!(
                "gateway.access_log is {name:?}; expected off, json or combined"
            ))
        })
    }
}
