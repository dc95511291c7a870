//! What an operator may set. Every wait and every count of the data plane has its bound here.

use std::time::Duration;

use koinon_core_balance::PolicyKind;
use koinon_core_http1::Limits;

/// The settings of a gateway.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// Threads of the data plane, each with its own listening socket, upstream connections and buffers. Default: the
    /// cores that this process may use.
    pub workers: usize,
    /// The most client connections at once. 16,384.
    pub connections_max: usize,
    /// The most client connections from one address. 8,192: one address never takes all.
    pub connections_per_address_max: usize,
    /// How endpoints are chosen unless a route says otherwise. Round robin, as Spring's `lb://`.
    pub policy: PolicyKind,
    /// The zone of this node, preferred when balancing.
    pub zone: Option<String>,
    /// How large a head may be.
    pub limits: Limits,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How slow a client may be; a route's metadata may say another rate.
    pub client_pace: ClientPace,
    /// Idle connections that each worker keeps to one endpoint. 256.
    pub idle_per_endpoint_max: usize,
    /// Whether and how requests are logged.
    pub access_log: AccessLogFormat,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            connections_max: 16_384,
            connections_per_address_max: 8_192,
            policy: PolicyKind::RoundRobin,
            zone: None,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            client_pace: ClientPace::default(),
            idle_per_endpoint_max: 256,
            access_log: AccessLogFormat::Off,
        }
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect to an endpoint. 3 s.
    pub connect: Duration,
    /// For a request's head, from its first byte; then 408. 10 s.
    pub head: Duration,
    /// Between two requests of a client. 75 s.
    pub keep_alive: Duration,
    /// From the request's last byte to the response's head; then the request is tried elsewhere if it may be, else 504.
    /// 60 s. The routes file's `response-timeout` goes first.
    pub response: Duration,
    /// For the next bytes of a body, or for the other side to take some. 60 s.
    pub idle: Duration,
    /// For a whole exchange, bodies included. 1 h.
    pub total: Duration,
    /// Without a byte in an upgraded connection (WebSocket). 1 h.
    pub tunnel_idle: Duration,
    /// Idle time of a kept upstream connection. 4 s: Node.js closes after 5 s, and a request that meets a closing
    /// connection is lost if it may not be repeated.
    pub upstream_idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            response: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(3600),
            tunnel_idle: Duration::from_secs(3600),
            upstream_idle: Duration::from_secs(4),
        }
    }
}

/// How slow a client may be with a request's body, and with taking a response.
///
/// Each direction has its own account: it begins with the grace, and a second is earned by every `bytes_per_s_min` bytes, up
/// to [`Timeouts::idle`] together. Only the time in which nothing but the client is waited for is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientPace {
    /// The least rate; 0 means that there is none. 240: what Kestrel asks for, a tenth of a slow modem.
    pub bytes_per_s_min: u64,
    /// What a client begins with. 5 s.
    pub grace: Duration,
}

impl Default for ClientPace {
    fn default() -> Self {
        Self {
            bytes_per_s_min: 240,
            grace: Duration::from_secs(5),
        }
    }
}

/// Whether and how requests are logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// They are not.
    #[default]
    Off,
    /// One JSON object a line.
    Json,
    /// The combined format of Apache and nginx.
    Combined,
}

impl AccessLogFormat {
    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Self::Off),
            "json" => Some(Self::Json),
            "combined" => Some(Self::Combined),
            _ => None,
        }
    }
}
