//! Telling a story to every server, and comparing what each of them said with the recorded transcript.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use crate::allowed::{ALLOWED, Allowed};
use crate::prepared::sources;
use crate::server::Kind;
use crate::session::Session;
use crate::transcript::{Step, Transcript};

/// Writes the transcripts anew.
const RECORD_VARIABLE: &str = "KOINON_COMPAT_RECORD";
/// A story that went wrong early differs everywhere behind.
const SHOWN_MAX: usize = 12;

/// Tells the story to each of these servers that the run drives, all at the same time, and compares what they said with
/// `recorded/NAME.txt`, which is what the first of `kinds` once said.
///
/// # Panics
/// When a server does not start, the story fails on it, or it said something else than is recorded and allowed.
pub fn tell(name: &str, kinds: &[Kind], story: impl Fn(&mut Session) + Sync) {
    let told = Mutex::new(Vec::new());
    let driven = Kind::driven(kinds);
    thread::scope(|scope| {
        for kind in driven.iter().copied() {
            let (story, told) = (&story, &told);
            scope.spawn(move || {
                let transcript = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    let mut session = Session::start(kind);
                    story(&mut session);
                    session.into_transcript()
                }));
                told.lock()
                    .unwrap_or_else(|e| e.into_inner())
                    .push((kind, transcript.ok()));
            });
        }
    });
    let told = told.into_inner().unwrap_or_else(|e| e.into_inner());
    if env::var_os(RECORD_VARIABLE).is_some() {
        record(name, kinds, &told);
    }
    let expected = Transcript::parse(&recorded(name));
    let problems: String = told
        .iter()
        .map(|(kind, transcript)| match transcript {
            Some(transcript) => compare(name, *kind, &expected, transcript),
            None => format!("the story failed on {}; see above\n", kind.name()),
        })
        .collect();
    assert!(problems.is_empty(), "story {name}:\n{problems}");
}

/// The recorded transcript of a story.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn recorded(name: &str) -> String {
    let path = file(name);
    fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; record it with {RECORD_VARIABLE}=1", path.display());
    })
}

fn file(name: &str) -> PathBuf {
    sources().join("recorded").join(format!("{name}.txt"))
}

fn record(name: &str, kinds: &[Kind], told: &[(Kind, Option<Transcript>)]) {
    let original = told.iter().find(|(kind, _)| Some(kind) == kinds.first());
    if let Some((_, Some(transcript))) = original {
        fs::write(file(name), transcript.to_string()).unwrap_or_else(|error| panic!("{error}"));
    }
}

fn compare(name: &str, kind: Kind, expected: &Transcript, told: &Transcript) -> String {
    compare_allowing(ALLOWED, name, kind, expected, told)
}

/// What differs and is not allowed, and which allowances explain nothing any more.
fn compare_allowing(
    allowed: &[Allowed],
    name: &str,
    kind: Kind,
    expected: &Transcript,
    told: &Transcript,
) -> String {
    let mut unused: Vec<&Allowed> = allowed
        .iter()
        .filter(|entry| entry.story == name && entry.kind == kind)
        .collect();
    let mut used = BTreeSet::new();
    let mut problems = Vec::new();
    for index in 0..expected.steps.len().max(told.steps.len()) {
        match (expected.steps.get(index), told.steps.get(index)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) if a.title == b.title => {
                match unused.iter().position(|entry| entry.covers(&a.title)) {
                    Some(position) => {
                        used.insert(position);
                    }
                    None => problems.push(difference(a, b)),
                }
            }
            (a, b) => {
                let title =
                    |step: Option<&Step>| step.map_or("nothing".to_owned(), |step| step.title.clone());
                problems.push(format!("recorded the step {}, told {}\n", title(a), title(b)));
            }
        }
    }
    let mut position = 0;
    unused.retain(|_| {
        position += 1;
        !used.contains(&(position - 1))
    });
    problems.extend(
        unused
            .iter()
            .map(|entry| format!("allowed, but there is no such difference: {entry:?}\n")),
    );
    let count = problems.len();
    let mut text: String = problems
        .into_iter()
        .take(SHOWN_MAX)
        .map(|p| format!("[{}] {p}", kind.name()))
        .collect();
    if count > SHOWN_MAX {
        let _ = writeln!(text, "[{}] and {} more", kind.name(), count - SHOWN_MAX);
    }
    text
}

/// The lines of two answers: those that only one has, with a sign.
fn difference(expected: &Step, told: &Step) -> String {
    let mut text = format!("$ {}\n", expected.title);
    let same_front = expected
        .lines
        .iter()
        .zip(&told.lines)
        .take_while(|(a, b)| a == b)
        .count();
    let back = expected.lines[same_front..]
        .iter()
        .rev()
        .zip(told.lines[same_front..].iter().rev());
    let same_back = back.take_while(|(a, b)| a == b).count();
    for line in &expected.lines[same_front..expected.lines.len() - same_back] {
        let _ = writeln!(text, "  recorded: {line}");
    }
    for line in &told.lines[same_front..told.lines.len() - same_back] {
        let _ = writeln!(text, "      told: {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(steps: &[(&str, &str)]) -> Transcript {
        let mut transcript = Transcript::default();
        steps
            .iter()
            .for_each(|(title, answer)| transcript.add(title, answer));
        transcript
    }

    /// Protects: a changed line, a missing and an added step are each found.
    #[test]
    fn differences_are_found() {
        let expected = transcript(&[("put", "OK"), ("get", "a\nb\nc")]);
        let compared = |told: &Transcript| compare_allowing(&[], "s", Kind::Koinon, &expected, told);
        assert_eq!(compared(&expected), "");
        let changed = transcript(&[("put", "OK"), ("get", "a\nx\nc")]);
        assert_eq!(
            compared(&changed),
            "[koinon] $ get\n  recorded: b\n      told: x\n"
        );
        assert!(compared(&transcript(&[("put", "OK")])).contains("the step get, told nothing"));
        assert!(!compared(&transcript(&[("put", "OK"), ("get", "a\nb\nc"), ("del", "")])).is_empty());
    }

    /// Protects: an allowance covers what it names, for the server it names, and is missed when it is not needed.
    #[test]
    fn allowances_explain_and_expire() {
        let allowed = [Allowed {
            story: "s",
            kind: Kind::Debian,
            step: "get*",
            why: "for the test, and long enough",
        }];
        let (expected, told) = (transcript(&[("get a", "1")]), transcript(&[("get a", "2")]));
        assert_eq!(
            compare_allowing(&allowed, "s", Kind::Debian, &expected, &told),
            ""
        );
        assert!(!compare_allowing(&allowed, "s", Kind::Koinon, &expected, &told).is_empty());
        assert!(compare_allowing(&allowed, "s", Kind::Debian, &expected, &expected).contains("no such"));
    }
}
