//! `cargo xtask test`: everything a push must pass, suite by suite.
//!
//! A suite streams what it does, is counted, and has its own line of minutes in the summary. The run ends with
//! `N passed, N failed, N skipped` alone on a line. What is left out was named with `--without` and is listed; a
//! suite that ran nothing has failed, because it protects nothing.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::shell::say;
use crate::suites::{SUITES, Suite, left_out_names};
use crate::tally::Tally;
use crate::workspace::Workspace;

/// What a cold run may take on two cores, from the design's table.
const BUDGET: Duration = Duration::from_secs(35 * 60);

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    /// Suites to run; empty means all of them.
    only: Vec<String>,
    /// Suites or peers to leave out, by name.
    without: Vec<String>,
}

struct Outcome {
    name: &'static str,
    tally: Tally,
    took: Duration,
    problem: Option<String>,
}

pub(crate) fn main(args: &[String]) -> Result<()> {
    let wish = parse(args, &left_out_names())?;
    let workspace = Workspace::load()?;
    let started = Instant::now();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for suite in SUITES
        .iter()
        .filter(|suite| wish.only.is_empty() || wish.only.iter().any(|n| n == suite.name))
    {
        let blocked = outcomes
            .iter()
            .find(|o| suite.needs.contains(&o.name) && o.failed())
            .map(|o| o.name);
        outcomes.push(run(suite, blocked, &workspace, &wish.without));
    }
    conclude(&outcomes, started.elapsed())
}

fn run(suite: &Suite, blocked: Option<&str>, workspace: &Workspace, without: &[String]) -> Outcome {
    say(&format!("\n== {}: {}", suite.name, suite.about));
    let started = Instant::now();
    let mut tally = Tally::default();
    let mut problem = None;
    if without.iter().any(|name| name == suite.name) {
        tally.skip(&format!("suite {}: left out with --without", suite.name));
    } else if let Some(other) = blocked {
        problem = Some(format!("not run, because {other} failed"));
    } else {
        problem = (suite.run)(workspace, without, &mut tally)
            .err()
            .map(|error| error.to_string());
        if problem.is_none() && tally.ran_nothing() {
            problem = Some("ran no tests".to_owned());
        }
    }
    if problem.is_some() && tally.failed == 0 {
        tally.count(false);
    }
    Outcome {
        name: suite.name,
        tally,
        took: started.elapsed(),
        problem,
    }
}

impl Outcome {
    fn failed(&self) -> bool {
        self.tally.failed > 0
    }
}

fn conclude(outcomes: &[Outcome], took: Duration) -> Result<()> {
    let mut total = Tally::default();
    outcomes.iter().for_each(|outcome| total.add(&outcome.tally));
    summary(outcomes, &total, took).iter().for_each(|line| say(line));
    say(&total.to_string());
    if total.failed > 0 {
        Err(Error::failed("not everything passed"))
    } else {
        Ok(())
    }
}

fn summary(outcomes: &[Outcome], total: &Tally, took: Duration) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        format!(
            "{:<9} {:>7} {:>7} {:>7} {:>8}",
            "suite", "passed", "failed", "skipped", "minutes"
        ),
    ];
    for Outcome {
        name,
        tally,
        took,
        problem,
    } in outcomes
    {
        let note = problem
            .as_ref()
            .map(|problem| format!("  {problem}"))
            .unwrap_or_default();
        let Tally {
            passed,
            failed,
            skipped,
            ..
        } = tally;
        lines.push(format!(
            "{name:<9} {passed:>7} {failed:>7} {skipped:>7} {:>8.1}{note}",
            minutes(*took)
        ));
    }
    lines.extend(total.skipped_names.iter().map(|name| format!("skipped: {name}")));
    lines.push(format!(
        "{:.1} minutes; budget {:.0} on two cores, cold",
        minutes(took),
        minutes(BUDGET)
    ));
    lines
}

fn minutes(duration: Duration) -> f64 {
    duration.as_secs_f64() / 60.0
}

