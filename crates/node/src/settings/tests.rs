//! What an operator meets when settings are given, wrongly given, or given twice.

use std::io::Write;

use koinon_core_balance::PolicyKind;
use koinon_gateway::{AccessLogFormat, GatewaySettings};
use koinon_store::Retention;

use super::*;

fn sources(
    file: Option<&str>,
    env: &[(&str, &str)],
    set: &[&str],
) -> (Sources, Option<tempfile::NamedTempFile>) {
    let file = file.map(|text| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    });
    let sources = Sources {
        config: file.as_ref().map(|file| file.path().to_owned()),
        env: env
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        set: set.iter().map(|text| (*text).to_owned()).collect(),
    };
    (sources, file)
}

fn load(file: Option<&str>, env: &[(&str, &str)], set: &[&str]) -> Result<Settings, Vec<String>> {
    let (sources, _file) = sources(file, env, set);
    Settings::load(Role::Dev, &sources).map_err(|error| error.problems)
}

/// The later layer wins, and a layer that says nothing about a key leaves it alone.
#[test]
fn later_layers_win() {
    let file = "[listen]\nadmin = \"127.0.0.1:1\"\neureka = \"127.0.0.1:2\"\n[registry]\ninstances_max = 5\n";
    let env = [
        ("KOINON__LISTEN__ADMIN", "127.0.0.1:3"),
        ("KOINON_LOG", "debug"),
        ("PATH", "/"),
    ];
    let settings = load(Some(file), &env, &["listen.admin=127.0.0.1:4"]).unwrap();
    assert_eq!(settings.listen.admin, "127.0.0.1:4");
    assert_eq!(settings.listen.eureka, "127.0.0.1:2");
    assert_eq!(settings.registry.instances_max, 5);
    assert_eq!(
        settings.registry.namespaces_max,
        Registry::default().namespaces_max
    );
}

/// Texts are read as what the key expects: a port-like text stays a text, a list may have one item.
#[test]
fn texts_become_what_the_key_expects() {
    let set = [
        "registry.renewal_percent_threshold=1",
        "registry.eviction_interval_ms=60_000",
        "listen.allowed_hosts=eureka1, eureka2",
        "listen.allow_insecure=true",
        "registry.self_preservation=off",
        "data_dir=7",
    ];
    let settings = load(None, &[], &set).unwrap();
    assert!((settings.registry.renewal_percent_threshold - 1.0).abs() < f64::EPSILON);
    assert_eq!(settings.registry.eviction_interval_ms, 60_000);
    assert_eq!(settings.listen.allowed_hosts, ["eureka1", "eureka2"]);
    assert!(settings.listen.allow_insecure);
    assert_eq!(settings.registry.self_preservation, SelfPreservation::Off);
    assert_eq!(settings.data_dir, PathBuf::from("7"));
}

/// A slip is answered with the right name and the place where it was made; all slips at once.
#[test]
fn unknown_keys_name_the_nearest() {
    let problems = load(
        None,
        &[("KOINON__REGISTRY__INSTANCE_MAX", "5")],
        &["listen.eurka=x", "nonsense=1"],
    );
    assert_eq!(
        problems.unwrap_err(),
        [
            "KOINON__REGISTRY__INSTANCE_MAX: there is no setting registry.instance_max; did you mean \
             registry.instances_max?",
            "--set listen.eurka=x: there is no setting listen.eurka; did you mean listen.eureka?",
            "--set nonsense=1: there is no setting nonsense; docs/reference/config.md lists all settings",
        ]
    );
}

