//! Ordinary Spring Boot services with `spring-cloud-starter-netflix-eureka-client`, unmodified: a consumer calls a
//! provider by its name through a load-balanced `RestTemplate`, and keeps working while a provider is killed, one
//! is added, one is taken out of service and back, and one leaves.

#[cfg(test)]
mod needs_java {
    use std::time::Duration;

    use koinon_compat_eureka::{Application, Eureka, Settings, on_both};
    use koinon_testkit::{Request, wait_until};
    use serde_json::{Value, json};

    /// Seven JVMs start at once on two cores.
    const WITHIN: Duration = Duration::from_secs(150);
    /// Two providers take turns, so a few calls in a row reach both.
    const CALLS: usize = 10;

    fn provider(server: &Eureka, id: &str) -> Application {
        let options = [
            "--spring.application.name=compat-provider",
            "--eureka.instance.lease-renewal-interval-in-seconds=1",
            "--eureka.instance.lease-expiration-duration-in-seconds=2",
            "--management.endpoints.web.exposure.include=serviceregistry",
        ];
        Application::start(server, "provider", id, &options).unwrap()
    }

    fn consumer(server: &Eureka) -> Application {
        let options = [
            "--spring.application.name=compat-consumer",
            "--spring.cloud.loadbalancer.cache.ttl=500ms",
        ];
        Application::start(server, "consumer", "consumer-1", &options).unwrap()
    }

    /// The port of the provider that answered, through the consumer.
    fn call(consumer: &Application) -> Result<u16, String> {
        let answer = consumer.send(&Request::get("/call")).map_err(|e| e.to_string())?;
        let text = answer.text();
        text.parse().map_err(|_| format!("{} {text}", answer.status))
    }

    /// Calls until `CALLS` calls in a row reach exactly these providers. Once the consumer works (`must_work`),
    /// a single failed call fails the test.
    fn reaches(consumer: &Application, providers: &[&Application], must_work: bool) {
        let mut expected: Vec<u16> = providers.iter().map(|p| p.address().port()).collect();
        expected.sort_unstable();
        let mut last = Vec::new();
        let found = wait_until(&format!("calls that reach {expected:?}"), WITHIN, || {
            last = (0..CALLS).map(|_| call(consumer)).collect();
            let failed: Vec<_> = last.iter().filter(|r| r.is_err()).collect();
            assert!(
                !must_work || failed.is_empty(),
                "{failed:?}\n{}",
                consumer.log_end()
            );
            let mut ports: Vec<u16> = last.iter().flatten().copied().collect();
            ports.sort_unstable();
            ports.dedup();
            (failed.is_empty() && ports == expected).then_some(())
        });
        assert!(
            found.is_ok(),
            "{found:?}; the last calls: {last:?}\n{}",
            consumer.log_end()
        );
    }

    /// What the server lists of the provider: ids and statuses.
    fn listed(server: &Eureka) -> Vec<(String, String)> {
        let request = Request::get("/eureka/apps/COMPAT-PROVIDER").header("Accept", "application/json");
        let body = server.send(&request).unwrap().json().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let instances = body["application"]["instance"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let mut listed: Vec<_> = instances
            .iter()
            .map(|i| (text(&i["instanceId"]), text(&i["status"])))
            .collect();
        listed.sort();
        listed
    }

    /// Waits until the server lists exactly this; the consumer's calls must work all the while.
    fn lists(server: &Eureka, consumer: &Application, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        let found = wait_until(&format!("{expected:?} on the server"), WITHIN, || {
            call(consumer).unwrap();
            (listed(server) == expected).then_some(())
        });
        assert!(found.is_ok(), "{found:?}; it lists {:?}", listed(server));
    }

    fn set_status(provider: &Application, status: &str) {
        let request = Request::new("POST", "/actuator/serviceregistry")
            .header("Content-Type", "application/json")
            .body(json!({"status": status}).to_string());
        assert_eq!(provider.send(&request).unwrap().status, 200);
    }

    /// Protects: the first main job: services written for Spring Cloud work by changing one address, and stay up
    /// through what happens to services.
    #[test]
    fn calls_go_on_through_crashes_and_changes() {
        let settings = Settings {
            eviction_interval_ms: 500,
            ..Settings::default()
        };
        on_both(&settings, |server| {
            let mut first = provider(server, "provider-1");
            let mut second = provider(server, "provider-2");
            let mut consumer = consumer(server);
            reaches(&consumer, &[&first, &second], false);

            first.process().kill();
            lists(server, &consumer, &[("provider-2", "UP")]);
            reaches(&consumer, &[&second], true);

            let mut third = provider(server, "provider-3");
            reaches(&consumer, &[&second, &third], true);

            set_status(&second, "OUT_OF_SERVICE");
            lists(
                server,
                &consumer,
                &[("provider-2", "OUT_OF_SERVICE"), ("provider-3", "UP")],
            );
            reaches(&consumer, &[&third], true);
            set_status(&second, "CANCEL_OVERRIDE");
            lists(server, &consumer, &[("provider-2", "UP"), ("provider-3", "UP")]);
            reaches(&consumer, &[&second, &third], true);

            third.process().terminate();
            third.process().wait(WITHIN).unwrap();
            assert_eq!(
                listed(server),
                [("provider-2".to_owned(), "UP".to_owned())],
                "it said goodbye"
            );
            reaches(&consumer, &[&second], true);
            for leaving in [&mut consumer, &mut second] {
                leaving.process().terminate();
                leaving.process().wait(WITHIN).unwrap();
            }
            assert_empty(server);
        });
    }

    fn assert_empty(server: &Eureka) {
        let request = Request::get("/eureka/apps").header("Accept", "application/json");
        let body = server.send(&request).unwrap().json().unwrap();
        assert_eq!(body["applications"]["application"], json!([]));
    }
}
