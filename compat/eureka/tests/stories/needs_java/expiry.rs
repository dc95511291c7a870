//! When a silent instance goes: after its lease's duration if it never sent a heartbeat, after twice the duration
//! since its last heartbeat otherwise; and what is left of it between expiry and eviction.

use std::time::{Duration, Instant};

use koinon_compat_eureka::{Eureka, Settings, on_both};
use koinon_testkit::wait_until;
use serde_json::json;

use crate::common::{heartbeat, instances, is_listed, lease, list, register, served, status};

const DURATION: Duration = Duration::from_secs(4);
/// Less than the duration, so that once and twice stay apart even on a machine this slow.
const SLACK: Duration = Duration::from_millis(3500);

fn gone_after(server: &Eureka, id: &str, since: Instant) -> Duration {
    let limit = 2 * DURATION + SLACK + Duration::from_secs(30);
    wait_until(&format!("{id} to be evicted"), limit, || {
        (!is_listed(server, id)).then_some(())
    })
    .unwrap();
    since.elapsed()
}

/// Protects: the renewal quirk that Eureka will not fix and every estimate of "how long until it is gone" rests on.
#[test]
fn a_lease_ends_after_once_or_twice_its_duration() {
    let settings = Settings {
        eviction_interval_ms: 250,
        ..Settings::default()
    };
    on_both(&settings, |server| {
        let registered = Instant::now();
        register(server, "EXPIRY", "never", lease(DURATION.as_secs()));
        register(server, "EXPIRY", "once", lease(DURATION.as_secs()));
        let renewed = Instant::now();
        assert_eq!(heartbeat(server, "EXPIRY", "once"), 200);
        let never = gone_after(server, "never", registered);
        let once = gone_after(server, "once", renewed);
        assert!(
            never >= DURATION && never < DURATION + SLACK,
            "without a heartbeat: {never:?}"
        );
        assert!(
            once >= 2 * DURATION && once < 2 * DURATION + SLACK,
            "after a heartbeat: {once:?}"
        );
        let delta = instances(&list(server, "/eureka/apps/delta"));
        assert_eq!(delta.len(), 2);
        assert!(delta.iter().all(|i| i["actionType"] == "DELETED"), "{delta:?}");
    });
}

/// Protects: an expired instance that no eviction run has seen yet is hidden where one instance is asked for, is
/// still in every list, and a late heartbeat saves it.
#[test]
fn an_expired_instance_is_hidden_before_it_is_evicted() {
    on_both(&Settings::default(), |server| {
        register(server, "LATE", "l1", lease(1));
        let path = "/eureka/apps/LATE/l1";
        wait_until("the lease to expire", Duration::from_secs(30), || {
            served(server, "LATE", "l1").is_none().then_some(())
        })
        .unwrap();
        assert_eq!(status(server, "GET", "/eureka/instances/l1"), 404);
        assert_eq!(status(server, "PUT", &format!("{path}/status?value=DOWN")), 404);
        assert_eq!(status(server, "PUT", &format!("{path}/metadata?a=b")), 404);
        for listed in [
            "/eureka/apps",
            "/eureka/apps/delta",
            "/eureka/vips/late",
            "/eureka/svips/late",
        ] {
            let list = list(server, listed);
            assert_eq!(
                (list["apps__hashcode"].clone(), instances(&list).len()),
                (json!("UP_1_"), 1),
                "{listed}"
            );
        }
        assert_eq!(status(server, "GET", "/eureka/apps/LATE"), 200);
        assert_eq!(heartbeat(server, "LATE", "l1"), 200);
        assert_eq!(served(server, "LATE", "l1").unwrap()["status"], "UP");
    });
}