fn parse(args: &[String], may_leave_out: &[String]) -> Result<Wish> {
    let mut wish = Wish::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == "--without" {
            let name = rest
                .next()
                .ok_or_else(|| Error::Usage("--without needs a name".into()))?;
            if !may_leave_out.contains(name) {
                let known = may_leave_out.join(", ");
                return Err(Error::Usage(format!(
                    "--without {name}: there is no such suite or peer; there are {known}"
                )));
            }
            wish.without.push(name.clone());
        } else if SUITES.iter().any(|suite| suite.name == arg) {
            wish.only.push(arg.clone());
        } else {
            let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
            return Err(Error::Usage(format!(
                "unknown suite `{arg}`; there are {}",
                known.join(", ")
            )));
        }
    }
    Ok(wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn suite(run: crate::suites::Run) -> Suite {
        Suite {
            name: "probe",
            about: "a suite of this test",
            needs: &[],
            run,
        }
    }

    fn outcome_of(suite: &Suite, blocked: Option<&str>, without: &[&str]) -> Outcome {
        let workspace = Workspace {
            root: ".".into(),
            target: "target".into(),
            packages: Vec::new(),
        };
        run(suite, blocked, &workspace, &strings(without))
    }

    /// Protects: a suite whose filter matches nothing, or that cannot start, is a failure and says why.
    #[test]
    fn a_suite_that_runs_nothing_fails() {
        let empty = outcome_of(&suite(|_, _, _| Ok(())), None, &[]);
        assert_eq!(
            (empty.tally.failed, empty.problem.as_deref()),
            (1, Some("ran no tests"))
        );
        let broken = outcome_of(&suite(|_, _, _| Err(Error::failed("no compiler"))), None, &[]);
        assert_eq!(
            (broken.tally.failed, broken.problem.as_deref()),
            (1, Some("no compiler"))
        );
        let blocked = outcome_of(
            &suite(|_, _, tally| {
                tally.count(true);
                Ok(())
            }),
            Some("build"),
            &[],
        );
        assert_eq!((blocked.tally.passed, blocked.tally.failed), (0, 1));
    }

    /// Protects: what is left out on purpose is counted and named, never silent.
    #[test]
    fn a_suite_left_out_is_counted_and_named() {
        let outcome = outcome_of(
            &suite(|_, _, _| Err(Error::failed("must not run"))),
            None,
            &["probe"],
        );
        assert_eq!(outcome.tally.to_string(), "0 passed, 0 failed, 1 skipped");
        let lines = summary(
            &[outcome],
            &Tally {
                skipped_names: strings(&["x"]),
                ..Tally::default()
            },
            BUDGET,
        );
        assert!(lines.contains(&"skipped: x".to_owned()), "{lines:?}");
    }

    /// Protects: one failing test fails the whole run.
    #[test]
    fn a_failure_fails_the_run() {
        let failing = outcome_of(
            &suite(|_, _, tally| {
                tally.count(false);
                tally.count(true);
                Ok(())
            }),
            None,
            &[],
        );
        let passing = outcome_of(
            &suite(|_, _, tally| {
                tally.count(true);
                Ok(())
            }),
            None,
            &[],
        );
        assert!(conclude(&[passing], BUDGET).is_ok());
        assert!(conclude(&[failing], BUDGET).is_err());
    }

    /// Protects: a misspelt suite or peer is refused instead of running everything, or leaving nothing out.
    #[test]
    fn unknown_names_are_usage_errors() {
        let peers = strings(&["compat", "npm"]);
        let wish = parse(&strings(&["unit", "--without", "npm", "fuzz"]), &peers).unwrap();
        assert_eq!(
            (wish.only, wish.without),
            (strings(&["unit", "fuzz"]), strings(&["npm"]))
        );
        for wrong in [&["unti"][..], &["--without"], &["--without", "nmp"], &["--fast"]] {
            assert!(
                matches!(parse(&strings(wrong), &peers), Err(Error::Usage(_))),
                "{wrong:?}"
            );
        }
    }
}
