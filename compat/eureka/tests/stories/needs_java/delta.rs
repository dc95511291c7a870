//! Deltas: a client that applies them to its copy has the registry, and the hash code says so; changes leave the
//! delta when they are old.

use std::collections::BTreeMap;
use std::time::Duration;

use koinon_compat_eureka::{Eureka, Settings, on_both};
use koinon_testkit::wait_until;
use serde_json::{Value, json};

use crate::common::{instances, list, register, status};

/// What a client keeps: application and id, with the status.
type Copy = BTreeMap<(String, String), String>;

fn text(instance: &Value, field: &str) -> String {
    instance[field].as_str().unwrap_or_default().to_owned()
}

fn copy_of(list: &Value) -> Copy {
    instances(list)
        .iter()
        .map(|i| ((text(i, "app"), text(i, "instanceId")), text(i, "status")))
        .collect()
}

/// As Netflix's client does it.
fn apply(copy: &mut Copy, delta: &Value) {
    for instance in instances(delta) {
        let key = (text(&instance, "app"), text(&instance, "instanceId"));
        match instance["actionType"].as_str() {
            Some("ADDED" | "MODIFIED") => {
                copy.insert(key, text(&instance, "status"));
            }
            Some("DELETED") => {
                copy.remove(&key);
            }
            other => panic!("actionType {other:?}"),
        }
    }
}

/// Statuses by name, each with its count.
fn hash(copy: &Copy) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for status in copy.values() {
        *counts.entry(status).or_default() += 1;
    }
    counts
        .iter()
        .map(|(status, count)| format!("{status}_{count}_"))
        .collect()
}

fn app(n: usize) -> String {
    format!("MASS{}", n % 10)
}

/// Two hundred instances change, leave and come in every way that there is.
fn mass_change(server: &Eureka) {
    for n in 0..200 {
        let path = format!("/eureka/apps/{}/m{n}", app(n));
        match n % 8 {
            0 => assert_eq!(status(server, "DELETE", &path), 200),
            1 => assert_eq!(
                status(server, "PUT", &format!("{path}/status?value=OUT_OF_SERVICE")),
                200
            ),
            2 => register(server, &app(n), &format!("m{n}"), json!({"status": "DOWN"})),
            3 => {
                assert_eq!(status(server, "DELETE", &path), 200);
                register(server, &app(n), &format!("m{n}"), json!({"status": "STARTING"}));
            }
            4 => {
                assert_eq!(status(server, "PUT", &format!("{path}/status?value=DOWN")), 200);
                assert_eq!(status(server, "DELETE", &format!("{path}/status?value=UP")), 200);
            }
            _ => {}
        }
    }
    for n in 200..230 {
        register(server, &app(n), &format!("m{n}"), json!({}));
    }
}

/// Protects: clients never fall into endless full fetches, because body, delta and hash code belong together.
#[test]
fn a_copy_kept_by_deltas_is_the_registry() {
    on_both(&Settings::default(), |server| {
        for n in 0..200 {
            register(server, &app(n), &format!("m{n}"), json!({}));
        }
        let mut copy = copy_of(&list(server, "/eureka/apps"));
        assert_eq!(hash(&copy), "UP_200_");
        mass_change(server);
        let delta = list(server, "/eureka/apps/delta");
        apply(&mut copy, &delta);
        let full = list(server, "/eureka/apps");
        assert_eq!(copy, copy_of(&full));
        assert_eq!(hash(&copy), "DOWN_25_OUT_OF_SERVICE_25_STARTING_25_UP_130_");
        assert_eq!(delta["apps__hashcode"], hash(&copy));
        assert_eq!(full["apps__hashcode"], hash(&copy));
    });
}

/// Protects: the delta stays small: changes leave it after the retention time, the hash code stays.
#[test]
fn old_changes_leave_the_delta() {
    let settings = Settings {
        delta_retention_ms: 3000,
        delta_retention_interval_ms: 300,
        ..Settings::default()
    };
    on_both(&settings, |server| {
        register(server, "OLD", "o1", json!({}));
        assert_eq!(instances(&list(server, "/eureka/apps/delta")).len(), 1);
        wait_until("an empty delta", Duration::from_secs(30), || {
            instances(&list(server, "/eureka/apps/delta"))
                .is_empty()
                .then_some(())
        })
        .unwrap();
        assert_eq!(list(server, "/eureka/apps/delta")["apps__hashcode"], "UP_1_");
        assert_eq!(
            status(server, "PUT", "/eureka/apps/OLD/o1/status?value=DOWN"),
            200
        );
        let delta = instances(&list(server, "/eureka/apps/delta"));
        assert_eq!((delta.len(), &delta[0]["actionType"]), (1, &json!("MODIFIED")));
    });
}