/// Wrong types, wrong ranges, broken files and a section used as a value are errors that say what to change.
#[test]
fn wrong_values_say_what_was_expected() {
    let only = |file, set: &[&str]| load(file, &[], set).unwrap_err().join("|");
    assert_eq!(
        only(None, &["registry.instances_max=many"]),
        "--set registry.instances_max=many: registry.instances_max must be a whole number, not \"many\""
    );
    assert_eq!(
        only(None, &["registry.instances_max=0"]),
        "registry.instances_max must be at least 1"
    );
    assert!(only(None, &["registry.instances_max=-1"]).contains("-1"));
    assert!(only(None, &["registry.self_preservation=on"]).contains("eureka"));
    assert!(only(None, &["registry.renewal_percent_threshold=NaN"]).contains("above 0"));
    assert!(only(None, &["listen=x"]).contains("there is no setting listen"));
    assert!(only(None, &["listen.admin"]).contains("section.key=value"));
    assert!(only(Some("[registry]\ninstances_max = \"5\"\n"), &[]).contains("must be a whole number"));
    assert!(only(Some("[registry\n"), &[]).contains("line 1"));
    let missing = Sources {
        config: Some(PathBuf::from("/nonexistent/koinon.toml")),
        ..Sources::default()
    };
    assert!(
        Settings::load(Role::Dev, &missing)
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
}

/// Two developers' systems on one machine: every fixed port moves, chosen ones stay chosen.
#[test]
fn an_offset_moves_every_port() {
    let mut settings = load(None, &[], &["listen.eureka=127.0.0.1:0"]).unwrap();
    settings.shift_ports(100).unwrap();
    let listen = &settings.listen;
    assert_eq!(
        (&*listen.admin, &*listen.eureka, &*listen.gateway),
        ("127.0.0.1:7170", "127.0.0.1:0", "127.0.0.1:9180")
    );
    assert!(
        settings
            .shift_ports(60_000)
            .unwrap_err()
            .to_string()
            .contains("listen.admin past 65535")
    );
}

/// Every setting of the gateway reaches the data plane, each in its own place and unit.
#[test]
fn the_gateway_is_what_was_set() {
    let set = [
        "gateway.workers=3",
        "gateway.routes_file=routes/all.yml",
        "gateway.connections_max=1000",
        "gateway.connections_per_address_max=100",
        "gateway.balance=least_requests",
        "gateway.zone=eu-1",
        "gateway.access_log=combined",
        "gateway.connect_timeout_ms=1",
        "gateway.head_timeout_ms=2",
        "gateway.keep_alive_timeout_ms=3",
        "gateway.response_timeout_ms=4",
        "gateway.idle_timeout_ms=5",
        "gateway.total_timeout_ms=6",
        "gateway.tunnel_idle_timeout_ms=7",
        "gateway.upstream_idle_timeout_ms=8",
        "gateway.client_rate_min_bytes_per_s=9",
        "gateway.client_rate_grace_ms=10",
    ];
    let gateway = load(None, &[], &set).unwrap().gateway;
    assert_eq!(
        gateway.routes_file(),
        Some(std::path::Path::new("routes/all.yml"))
    );
    let made = gateway.data_plane(500);
    assert_eq!((made.workers, made.zone.as_deref()), (3, Some("eu-1")));
    assert_eq!(
        (made.connections_max, made.connections_per_address_max),
        (500, 50),
        "one address must not take a larger share of less"
    );
    assert_eq!(made.policy, PolicyKind::LeastRequests);
    assert_eq!(made.access_log, AccessLogFormat::Combined);
    let times = made.timeouts;
    let times = [
        times.connect,
        times.head,
        times.keep_alive,
        times.response,
        times.idle,
        times.total,
        times.tunnel_idle,
        times.upstream_idle,
    ];
    assert_eq!(times.map(|time| time.as_millis()), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(
        (
            made.client_pace.bytes_per_s_min,
            made.client_pace.grace.as_millis()
        ),
        (9, 10)
    );

    let usual = load(None, &[], &[]).unwrap().gateway;
    let made = usual.data_plane(usual.connections_max);
    let own = GatewaySettings::default();
    assert_eq!(
        (made.timeouts, made.client_pace, made.policy, made.workers),
        (own.timeouts, own.client_pace, own.policy, own.workers)
    );
    assert_eq!(
        (made.connections_max, made.connections_per_address_max, made.zone),
        (own.connections_max, own.connections_per_address_max, None)
    );
    assert_eq!(usual.routes_file(), None);
}

/// Words and times that the gateway cannot work with are refused with what would do.
#[test]
fn the_gateway_refuses_what_it_cannot_do() {
    let only = |set: &[&str]| load(None, &[], set).unwrap_err().join("|");
    assert!(only(&["gateway.balance=fastest"]).contains("least_requests"));
    assert!(only(&["gateway.access_log=yes"]).contains("off, json or combined"));
    assert_eq!(
        only(&["gateway.connect_timeout_ms=0", "gateway.connections_max=0"]),
        "gateway.connections_max must be at least 1|\
         gateway.connect_timeout_ms must be at least 1 and at most 2592000000 (30 days)"
    );
    assert!(only(&["gateway.total_timeout_ms=9223372036854775807"]).contains("30 days"));
    assert!(only(&["gateway.workers=100000"]).contains("at most 1024"));
    assert!(only(&["gateway.routes=x"]).contains("did you mean gateway.routes_file?"));
}

/// What an operator of an etcd sets has its place, and reaches the store and the door.
#[test]
fn the_store_is_what_was_set() {
    let set = [
        "store.quota_bytes=8_000_000",
        "store.cache_bytes_max=0",
        "etcd.request_bytes_max=10_000_000",
        "etcd.txn_ops_max=1000",
        "etcd.progress_interval_ms=100",
        "etcd.history_ms=3_600_000",
    ];
    let settings = load(None, &[], &set).unwrap();
    let store = settings.store.settings();
    assert_eq!((store.quota_bytes, store.cache_bytes_max), (8_000_000, 0));
    let limits = settings.etcd.limits();
    assert_eq!((limits.request_bytes_max, limits.txn_ops_max), (10_000_000, 1000));
    assert_eq!(limits.progress_interval, Duration::from_millis(100));
    let hour = Retention::Age(Duration::from_secs(3600));
    assert_eq!(settings.etcd.retention(), hour);
    let settings = load(None, &[], &["etcd.history_revisions=1000"]).unwrap();
    assert_eq!(settings.etcd.retention(), Retention::Revisions(1000));
    let settings = load(None, &[], &[]).unwrap();
    assert_eq!(settings.etcd.retention(), Retention::Everything);
}

/// A limit that would make the store useless, or says two things, is refused.
#[test]
fn the_store_refuses_what_it_cannot_do() {
    let only = |set: &[&str]| load(None, &[], set).unwrap_err().join("|");
    assert!(only(&["store.quota_bytes=0"]).contains("at least 1048576"));
    assert!(only(&["etcd.request_bytes_max=100_000_000"]).contains("32 MiB"));
    assert!(only(&["etcd.txn_ops_max=0"]).contains("at least 1"));
    assert!(only(&["etcd.progress_interval_ms=99"]).contains("at least 100"));
    assert!(only(&["etcd.history_ms=1", "etcd.history_revisions=1"]).contains("not both"));
    assert!(only(&["etcd.history_revisions=-1"]).contains("at least 0"));
}
