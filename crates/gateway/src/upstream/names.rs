//! Host names of endpoints become addresses, off the data plane and without blocking anybody.
//!
//! Invariant: a name that once had addresses keeps the last ones while its server of names is silent.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::warn;

/// How long an answer is used before it is asked for again.
const FRESH: Duration = Duration::from_secs(30);
/// How soon after a failed look-up the next one is made.
const RETRY: Duration = Duration::from_secs(2);
/// The longest that one look-up may take.
const LOOKUP_MAX: Duration = Duration::from_secs(5);
/// Look-ups at once; the rest wait for the next round.
const LOOKUPS_MAX: usize = 32;
/// Names remembered; beyond that new ones are not looked up.
const NAMES_MAX: usize = 16_384;

#[derive(Debug)]
struct Known {
    addresses: Vec<IpAddr>,
    next: Instant,
    asking: bool,
    wanted: bool,
}

/// The names in use and their addresses.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<Arc<str>, Known>,
}

/// What came of one look-up.
pub(super) type Answer = (Arc<str>, Option<Vec<IpAddr>>);

impl Names {
    /// The addresses of `host`, as far as they are known; a new name is looked up soon.
    pub(super) fn addresses(&mut self, host: &str) -> Vec<IpAddr> {
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return vec![address];
        }
        if let Some(known) = self.known.get_mut(host) {
            known.wanted = true;
            return known.addresses.clone();
        }
        if self.known.len() < NAMES_MAX {
            let new = Known {
                addresses: Vec::new(),
                next: Instant::now(),
                asking: false,
                wanted: true,
            };
            self.known.insert(Arc::from(host), new);
        }
        Vec::new()
    }

    /// Starts the look-ups that are due; says when to come again.
    pub(super) fn ask(&mut self, lookups: &mut JoinSet<Answer>) -> Instant {
        let now = Instant::now();
        let mut due = now + FRESH;
        for (host, known) in self.known.iter_mut().filter(|(_, known)| !known.asking) {
            if known.next > now {
                due = due.min(known.next);
            } else if lookups.len() < LOOKUPS_MAX {
                known.asking = true;
                let host = Arc::clone(host);
                lookups.spawn(async move {
                    let found = look_up(&host).await;
                    (host, found)
                });
            } else {
                due = due.min(now + RETRY);
            }
        }
        due
    }

    /// Takes an answer in; says whether it changes anything.
    pub(super) fn learn(&mut self, (host, found): Answer) -> bool {
        let Some(known) = self.known.get_mut(&host) else {
            return false;
        };
        known.asking = false;
        let Some(found) = found else {
            known.next = Instant::now() + RETRY;
            return false;
        };
        known.next = Instant::now() + FRESH;
        let changed = known.addresses != found;
        known.addresses = found;
        changed
    }

    /// Takes note that a look-up ended without an answer; nobody knows whose it was, so all are free to be asked again.
    pub(super) fn lost(&mut self) {
        let soon = Instant::now() + RETRY;
        for known in self.known.values_mut().filter(|known| known.asking) {
            (known.asking, known.next) = (false, soon);
        }
    }

    /// Forgets names that nobody has asked for since the last call.
    pub(super) fn forget_unused(&mut self) {
        self.known.retain(|_, known| std::mem::take(&mut known.wanted));
    }
}

async fn look_up(host: &str) -> Option<Vec<IpAddr>> {
    let found = timeout(LOOKUP_MAX, tokio::net::lookup_host((host, 0))).await;
    match found {
        Ok(Ok(found)) => {
            let mut addresses: Vec<IpAddr> = found.map(|addr: SocketAddr| addr.ip()).collect();
            addresses.sort_unstable();
            addresses.dedup();
            (!addresses.is_empty()).then_some(addresses)
        }
        Ok(Err(error)) => {
            warn!(host, %error, "the host name of an endpoint cannot be resolved; its last addresses stay in use");
            None
        }
        Err(_elapsed) => {
            warn!(
                host,
                "resolving the host name of an endpoint took too long; its last addresses stay in use"
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses need no look-up; a name gets one, and is then there at once.
    #[tokio::test]
    async fn names_become_addresses() {
        let mut names = Names::default();
        assert_eq!(
            names.addresses("127.0.0.9"),
            ["127.0.0.9".parse::<IpAddr>().unwrap()]
        );
        assert_eq!(names.addresses("[::1]"), ["::1".parse::<IpAddr>().unwrap()]);
        assert!(names.addresses("localhost").is_empty());
        let mut lookups = JoinSet::new();
        names.ask(&mut lookups);
        assert!(names.learn(lookups.join_next().await.unwrap().unwrap()));
        assert!(names.addresses("localhost").iter().all(IpAddr::is_loopback));
        assert!(!names.addresses("localhost").is_empty());
    }
}
