//! The known faults of other Eureka emulations, each as a test that Koinon does not have it. They need nothing but
//! the binary, and the wire as raw as clients see it.

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use koinon_compat_eureka::{Eureka, Kind, Settings, instance, with, without};
    use koinon_testkit::{Connection, Request, Response};
    use serde_json::{Value, json};

    fn koinon() -> Eureka {
        Eureka::start(Kind::Koinon, &Settings::default()).unwrap()
    }

    fn register(server: &Eureka, path: &str, instance: &Value) -> u16 {
        let request = Request::new("POST", format!("/eureka/apps/{path}"))
            .header("Content-Type", "application/json")
            .body(json!({"instance": instance}).to_string());
        server.send(&request).unwrap().status
    }

    fn get(server: &Eureka, path: &str) -> Response {
        server
            .send(&Request::get(path).header("Accept", "application/json"))
            .unwrap()
    }

    fn status(server: &Eureka, method: &str, path: &str) -> u16 {
        server.send(&Request::new(method, path)).unwrap().status
    }

    /// Protects: clients register again when the server lost them. Another emulation answered 400, and they never
    /// came back.
    #[test]
    fn a_heartbeat_of_an_unknown_instance_is_404() {
        let server = koinon();
        for prefix in ["/eureka", "/eureka/v2"] {
            for query in [
                "",
                "?status=UP&lastDirtyTimestamp=1600000000000",
                "?lastDirtyTimestamp=0",
            ] {
                let path = format!("{prefix}/apps/NOBODY/n1{query}");
                assert_eq!(status(&server, "PUT", &path), 404, "{path}");
            }
        }
        assert_eq!(register(&server, "NOBODY", &instance("NOBODY", "n2")), 204);
        assert_eq!(status(&server, "PUT", "/eureka/apps/NOBODY/n1"), 404);
    }

    /// Protects: an instance that was registered without a lease is served with the default one. Another emulation
    /// served null, and every Java client that fetched it failed.
    #[test]
    fn a_missing_lease_is_served_with_defaults() {
        let server = koinon();
        let bare = without(instance("BARE", "b1"), &["leaseInfo", "lastDirtyTimestamp"]);
        let null = with(instance("BARE", "b2"), json!({"leaseInfo": null}));
        assert_eq!(register(&server, "BARE", &bare), 204);
        assert_eq!(register(&server, "BARE", &null), 204);
        let app = get(&server, "/eureka/apps/BARE").json().unwrap();
        let instances = app["application"]["instance"].as_array().unwrap().clone();
        assert_eq!(instances.len(), 2);
        for instance in instances {
            let lease = &instance["leaseInfo"];
            assert_eq!(
                (&lease["renewalIntervalInSecs"], &lease["durationInSecs"]),
                (&json!(30), &json!(90))
            );
            assert!(lease["registrationTimestamp"].as_u64().unwrap() > 0, "{lease}");
        }
    }

    /// Protects: the id that a client registers is the id that everybody sees and that its heartbeats name. Another
    /// emulation wrote its own, and every heartbeat failed.
    #[test]
    fn ids_are_never_rewritten() {
        let server = koinon();
        for (id, escaped) in [
            ("host.example.com:orders:8080", "host.example.com:orders:8080"),
            ("UPPER-and-lower_1", "UPPER-and-lower_1"),
            ("192.168.0.1:8080", "192.168.0.1%3A8080"),
            ("orders@10.0.0.1 (blue)", "orders%4010.0.0.1%20%28blue%29"),
            ("i-0abc", "i-0abc"),
        ] {
            assert_eq!(register(&server, "ORDERS", &instance("ORDERS", id)), 204);
            let path = format!("/eureka/apps/ORDERS/{escaped}");
            assert_eq!(get(&server, &path).json().unwrap()["instance"]["instanceId"], id);
            assert_eq!(status(&server, "PUT", &path), 200, "{id}");
            let by_id = get(&server, &format!("/eureka/instances/{escaped}"))
                .json()
                .unwrap();
            assert_eq!(by_id["instance"]["instanceId"], id);
            assert_eq!(status(&server, "DELETE", &path), 200, "{id}");
        }
    }

    /// Protects: what an instance says of itself is what is served. Another emulation knew only healthy and not.
    #[test]
    fn every_status_round_trips() {
        let server = koinon();
        for value in ["UP", "DOWN", "STARTING", "OUT_OF_SERVICE", "UNKNOWN"] {
            let id = value.to_lowercase();
            let registered = with(instance("STATES", &id), json!({"status": value}));
            assert_eq!(register(&server, "STATES", &registered), 204);
            let path = format!("/eureka/apps/STATES/{id}");
            let shown = |what: &str| {
                let body = get(&server, &path).json().unwrap();
                assert_eq!(body["instance"]["status"], value, "{what}");
            };
            shown("registered");
            assert_eq!(status(&server, "DELETE", &path), 200);
            assert_eq!(register(&server, "STATES", &instance("STATES", &id)), 204);
            assert_eq!(
                status(&server, "PUT", &format!("{path}/status?value={value}")),
                200
            );
            shown("overridden");
        }
        let apps = get(&server, "/eureka/apps").json().unwrap();
        let hash = "DOWN_1_OUT_OF_SERVICE_1_STARTING_1_UNKNOWN_1_UP_1_";
        assert_eq!(apps["applications"]["apps__hashcode"], hash);
    }

    /// Protects: a service with hundreds of instances behind one connection keeps its leases. Another emulation
    /// worked through a batch of 200 so slowly that the sender gave up.
    #[test]
    fn three_hundred_heartbeats_at_once_are_answered_promptly() {
        const COUNT: usize = 300;
        let server = koinon();
        for n in 0..COUNT {
            assert_eq!(
                register(&server, "CROWD", &instance("CROWD", &format!("c{n}"))),
                204
            );
        }
        let beats: Vec<Request> = (0..COUNT)
            .map(|n| {
                Request::new(
                    "PUT",
                    format!("/eureka/apps/CROWD/c{n}?status=UP&lastDirtyTimestamp=1600000000000"),
                )
            })
            .collect();
        let mut connection = Connection::open(server.address()).unwrap();
        let started = Instant::now();
        connection.write(&beats.iter().collect::<Vec<_>>()).unwrap();
        for n in 0..COUNT {
            assert_eq!(connection.read("PUT").unwrap().status, 200, "heartbeat {n}");
        }
        // A client waits eight seconds for one answer; all of them together must not take a fraction of that.
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "{:?}",
            started.elapsed()
        );
    }

    /// Protects: a heartbeat in the first moment of a server's life is 404 like any other. Another emulation
    /// answered with an error of its own until its cache was loaded, and clients did not register again.
    #[test]
    fn the_first_heartbeat_of_all_is_404() {
        let server = koinon();
        assert_eq!(
            status(
                &server,
                "PUT",
                "/eureka/apps/EARLY/e1?status=UP&lastDirtyTimestamp=1600000000000"
            ),
            404
        );
        assert_eq!(status(&server, "GET", "/eureka/apps"), 200);
        assert_eq!(status(&server, "GET", "/eureka/apps/delta"), 200);
        assert_eq!(register(&server, "EARLY", &instance("EARLY", "e1")), 204);
        assert_eq!(status(&server, "PUT", "/eureka/apps/EARLY/e1"), 200);
    }
}
