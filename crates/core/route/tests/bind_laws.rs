//! Whatever the text, reading it ends, within bounds, without a panic.

use std::fmt::Write as _;

use koinon_core_route::{RoutesFile, limits};
use proptest::prelude::*;

fn read(text: &str) -> Result<RoutesFile, String> {
    let lookup = |name: &str| (name == "HOME").then(|| "${x}".to_owned());
    RoutesFile::read(text, "f", &lookup, &[]).map_err(|problems| problems.to_string())
}

#[track_caller]
fn assert_refused(text: &str, expected: &str) {
    let problems = read(text).err().unwrap_or_default();
    let head: String = problems.chars().take(500).collect();
    assert!(head.contains(expected), "{expected:?} is not in {head:?}");
}

/// Lines as a routes file has them, so that mixtures of them come further than the parser.
fn line() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "spring:",
        "cloud:",
        "gateway:",
        "routes:",
        "- id: a",
        "- uri: lb://a",
        "predicates:",
        "filters:",
        "- Path=/a",
        "- name: X",
        "args:",
        "metadata:",
        "spring.cloud.gateway.routes[0]:",
        "a.b[1].c: ${a.b}",
        "---",
        "x: &a [1]",
        "y: *a",
        "<<: *a",
        "- {a: b, c: [d, e]}",
        "[0]: x",
        "'[/**]': y",
        "default-filters: A=${x:${y}},B",
        "spring.profiles: '!a & (b | c)'",
        "spring.config.activate.on-profile:",
        "discovery.locator.enabled: true",
        "- StripPrefix='a'+serviceId",
        "- a=b,c=d",
        "order: 0x1F",
        "httpclient.response-timeout: PT5S",
        "- ",
        "- - -",
    ]);
    (0_usize..5, words).prop_map(|(depth, words)| format!("{}{words}\n", "  ".repeat(depth)))
}

proptest! {
    #[test]
    fn no_text_panics(bytes in any::<Vec<u8>>()) {
        // protects: a file that is anything at all is told so
        let _ = read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_mixture_of_lines_panics(lines in prop::collection::vec(line(), 0..40)) {
        // protects: a file that is nearly one is told so, and what is read of it is within the limits
        if let Ok(file) = read(&lines.concat()) {
            prop_assert!(file.definition.routes.len() <= limits::ROUTES_MAX);
            prop_assert!(file.notes.len() <= limits::PROBLEMS_MAX);
        }
    }
}

#[test]
fn what_is_too_much_is_told() {
    // protects: every bound on what a file may ask for holds and names itself
    let steps = "- Path=/a\n".repeat(limits::STEPS_MAX + 1);
    let filters = format!("spring.cloud.gateway.default-filters:\n{steps}");
    assert_refused(&filters, "257 filters, at most 256");

    let mut values = "routes:\n- id: a\n  metadata:\n".to_owned();
    for n in 0..=limits::PATTERNS_MAX {
        writeln!(values, "    k{n}: v").unwrap();
    }
    assert_refused(&values, "more than 1024 values");

    let key = "k".repeat(limits::KEY_BYTES_MAX + 1);
    let long = format!("routes:\n- id: a\n  metadata: {{? {key} : v}}\n");
    assert_refused(&long, "more than 1024 bytes");

    let routes = "- a=b\n".repeat(limits::ROUTES_MAX + 1);
    assert_refused(&format!("routes:\n{routes}"), "at most 100000 are read");

    let large = "#".repeat(limits::FILE_BYTES_MAX + 1);
    assert_refused(&large, "8388609 bytes");
}

#[test]
fn a_key_of_a_million_elements_costs_no_stack() {
    // protects: names of any depth are walked without recursion, and in time that grows with their length
    for element in ["-.", "[", "[a]", "a[", "."] {
        let key = element.repeat(100_000);
        let text = format!("? '{key}'\n: c\nspring.cloud.gateway.default-filters: A=${{x}}\n");
        assert_eq!(read(&text).err(), None, "{element}");
        let text = format!("routes:\n- id: a\n  metadata:\n    ? '{key}'\n    : c\n");
        let _ = read(&text);
    }
    let key = "a.".repeat(1_000_000);
    assert!(
        read(&format!(
            "? {key}b\n: c\nspring.cloud.gateway.default-filters: A=${{x}}\n"
        ))
        .is_ok()
    );
    let deep = format!("routes:\n- id: a\n  metadata:\n    ? {key}b\n    : c\n");
    assert_refused(&deep, "more than 1024 bytes");
    let prefix = format!("? spring.cloud.gateway.{key}b\n: c\n");
    assert_eq!(read(&prefix).unwrap().notes.len(), 1);
}

#[test]
fn a_large_file_is_read_whole() {
    // protects: ten thousand routes are an ordinary file
    let mut text = "base: lb\nspring.cloud.gateway.routes:\n".to_owned();
    for n in 0..10_000 {
        writeln!(
            text,
            "- id: r{n}\n  uri: ${{base}}://s{n}\n  predicates:\n  - Path=/s{n}/**\n  filters:\n  - StripPrefix=1"
        )
        .unwrap();
    }
    let file = read(&text).unwrap();
    assert_eq!(file.definition.routes.len(), 10_000);
    assert_eq!(file.definition.routes[9_999].uri.value, "lb://s9999");
}
