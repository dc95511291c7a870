//! What is wrong with a file: every problem with its place, collected.
//!
//! An operator mends a file once, not once per problem, so nothing here stops at the first. A *note* is
//! something that Spring would take in silence too, but that will surprise somebody.

use std::fmt;
use std::sync::Arc;

use koinon_base::ErrorKind;
use thiserror::Error;

use crate::limits::PROBLEMS_MAX;

/// A place in a file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// The line, 0 when there is no file (a route made in code).
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// One thing that is wrong or surprising.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// Of which route, if of one.
    pub route: Option<Arc<str>>,
    /// What, and what was expected.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.line > 0 {
            write!(f, "{}:{}: ", self.place.line, self.place.column)?;
        }
        if let Some(route) = &self.route {
            write!(f, "route {route}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// All problems of one file: it was not taken, whatever was in force before stays.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.all())]
pub struct Problems {
    /// The file's name as the caller gave it.
    pub file: Arc<str>,
    /// In the order of their places; never empty.
    pub list: Vec<Problem>,
    /// How many more there are than [`PROBLEMS_MAX`].
    pub more: usize,
}

impl Problems {
    /// Always [`ErrorKind::Invalid`]: change the file.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn all(&self) -> String {
        let mut lines: Vec<String> = self
            .list
            .iter()
            .map(|problem| located(&self.file, problem))
            .collect();
        if self.more > 0 {
            lines.push(format!("{}: and {} more", self.file, self.more));
        }
        lines.join("\n")
    }
}

/// One line for a problem or note of `file`: `FILE:LINE:COLUMN: route ID: what`.
#[must_use]
pub fn located(file: &str, problem: &Problem) -> String {
    let colon = if problem.place.line > 0 { ":" } else { ": " };
    format!("{file}{colon}{problem}")
}

/// Collects problems and notes while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Report {
    problems: Vec<Problem>,
    notes: Vec<Problem>,
    more: usize,
    route: Option<Arc<str>>,
}

impl Report {
    /// From here on problems are of this route.
    pub(crate) fn enter_route(&mut self, id: &Arc<str>) {
        self.route = Some(Arc::clone(id));
    }

    /// From here on problems are of no route.
    pub(crate) fn leave_route(&mut self) {
        self.route = None;
    }

    pub(crate) fn error(&mut self, place: Place, what: impl Into<String>) {
        let problem = self.problem(place, what.into());
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn note(&mut self, place: Place, what: impl Into<String>) {
        let problem = self.problem(place, what.into());
        if self.notes.len() < PROBLEMS_MAX {
            self.notes.push(problem);
        }
    }

    fn problem(&self, place: Place, what: String) -> Problem {
        Problem {
            place,
            route: self.route.clone(),
            what,
        }
    }

    pub(crate) fn error_count(&self) -> usize {
        self.problems.len() + self.more
    }

    /// Makes notes of the problems that came after the first `kept`: what they are of is left out, not fatal.
    pub(crate) fn forgive_since(&mut self, kept: usize, what_then: &str) {
        for mut problem in self.problems.split_off(kept.min(self.problems.len())) {
            problem.what = format!("{}; {what_then}", problem.what);
            if self.notes.len() < PROBLEMS_MAX {
                self.notes.push(problem);
            }
        }
    }

    /// The notes, or all problems when there is one.
    pub(crate) fn finish(mut self, file: &str) -> Result<Vec<Problem>, Problems> {
        if self.error_count() > 0 {
            return Err(self.refuse(file));
        }
        self.notes.sort_by_key(|note| note.place);
        Ok(self.notes)
    }

    /// All problems; only when there is one.
    pub(crate) fn refuse(mut self, file: &str) -> Problems {
        self.problems.sort_by_key(|problem| problem.place);
        Problems {
            file: Arc::from(file),
            list: self.problems,
            more: self.more,
        }
    }
}

/// `, did you mean "x"?` when one of the names is near to what was written, else the choice if it is short.
pub(crate) fn nearest<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let lower = written.to_lowercase();
    let near = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3);
    match near {
        Some((_, name)) => format!(", did you mean {name:?}?"),
        None if names.is_empty() || names.len() > 16 => String::new(),
        None => format!(", expected one of {}", names.join(", ")),
    }
}
