//! The PyPI package `py_eureka_client`, unmodified. It registers in JSON, reads XML, and knows every path of the
//! API: it registers, keeps its lease, reads by every path, changes its status, and leaves.

#[cfg(test)]
mod needs_java_python {
    use std::collections::BTreeMap;
    use std::process::Command;
    use std::sync::Mutex;
    use std::time::Duration;

    use koinon_compat_eureka::{
        Driver, Eureka, Settings, canonical, differences, now_ms, on_both, python, python_driver,
    };
    use koinon_testkit::{Request, wait_until};
    use serde_json::{Value, json};

    const WITHIN: Duration = Duration::from_secs(30);

    fn client(server: &Eureka, id: &str) -> Driver {
        let mut command = Command::new(python().unwrap());
        command
            .arg(python_driver())
            .args([&server.url(), "py-service", id]);
        Driver::start(&format!("py_eureka_client {id}"), command).unwrap()
    }

    /// Waits until the client's cache shows exactly these instances with these statuses.
    fn sees(client: &mut Driver, expected: &[(&str, &str)]) {
        let expected: Vec<Value> = expected
            .iter()
            .map(|(id, status)| json!({"id": id, "status": status, "port": 8091, "address": "127.0.0.1"}))
            .collect();
        let mut seen = Value::Null;
        let found = wait_until(&format!("{expected:?} in the client's cache"), WITHIN, || {
            seen = client.ask("instances PY-SERVICE").unwrap();
            (seen["instances"].as_array() == Some(&expected)).then_some(())
        });
        assert!(found.is_ok(), "{found:?}; it shows {seen}\n{}", client.log());
    }

    fn served(server: &Eureka, id: &str) -> Option<Value> {
        let path = format!("/eureka/apps/PY-SERVICE/{id}");
        let answer = server
            .send(&Request::get(path).header("Accept", "application/json"))
            .unwrap();
        (answer.status == 200).then(|| answer.json().unwrap()["instance"].clone())
    }

    /// Protects: a service with `py_eureka_client` works by changing its address, and what it reads by any path is
    /// what it would read from the original, field by field.
    #[test]
    fn a_service_lives_its_whole_life() {
        let read = Mutex::new(BTreeMap::new());
        on_both(&Settings::default(), |server| {
            let mut one = client(server, "py-1");
            let mut two = client(server, "py-2");
            one.ask("start").unwrap();
            two.ask("start").unwrap();
            for watcher in [&mut one, &mut two] {
                sees(watcher, &[("py-1", "UP"), ("py-2", "UP")]);
            }
            let renewed = |id| served(server, id).is_some_and(|i| is_renewed(&i["leaseInfo"]));
            wait_until("heartbeats", WITHIN, || {
                (renewed("py-1") && renewed("py-2")).then_some(())
            })
            .unwrap();
            one.ask("status OUT_OF_SERVICE").unwrap();
            let reads = everything(&mut two);
            read.lock().unwrap().insert(format!("{:?}", server.kind()), reads);
            for watcher in [&mut one, &mut two] {
                sees(watcher, &[("py-1", "OUT_OF_SERVICE"), ("py-2", "UP")]);
            }
            one.ask("status").unwrap();
            // The original has no status left now; the client's next heartbeat is refused and it registers again.
            for watcher in [&mut one, &mut two] {
                sees(watcher, &[("py-1", "UP"), ("py-2", "UP")]);
            }
            one.ask("stop").unwrap();
            assert_eq!(served(server, "py-1"), None);
            sees(&mut two, &[("py-2", "UP")]);
        });
        let read = read.into_inner().unwrap();
        if let (Some(original), Some(koinon)) = (read.get("Original"), read.get("Koinon")) {
            let found = differences("read", original, koinon);
            assert!(
                found.is_empty(),
                "{}",
                found.iter().map(|d| format!("{d}\n")).collect::<String>()
            );
        }
    }

    fn is_renewed(lease: &Value) -> bool {
        lease["lastRenewalTimestamp"].as_u64() > lease["registrationTimestamp"].as_u64()
    }

    fn everything(client: &mut Driver) -> Value {
        let mut answers = serde_json::Map::new();
        for command in [
            "read all",
            "read delta",
            "read vip py-service",
            "read svip py-service",
            "read app PY-SERVICE",
            "read one PY-SERVICE py-1",
            "read id py-2",
        ] {
            let answer = client.ask(command).unwrap();
            answers.insert(command.to_owned(), canonical(answer, now_ms()));
        }
        Value::Object(answers)
    }
}
