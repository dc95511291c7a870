//! A checker of arrows that accepts a wrong arrow is worse than none: each rule is fed a graph that breaks it, and
//! one test plants an arrow in a copy of the real manifests and reads it back through cargo.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::workspace::Workspace;

fn dep(folder: &str, kind: DepKind) -> Dep {
    Dep {
        name: name_of(folder),
        kind,
        folder: Some(folder.to_owned()),
    }
}

fn outside(name: &str, kind: DepKind) -> Dep {
    Dep {
        name: name.to_owned(),
        kind,
        folder: None,
    }
}

fn package(folder: &str, deps: Vec<Dep>) -> Package {
    Package {
        name: name_of(folder),
        folder: folder.to_owned(),
        deps,
        sources: Vec::new(),
    }
}

fn name_of(folder: &str) -> String {
    format!(
        "koinon-{}",
        folder.trim_start_matches("crates/").replace('/', "-")
    )
}

fn rule_of(from: &str, to: &str, kind: DepKind) -> Option<Rule> {
    let found = violations(&[package(from, vec![dep(to, kind)])]);
    assert!(found.len() <= 1, "{found:?}");
    found.first().map(|violation| violation.rule)
}

/// Protects: every arrow of the design's map is allowed, so that the check never stands in the way of right code.
#[test]
fn the_arrows_of_the_map_are_allowed() {
    for (from, to) in [
        ("crates/core/registry", "crates/base"),
        ("crates/core/registry", "crates/core/kv"),
        ("crates/core/trace", "crates/core/kv"),
        ("crates/io/net", "crates/base"),
        ("crates/store", "crates/io/wal"),
        ("crates/io/wal", "crates/io/disk"),
        ("crates/service/registry", "crates/core/registry"),
        ("crates/service/registry", "crates/store"),
        ("crates/api/eureka", "crates/service/registry"),
        ("crates/gateway", "crates/core/http1"),
        ("crates/sdk", "crates/io/net"),
        ("crates/sdk", "crates/sdk-macros"),
        ("crates/node", "crates/api/eureka"),
        ("crates/node", "crates/gateway"),
        ("crates/cli", "crates/node"),
        ("crates/testkit", "crates/cli"),
        ("crates/bench", "crates/testkit"),
        ("compat/eureka", "crates/testkit"),
    ] {
        assert_eq!(rule_of(from, to, DepKind::Normal), None, "{from} -> {to}");
    }
    assert_eq!(
        rule_of("crates/service/registry", "crates/testkit", DepKind::Dev),
        None
    );
}

/// Protects: each rule refuses the arrow it was written for.
#[test]
fn each_rule_refuses_its_wrong_arrow() {
    for (from, to, rule) in [
        ("crates/base", "crates/core/kv", Rule::Rows),
        ("crates/core/registry", "crates/service/registry", Rule::Rows),
        ("crates/core/registry", "crates/io/net", Rule::Rows),
        ("crates/store", "crates/service/registry", Rule::Rows),
        ("crates/api/eureka", "crates/node", Rule::Rows),
        ("crates/gateway", "crates/cli", Rule::Rows),
        ("crates/core/kv", "crates/core/registry", Rule::Domains),
        ("crates/core/kv", "crates/core/kv", Rule::Domains),
        ("crates/api/eureka", "crates/api/admin", Rule::Doors),
        ("crates/api/eureka", "crates/gateway", Rule::Beside),
        ("crates/io/net", "crates/io/telemetry", Rule::Beside),
        ("crates/io/backend", "crates/io/wal", Rule::Beside),
        ("crates/io/disk", "crates/io/wal", Rule::Beside),
        ("crates/service/registry", "crates/service/config", Rule::Beside),
        ("crates/sdk", "crates/store", Rule::Sdk),
        ("crates/sdk", "crates/io/telemetry", Rule::Sdk),
        ("crates/sdk-macros", "crates/sdk", Rule::Sdk),
        ("crates/node", "crates/testkit", Rule::Tools),
        ("crates/cli", "compat/eureka", Rule::Tools),
    ] {
        assert_eq!(rule_of(from, to, DepKind::Normal), Some(rule), "{from} -> {to}");
    }
}

