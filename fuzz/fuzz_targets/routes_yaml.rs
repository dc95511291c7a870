//! Looks for a routes file that panics, exceeds a limit, or is read in two ways.

#![no_main]

use koinon_core_route::{RoutesFile, limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let lookup = |name: &str| (name == "x").then(|| "${y:1}".to_owned());
    let read = || RoutesFile::read(&text, "f", &lookup, &[]);
    let (first, second) = (read(), read());
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
    match first {
        Ok(file) => {
            assert!(file.definition.routes.len() <= limits::ROUTES_MAX);
            assert!(file.notes.len() <= limits::PROBLEMS_MAX);
            let made = file.locator.map(|locator| locator.routes(["A", "b{", "A"]));
            assert!(made.is_none_or(|routes| routes.len() == 2));
        }
        Err(problems) => {
            assert!(!problems.list.is_empty() && problems.list.len() <= limits::PROBLEMS_MAX);
        }
    }
});
