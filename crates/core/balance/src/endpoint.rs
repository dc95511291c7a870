//! What an endpoint is, and when it is the same one as before.

use std::fmt;
use std::sync::Arc;

/// Which endpoint it is, over all changes of the set: while this text stays, in-flight count and mark stay.
///
/// It must tell apart everything that can be dialled apart, so for a registered instance it names the address
/// too: an instance that came back elsewhere is not the one that refused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(Arc<str>);

impl EndpointId {
    /// An endpoint known by its address alone (`http://host:port` in a route).
    #[must_use]
    pub fn of_address(host: &str, port: u16) -> Self {
        Self(format!("{host}:{port}").into())
    }

    /// A registered instance at its address: `instance@host:port`.
    #[must_use]
    pub fn of_instance(instance: &str, host: &str, port: u16) -> Self {
        Self(format!("{instance}@{host}:{port}").into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One endpoint of an upstream. `T` is whatever the dialler needs: socket address, host header, TLS name.
#[derive(Debug, Clone)]
pub struct Endpoint<T> {
    /// Which one it is.
    pub id: EndpointId,
    /// Its share of traffic under the weighted policy, relative to the others. 0 drains it under every policy: it
    /// is given requests only when no endpoint with a weight is usable.
    pub weight: u32,
    /// Where it runs, compared without regard to case.
    pub zone: Option<Arc<str>>,
    /// Which life of it this is (for a registered instance: when its lease began). When it changes, the failure
    /// mark is forgotten: whoever registered again is there again, and need not wait for a probe.
    pub incarnation: u64,
    /// What the dialler needs.
    pub target: T,
}

impl<T> Endpoint<T> {
    /// The weight of an endpoint that states none.
    pub const WEIGHT_DEFAULT: u32 = 100;

    /// An endpoint of the default weight, without zone, in its first life.
    #[must_use]
    pub fn new(id: EndpointId, target: T) -> Self {
        Self {
            id,
            weight: Self::WEIGHT_DEFAULT,
            zone: None,
            incarnation: 0,
            target,
        }
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.weight == 0
    }

    pub(crate) fn is_in(&self, zone: Option<&str>) -> bool {
        match (&self.zone, zone) {
            (Some(own), Some(zone)) => own.eq_ignore_ascii_case(zone),
            (None, _) | (_, None) => false,
        }
    }
}
