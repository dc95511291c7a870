//! Counting what a test run did, from the lines `cargo test` prints.
//!
//! Why parse and not trust the exit status: a suite that ran no test exits 0 as well, and a run that cannot say how
//! many tests it passed cannot notice when half of them are gone.

use std::fmt;

/// What ran, and by name what did not.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    /// Why each skipped test did not run, or the test's name where it gave no reason.
    pub(crate) skipped_names: Vec<String>,
}

impl Tally {
    /// Reads one line of a test run; lines that say nothing about tests change nothing.
    pub(crate) fn read_line(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.passed += count_before(counts, " passed");
            self.failed += count_before(counts, " failed");
            self.skipped += count_before(counts, " ignored") + count_before(counts, " filtered out");
        } else if let Some(ignored) = ignored_test(line) {
            self.skipped_names.push(ignored);
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.skipped_names.extend(other.skipped_names.iter().cloned());
    }

    pub(crate) fn skip(&mut self, name: &str) {
        self.skipped += 1;
        self.skipped_names.push(name.to_owned());
    }

    pub(crate) fn count(&mut self, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    /// Nothing ran: for a suite that is a failure, whatever its exit status was.
    pub(crate) fn ran_nothing(&self) -> bool {
        self.passed + self.failed == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// `ok. 3 passed; 0 failed; …`: the number before ` passed`.
fn count_before(counts: &str, word: &str) -> usize {
    let number = counts
        .split(word)
        .next()
        .and_then(|before| before.rsplit([' ', ';']).next());
    match counts.contains(word) {
        true => number.and_then(|digits| digits.parse().ok()).unwrap_or(0),
        false => 0,
    }
}

/// `test some::name ... ignored` or `… ignored, why`.
fn ignored_test(line: &str) -> Option<String> {
    let (name, verdict) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
    Some(format!("{name}{}", verdict.replacen(", ", ": ", 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: the last line of a run adds up all test binaries; tests that were ignored or left out by a filter are
    /// counted, and named where their names are known.
    #[test]
    fn the_lines_of_several_binaries_add_up() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test a::b ... ok",
            "test a::slow ... ignored, needs a minute",
            "test a::other ... ignored",
            "test result: ok. 12 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.01s",
            "a test that prints: test result is fine",
        ] {
            tally.read_line(line);
        }
        assert_eq!(tally.to_string(), "15 passed, 1 failed, 6 skipped");
        assert_eq!(tally.skipped_names, ["a::slow: needs a minute", "a::other"]);
    }

    /// Protects: a run whose filter matched nothing is not mistaken for a success.
    #[test]
    fn a_run_of_nothing_is_seen() {
        let mut tally = Tally::default();
        tally.read_line("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 5 filtered out");
        assert!(tally.ran_nothing());
        tally.count(true);
        assert!(!tally.ran_nothing());
    }
}
