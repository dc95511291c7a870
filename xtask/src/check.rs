//! What a read-only check is, and how a list of them is run and reported.

use std::time::Instant;

use crate::error::Error;
use crate::shell::say;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// What a check found.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// All is well; the note says over how much.
    Fine(String),
    /// One line or paragraph for each thing that is wrong.
    Wrong(Vec<String>),
    /// It could not run here: why, and what to install. Counted as skipped, never silent.
    NotRun(String),
}

impl Verdict {
    /// Fine when nothing was found.
    pub(crate) fn of(problems: Vec<String>, note: impl Into<String>) -> Self {
        if problems.is_empty() {
            Self::Fine(note.into())
        } else {
            Self::Wrong(problems)
        }
    }
}

impl From<Error> for Verdict {
    fn from(error: Error) -> Self {
        Self::Wrong(vec![error.to_string()])
    }
}

/// A named check. `run` reads the workspace and changes nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Workspace) -> Verdict,
}

/// Runs all checks, even after one failed: a person wants the whole list at once.
pub(crate) fn run_all<'a>(checks: impl Iterator<Item = &'a Check>, workspace: &Workspace) -> Tally {
    let mut tally = Tally::default();
    for check in checks {
        let started = Instant::now();
        let verdict = (check.run)(workspace);
        report(check.name, &verdict, started, &mut tally);
    }
    tally
}

fn report(name: &str, verdict: &Verdict, started: Instant, tally: &mut Tally) {
    let seconds = started.elapsed().as_secs_f64();
    match verdict {
        Verdict::Fine(note) => {
            tally.count(true);
            say(&format!("ok       {name:<12} {seconds:6.1} s  {note}"));
        }
        Verdict::Wrong(problems) => {
            tally.count(false);
            say(&format!("WRONG    {name:<12} {seconds:6.1} s"));
            problems.iter().for_each(|problem| say(&format!("  - {problem}")));
        }
        Verdict::NotRun(why) => {
            tally.skip(&format!("verify {name}: {why}"));
            say(&format!("not run  {name:<12} {seconds:6.1} s  {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a check that found something fails the run, and one that could not run is named.
    #[test]
    fn wrong_and_not_run_are_counted_and_named() {
        let checks = [
            Check {
                name: "a",
                run: |_| Verdict::of(Vec::new(), "2 files"),
            },
            Check {
                name: "b",
                run: |_| Verdict::of(vec!["x".into()], ""),
            },
            Check {
                name: "c",
                run: |_| Verdict::NotRun("tool is not installed".into()),
            },
        ];
        let workspace = Workspace {
            root: ".".into(),
            target: "target".into(),
            packages: Vec::new(),
        };
        let tally = run_all(checks.iter(), &workspace);
        assert_eq!(tally.to_string(), "1 passed, 1 failed, 1 skipped");
        assert_eq!(tally.skipped_names, ["verify c: tool is not installed"]);
    }
}
