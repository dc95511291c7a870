//! Of a registry of N no eviction run takes more than N - floor(0.85 N): a mass expiry is a slow decline.

use std::time::Duration;

use koinon_compat_eureka::{Eureka, Settings, on_both};
use koinon_testkit::{Connection, holds_for, wait_until};

use crate::common::{instances, is_listed, lease, list, register, registration};

/// Instances that expire at once.
const COUNT: usize = 20;
/// 20 - 17, 17 - 14, 14 - 11, 11 - 9, … and always at least one.
const EXPECTED: [usize; 12] = [20, 17, 14, 11, 9, 7, 5, 4, 3, 2, 1, 0];
/// Between two runs there is room for registering all and for their leases of one second to expire.
const INTERVAL_MS: u64 = 2000;
/// A run takes instances one by one, so a list read during it is of no interest: a run is over when nothing changes
/// for this long.
const REST: Duration = Duration::from_millis(INTERVAL_MS / 4);

/// Protects: a network cut that silences many instances cannot empty the registry in one run.
#[test]
fn a_mass_expiry_is_taken_in_steps() {
    let settings = Settings {
        eviction_interval_ms: INTERVAL_MS,
        ..Settings::default()
    };
    on_both(&settings, |server| {
        just_after_a_run(server);
        register_at_once(server);
        let mut counts = vec![COUNT];
        wait_until("an empty registry", Duration::from_secs(120), || {
            let now = listed(server);
            let rests = counts.last() != Some(&now) && holds_for(REST, || listed(server) == now);
            if rests {
                counts.push(now);
            }
            (rests && now == 0).then_some(())
        })
        .unwrap();
        assert_eq!(counts, EXPECTED);
    });
}

fn listed(server: &Eureka) -> usize {
    instances(&list(server, "/eureka/apps")).len()
}

/// An instance that expires tells by its eviction when a run was.
fn just_after_a_run(server: &Eureka) {
    register(server, "CANARY", "c1", lease(1));
    wait_until("the first run", Duration::from_secs(60), || {
        (!is_listed(server, "c1")).then_some(())
    })
    .unwrap();
}

/// In one piece, so that all leases expire within the same pause between two runs.
fn register_at_once(server: &Eureka) {
    let requests: Vec<_> = (0..COUNT)
        .map(|n| registration("CAP", &format!("cap-{n}"), lease(1)))
        .collect();
    let mut connection = Connection::open(server.address()).unwrap();
    connection.write(&requests.iter().collect::<Vec<_>>()).unwrap();
    for _ in &requests {
        assert_eq!(connection.read("POST").unwrap().status, 204);
    }
}
