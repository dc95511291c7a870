//! How many connections each listener may have, so that together they never want more descriptors than there are.
//!
//! When there are too few, the gateway is given three quarters: the doors' clients come again, its own are somebody
//! else's customers.

use koinon_io_net::descriptors::raise_limit;
use tracing::{debug, warn};

use crate::listeners::Listeners;
use crate::settings::{Role, Settings};

/// Kept back for files, pipes and the listeners themselves.
const RESERVED: u64 = 64;
/// A connection of the gateway may need a second descriptor, for the endpoint that its request goes to.
const PER_GATEWAY_CONNECTION: u64 = 2;

/// The most connections of each kind of listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptors {
    pub(crate) door: usize,
    pub(crate) gateway: usize,
}

impl Descriptors {
    /// Raises the process's limit and shares it out.
    pub(crate) fn shared(listeners: &Listeners, settings: &Settings) -> Self {
        let doors = [&listeners.admin, &listeners.etcd, &listeners.eureka]
            .into_iter()
            .flatten();
        let asked = Self {
            door: settings.listen.connections_max,
            gateway: settings.gateway.connections_max,
        };
        let given = Self::of(
            raise_limit(),
            doors.count() as u64,
            listeners.gateway.is_some(),
            asked,
        );
        let usual = Settings::defaults(Role::Dev);
        tell(
            "listen.connections_max",
            asked.door,
            given.door,
            usual.listen.connections_max,
        );
        tell(
            "gateway.connections_max",
            asked.gateway,
            given.gateway,
            usual.gateway.connections_max,
        );
        given
    }

    fn of(limit: u64, doors: u64, gateway: bool, asked: Self) -> Self {
        let available = limit.saturating_sub(RESERVED);
        let doors_asked = doors.saturating_mul(asked.door as u64);
        let gateway_asked = u64::from(gateway).saturating_mul(PER_GATEWAY_CONNECTION * asked.gateway as u64);
        let for_gateway = (available / 4 * 3)
            .max(available.saturating_sub(doors_asked))
            .min(gateway_asked);
        let for_doors = available - for_gateway;
        let count = |descriptors: u64, asked: usize| {
            let count = usize::try_from(descriptors).unwrap_or(usize::MAX);
            count.min(asked).max(1)
        };
        Self {
            door: count(for_doors / doors.max(1), asked.door),
            gateway: match gateway {
                true => count(for_gateway / PER_GATEWAY_CONNECTION, asked.gateway),
                false => asked.gateway,
            },
        }
    }
}

/// Whoever asked for more than fits is warned; the defaults give way without a word.
fn tell(setting: &'static str, asked: usize, given: usize, usual: usize) {
    if given == asked {
        return;
    }
    if asked == usual {
        debug!(
            setting,
            asked, given, "the limit on open files allows fewer connections"
        );
    } else {
        warn!(
            setting,
            asked, given, "the limit on open files allows fewer connections than asked for"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What all listeners may have together must fit into the limit, the gateway's second descriptors included; where
    /// there is enough, all get what they asked for.
    #[test]
    fn the_shares_fit_into_the_limit() {
        let asked = Descriptors {
            door: 8_192,
            gateway: 16_384,
        };
        for limit in [128, 1_024, 20_000, 40_000, 49_215] {
            let given = Descriptors::of(limit, 2, true, asked);
            let all = 2 * given.door as u64 + PER_GATEWAY_CONNECTION * given.gateway as u64;
            assert!(all + RESERVED <= limit, "{limit}: {given:?}");
            assert!(given != asked && given.door > 0 && given.gateway > 0);
        }
        for limit in [49_216, u64::MAX] {
            assert_eq!(Descriptors::of(limit, 2, true, asked), asked);
        }
        assert_eq!(
            Descriptors::of(16_448, 2, false, asked),
            asked,
            "no gateway, nothing for it"
        );
    }
}
