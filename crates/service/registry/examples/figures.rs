//! What the registry's operations cost, measured: `cargo run --release -p koinon-service-registry --example figures`.
//!
//! No assertion on times, because a time proves nothing about another machine: figures for commit messages and for
//! whoever changes what happens under the lock. One thread; the times include the handle and its uncontended lock.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program that prints figures"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use koinon_base::{InstanceId, Namespace, Rng, ServiceName, SystemClock};
use koinon_core_registry::{
    Config, Consistency, Description, LeaseTerms, Pairs, PreservationMode, Registration, RenewOutcome,
    Renewal, Scheme, Status,
};
use koinon_service_registry::{RegistryHandle, Settings};

/// The fleet of the benchmark `registry`.
const SERVICES: usize = 200;
const ROUNDS: usize = 200;

fn main() {
    println!("renew, 200 services, random order");
    [1_000, 10_000, 100_000].into_iter().for_each(renew);
    println!("change of one instance in one service of 131072");
    change_in_one_service(131_072);
    println!("change of one instance among 20000 services of one instance");
    change_among_services(20_000);
}

fn registry() -> RegistryHandle {
    let settings = Settings {
        namespace: Config {
            preservation: PreservationMode::Off,
            ..Config::default()
        },
        ..Settings::default()
    };
    RegistryHandle::new(settings, Arc::new(SystemClock::new()), Rng::from_seed(1))
}

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("a good name")
}

fn id(n: usize) -> InstanceId {
    let text = format!("10.{}.{}.{}:service:8080", n >> 16, (n >> 8) & 255, n & 255);
    InstanceId::new(&text).expect("a good id")
}

fn register(registry: &RegistryHandle, service: &ServiceName, id: &InstanceId) {
    let description = Description {
        service: name(service.as_str()),
        id: InstanceId::new(id.as_str()).expect("a good id"),
        address: "10.0.0.1".into(),
        port: 8080,
        scheme: Scheme::Http,
        zone: None,
        weight: Description::WEIGHT_DEFAULT,
        version: None,
        metadata: [("management.port", "8080")].into_iter().collect(),
        attributes: Pairs::new(),
        lease: LeaseTerms::default(),
    };
    let registration = Registration {
        description,
        consistency: Consistency::Ephemeral,
        status: Status::Up,
        status_override: None,
        last_dirty_ms: Some(0),
        replicated: false,
    };
    let registered = registry.register(&Namespace::default(), registration);
    registered.expect("there is room");
}

fn renew(instances: usize) {
    let (registry, default) = (registry(), Namespace::default());
    for n in 0..instances {
        register(&registry, &name(&format!("service-{:03}", n % SERVICES)), &id(n));
    }
    let mut order: Vec<usize> = (0..instances).collect();
    Rng::from_seed(2).choose_front(&mut order, instances);
    // Names of their own, in the order of their use: a request's names come fresh from its parser.
    let calls: Vec<(ServiceName, InstanceId)> = order
        .iter()
        .map(|n| (name(&format!("service-{:03}", n % SERVICES)), id(*n)))
        .collect();
    let rounds = 1_000_000 / instances;
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        for _ in 0..rounds {
            for (service, id) in &calls {
                let outcome = registry.renew(&default, service, id, Renewal::default());
                assert!(matches!(outcome, RenewOutcome::Renewed));
            }
        }
        best = best.min(start.elapsed());
    }
    println!(
        "  {instances:>7} instances: {:>6.0} ns each, best of 5",
        best.as_nanos() as f64 / (rounds * instances) as f64
    );
}

fn change_in_one_service(instances: usize) {
    let (registry, orders) = (registry(), name("orders"));
    let mut filling = Vec::with_capacity(instances);
    for n in 0..instances {
        let (id, start) = (id(n), Instant::now());
        register(&registry, &orders, &id);
        filling.push(start.elapsed());
    }
    show("registering the first time", filling);
    let places = |n: usize| (n * 7_919) % instances;
    changes(&registry, |registry, n| {
        register(registry, &orders, &id(places(n)));
    });
    let start = Instant::now();
    let snapshot = registry.snapshot(&Namespace::default()).expect("there is one");
    let sum: u64 = snapshot.instances().map(|instance| instance.revision).sum();
    println!(
        "  reading all of a snapshot: {:?} (checksum {sum})",
        start.elapsed()
    );
}

fn change_among_services(services: usize) {
    let registry = registry();
    for n in 0..services {
        register(&registry, &name(&format!("service-{n}")), &id(n));
    }
    let place = |n: usize| (n * 7_919) % services;
    changes(&registry, |registry, n| {
        register(registry, &name(&format!("service-{}", place(n))), &id(place(n)));
    });
    let finds = (0..ROUNDS).map(|n| {
        let (id, start) = (id(place(n)), Instant::now());
        assert!(registry.find(&Namespace::default(), &id).is_some());
        start.elapsed()
    });
    show("find by instance id", finds.collect());
}

fn changes(registry: &RegistryHandle, change: impl Fn(&RegistryHandle, usize)) {
    for holding in [false, true] {
        let mut times = Vec::with_capacity(ROUNDS);
        for n in 0..ROUNDS {
            let held = holding.then(|| registry.snapshot(&Namespace::default()));
            let start = Instant::now();
            change(registry, n);
            times.push(start.elapsed());
            drop(held);
        }
        let what = if holding {
            "with a snapshot held"
        } else {
            "with no snapshot held"
        };
        show(what, times);
    }
}

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!(
        "  {what}: median {:?}, p99 {:?}, worst {:?}",
        at(50),
        at(99),
        at(100)
    );
}
