//! What an operator meets when settings are given, wrongly given, or given twice.

use std::io::Write;

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
    assert_eq!(
        (&*settings.listen.admin, &*settings.listen.eureka),
        ("127.0.0.1:7170", "127.0.0.1:0")
    );
    assert!(
        settings
            .shift_ports(60_000)
            .unwrap_err()
            .to_string()
            .contains("listen.admin past 65535")
    );
}
