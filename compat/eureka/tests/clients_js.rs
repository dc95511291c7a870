//! The npm package `eureka-js-client`, unmodified, in both of its modes (full fetches and deltas) and on both
//! paths (`/eureka/apps/` as with Spring's server, `/eureka/v2/apps/` as by its default): it registers, keeps its
//! lease, sees others, changes its status, comes back when it was forgotten, and leaves.

#[cfg(test)]
mod needs_java_node {
    use std::process::Command;
    use std::time::Duration;

    use koinon_compat_eureka::{Driver, Eureka, Settings, node, node_driver, node_modules, on_both};
    use koinon_testkit::{Request, wait_until};
    use serde_json::{Value, json};

    const WITHIN: Duration = Duration::from_secs(30);

    /// A client knows an instance by its host and port, so each has a port of its own.
    fn client(server: &Eureka, path: &str, id: &str, port: u16, mode: &str) -> Driver {
        let address = server.address();
        let mut command = Command::new(node().unwrap());
        command
            .arg(node_driver())
            .args([&address.ip().to_string(), &address.port().to_string()])
            .args([path, "js-service", id, &port.to_string(), mode])
            .env("NODE_PATH", node_modules().unwrap());
        Driver::start(&format!("eureka-js-client {id}"), command).unwrap()
    }

    /// Waits until the client's cache shows exactly these instances with these statuses.
    fn sees(client: &mut Driver, command: &str, expected: &[(&str, &str)]) {
        let expected: Vec<Value> = expected
            .iter()
            .map(|(id, status)| json!({"id": id, "status": status}))
            .collect();
        let mut seen = Value::Null;
        let found = wait_until(&format!("{expected:?} in the client's cache"), WITHIN, || {
            seen = client.ask(command).unwrap();
            (seen["instances"].as_array() == Some(&expected)).then_some(())
        });
        assert!(found.is_ok(), "{found:?}; it shows {seen}\n{}", client.log());
    }

    fn served(server: &Eureka, id: &str) -> Option<Value> {
        let path = format!("/eureka/apps/JS-SERVICE/{id}");
        let answer = server
            .send(&Request::get(path).header("Accept", "application/json"))
            .unwrap();
        (answer.status == 200).then(|| answer.json().unwrap()["instance"].clone())
    }

    fn count(client: &mut Driver, what: &str) -> u64 {
        client.ask("counts").unwrap()[what].as_u64().unwrap()
    }

    fn send(server: &Eureka, method: &str, path: &str) {
        let answer = server.send(&Request::new(method, path)).unwrap();
        assert_eq!(answer.status, 200, "{method} {path}");
    }

    const INSTANCES: &str = "instances js-service";
    /// The client's delta mode keeps its index by application wrong when something changes; the one by vip works.
    const VIP: &str = "vip js-service";
    const BOTH: [(&str, &str); 2] = [("js-1", "UP"), ("js-2", "UP")];

    /// Protects: a service with `eureka-js-client` works by changing its address.
    #[test]
    fn a_service_lives_its_whole_life() {
        on_both(&Settings::default(), |server| {
            let mut full = client(server, "/eureka/apps/", "js-1", 8091, "full");
            let mut delta = client(server, "/eureka/v2/apps/", "js-2", 8092, "delta");
            assert_eq!(full.ask("start").unwrap(), json!({"ok": true}));
            assert_eq!(delta.ask("start").unwrap(), json!({"ok": true}));
            for watcher in [&mut full, &mut delta] {
                sees(watcher, INSTANCES, &BOTH);
                sees(watcher, VIP, &BOTH);
            }
            keeps_its_lease(server, &mut full);
            a_status_change_is_seen(server, &mut full, &mut delta);
            it_comes_back_when_forgotten(server, &mut full, &mut delta);
            leaves(server, &mut full);
            sees(&mut delta, VIP, &[("js-2", "UP")]);
            delta.process().kill();
            assert!(served(server, "js-2").is_some(), "a crash is no cancellation");
        });
    }

    fn keeps_its_lease(server: &Eureka, client: &mut Driver) {
        wait_until("three heartbeats", WITHIN, || {
            (count(client, "heartbeat") >= 3).then_some(())
        })
        .unwrap();
        let lease = &served(server, "js-1").unwrap()["leaseInfo"];
        assert!(
            lease["lastRenewalTimestamp"].as_u64() > lease["registrationTimestamp"].as_u64(),
            "{lease}"
        );
        assert_eq!(
            count(client, "registered"),
            1,
            "heartbeats are answered with 200, not 404"
        );
    }

    fn a_status_change_is_seen(server: &Eureka, full: &mut Driver, delta: &mut Driver) {
        assert_eq!(full.ask("status OUT_OF_SERVICE").unwrap(), json!({"status": 200}));
        assert_eq!(served(server, "js-1").unwrap()["status"], "OUT_OF_SERVICE");
        sees(full, INSTANCES, &[("js-2", "UP")]);
        sees(delta, VIP, &[("js-1", "OUT_OF_SERVICE"), ("js-2", "UP")]);
        assert_eq!(full.ask("status").unwrap(), json!({"status": 200}));
        for watcher in [full, delta] {
            sees(watcher, VIP, &BOTH);
        }
    }

    /// The client stops its heartbeats and cancels, but one on its way may come behind the cancellation; its 404 makes the
    /// client register once more, with any server. Then, and only then, it is told to stop again.
    fn leaves(server: &Eureka, client: &mut Driver) {
        let before = count(client, "registered");
        assert_eq!(client.ask("stop").unwrap(), json!({"ok": true}));
        if served(server, "js-1").is_some() {
            wait_until("a late heartbeat's registration", WITHIN, || {
                (count(client, "registered") > before).then_some(())
            })
            .unwrap();
            assert_eq!(client.ask("stop").unwrap(), json!({"ok": true}));
        }
        assert_eq!(served(server, "js-1"), None);
    }

    /// The server forgets the instance; the next heartbeat's 404 makes the client register again by itself.
    fn it_comes_back_when_forgotten(server: &Eureka, full: &mut Driver, delta: &mut Driver) {
        let before = count(full, "registered");
        send(server, "DELETE", "/eureka/apps/JS-SERVICE/js-1");
        wait_until("a new registration", WITHIN, || {
            (count(full, "registered") > before).then_some(())
        })
        .unwrap();
        for watcher in [full, delta] {
            sees(watcher, VIP, &BOTH);
        }
    }
}