/// Protects: a test may use the testkit but may not turn the map upside down.
#[test]
fn tests_keep_to_the_rows_as_well() {
    assert_eq!(
        rule_of("crates/core/registry", "crates/node", DepKind::Dev),
        Some(Rule::Rows)
    );
}

/// Protects: a crate may turn its own features on for its tests, and only for them.
#[test]
fn a_crate_may_stand_on_itself_in_its_tests() {
    assert_eq!(rule_of("crates/io/wal", "crates/io/wal", DepKind::Dev), None);
    assert_eq!(
        rule_of("crates/io/wal", "crates/io/wal", DepKind::Normal),
        Some(Rule::Beside)
    );
}

/// Protects: a crate in a folder the map does not know is refused, as is a domain outside the design's list.
#[test]
fn a_crate_without_a_place_is_refused() {
    for folder in [
        "crates/helpers",
        "crates/core/misc",
        "crates/api",
        "lib/x",
        "crates/base/sub",
    ] {
        let found = violations(&[package(folder, Vec::new())]);
        assert_eq!(
            found.first().map(|violation| violation.rule),
            Some(Rule::Place),
            "{folder}"
        );
    }
}

/// Protects: a runtime, a socket or a random source does not slip into a domain, except for its tests.
#[test]
fn a_domain_with_a_runtime_is_refused() {
    let rules = |folder: &str, kind| {
        let found = violations(&[package(folder, vec![outside("tokio", kind)])]);
        found.first().map(|violation| violation.rule)
    };
    assert_eq!(rules("crates/core/registry", DepKind::Normal), Some(Rule::Pure));
    assert_eq!(rules("crates/base", DepKind::Normal), Some(Rule::Pure));
    assert_eq!(rules("crates/core/registry", DepKind::Dev), None);
    assert_eq!(rules("crates/service/registry", DepKind::Normal), None);
}

/// Protects: the whole way from manifests through `cargo metadata` to the message: an arrow planted in a copy of
/// the real workspace is found, and the message names both crates, the rule and its reason.
#[test]
fn an_arrow_planted_in_the_real_manifests_is_found() {
    let real = Workspace::load().unwrap();
    let copy = Scratch::new("arrows");
    copy_manifests(&real, &copy.0);
    let before = Workspace::load_at(&copy.0).unwrap();
    let known = violations(&before.packages).len();

    let manifest = copy.0.join("crates/core/registry/Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let planted = text.replace(
        "[dependencies]",
        "[dependencies]\nkoinon-service-registry.workspace = true",
    );
    assert_ne!(
        planted, text,
        "the manifest has a [dependencies] section to plant in"
    );
    fs::write(&manifest, planted).unwrap();

    let after = Workspace::load_at(&copy.0).unwrap();
    let found = violations(&after.packages);
    assert_eq!(found.len(), known + 1, "{found:?}");
    let message = found
        .iter()
        .map(Violation::to_string)
        .find(|m| m.contains("koinon-core-registry "))
        .unwrap();
    assert!(
        message.contains("koinon-service-registry (crates/service/registry, row 5)"),
        "{message}"
    );
    assert!(
        message.contains("only rows above: a lower row knows more"),
        "{message}"
    );
}

/// The manifests of a workspace with an empty file for each target, which is all cargo asks for.
fn copy_manifests(real: &Workspace, copy: &Path) {
    fs::copy(real.root.join("Cargo.toml"), copy.join("Cargo.toml")).unwrap();
    for package in &real.packages {
        let manifest = Path::new(&package.folder).join("Cargo.toml");
        fs::create_dir_all(copy.join(&package.folder)).unwrap();
        fs::copy(real.root.join(&manifest), copy.join(&manifest)).unwrap();
        for source in &package.sources {
            fs::create_dir_all(copy.join(source).parent().unwrap()).unwrap();
            fs::write(copy.join(source), "").unwrap();
        }
    }
}

/// A folder of this test's own, gone when it ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("koinon-xtask-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
