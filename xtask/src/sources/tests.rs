//! Each text check is shown what it must find and what it must leave alone.

use super::*;

fn homes() -> Vec<String> {
    HOMES.map(String::from).to_vec()
}

/// Protects: a path of somebody's machine is found, and a URL path with the same letters is left alone.
#[test]
fn machine_paths_are_found_and_url_paths_are_not() {
    for line in ["see /home/ann/x", "\"/root/.cargo\"", "dir=/Users/bob"] {
        assert_eq!(machine_words("a.md", line, &homes()).len(), 1, "{line}");
    }
    for line in [
        "http://localhost/home/ann",
        "crates/root/x",
        "`/home/`",
        "{base}/home/x",
        "GET /homes/ann",
    ] {
        assert_eq!(
            machine_words("a.md", line, &homes()),
            Vec::<String>::new(),
            "{line}"
        );
    }
}

/// Protects: the checkout's own surroundings count as a machine's path.
#[test]
fn the_folder_above_the_checkout_is_a_machine_path() {
    let places = own_places(Path::new("/builds/koinon"));
    assert!(places.contains(&"/builds/".to_owned()), "{places:?}");
    assert!(
        own_places(Path::new("/koinon"))
            .iter()
            .all(|place| place.len() > 4)
    );
}

/// Protects: a number that only insiders can look up does not stand for an explanation.
#[test]
fn tracker_numbers_are_found() {
    assert!(holds_tracker_number("fixed, see Issue #12") && holds_tracker_number("issue 3"));
    assert!(!holds_tracker_number("Netflix/eureka#1120") && !holds_tracker_number("an issue with 3 parts"));
}

/// Protects: a lock file written behind a private mirror does not get in.
#[test]
fn private_mirrors_in_lock_files_are_found() {
    let npm = "      \"resolved\": \"http://mirror.local/npm/x.tgz\",";
    assert_eq!(machine_words("compat/a/package-lock.json", npm, &[]).len(), 1);
    assert_eq!(machine_words("README.md", npm, &[]).len(), 0);
    assert_eq!(
        machine_words(
            "Cargo.lock",
            "source = \"registry+https://mirror.local/index\"",
            &[]
        )
        .len(),
        1
    );
    assert_eq!(
        machine_words("Cargo.lock", &format!("source = \"{CARGO_SOURCE}\""), &[]).len(),
        0
    );
}

/// Protects: a clock read in a domain is found with its line; comments and tests may speak of it.
#[test]
fn impure_calls_are_found_outside_tests_and_comments() {
    let text = "//! no Instant::now here\nfn f() {\n    Instant::now();\n}\n#[cfg(test)]\nmod tests { std::fs::read(); }\n";
    let found = impure_calls("crates/core/kv/src/lib.rs", text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("crates/core/kv/src/lib.rs:3: `Instant::now`"),
        "{found:?}"
    );
}
