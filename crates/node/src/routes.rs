//! The file of routes: read at start, watched while the node runs.
//!
//! | | |
//! |---|---|
//! | [`read()`] | the file becomes a [`RoutesFile`], with placeholders from the environment |
//! | `watch` | a change of the file becomes new routes, or a complaint |
//!
//! Invariant: routes in force are only ever replaced by routes that are wholly right.

mod stamp;
pub(crate) mod watch;

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use koinon_base::ErrorKind;
use koinon_core_route::limits::FILE_BYTES_MAX;
use koinon_core_route::{Foreign, Problem, Problems, RoutesFile, located};
use thiserror::Error;

/// Why a file of routes cannot be used.
#[derive(Debug, Error)]
pub enum RoutesError {
    /// There is no such file, or it may not be read.
    #[error("the routes file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It has nothing in it, as while somebody writes it.
    #[error("the routes file {} is empty; `routes: []` means that there are none", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is read and wrong.
    #[error("the routes file {} cannot be used\n{problems}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// All that is wrong, a line each.
        problems: Problems,
    },
}

impl RoutesError {
    /// Always [`ErrorKind::Invalid`]: change the file or its name.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// Reads a file of routes; the environment fills in placeholders and names profiles, as it does for Spring.
///
/// # Errors
/// When it cannot be read, or everything that is wrong with it. Whether its predicates and filters exist is only found
/// when the gateway takes it.
pub fn read(path: &Path) -> Result<RoutesFile, RoutesError> {
    Text::of(path)?.parse()
}

/// A file of routes before it is understood.
#[derive(Debug)]
pub(crate) struct Text {
    path: PathBuf,
    text: String,
}

impl Text {
    pub(crate) fn of(path: &Path) -> Result<Self, RoutesError> {
        let text = text_of(path).map_err(|source| RoutesError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }

    pub(crate) fn parse(&self) -> Result<RoutesFile, RoutesError> {
        if self.text.trim().is_empty() {
            return Err(RoutesError::Empty {
                path: self.path.clone(),
            });
        }
        let environment = |name: &str| std::env::var(name).ok();
        RoutesFile::read(&self.text, &self.path.display().to_string(), &environment, &[])
            .map_err(|problems| wrong(&self.path, problems))
    }

    /// Tells this content from another.
    pub(crate) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        hasher.finish()
    }
}

pub(crate) fn wrong(path: &Path, problems: Problems) -> RoutesError {
    RoutesError::Wrong {
        path: path.to_owned(),
        problems,
    }
}

/// The whole text; of a file that is too large one byte too much, so that its reader says so.
fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(FILE_BYTES_MAX as u64 + 1)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// Tells what is surprising in a file that was taken, a line each.
pub(crate) fn tell(file: &str, foreign: &[Foreign], notes: &[Problem]) {
    for Foreign { section, place } in foreign {
        let (line, column) = (place.line, place.column);
        tracing::info!("{file}:{line}:{column}: section {section} is not the gateway's and is ignored");
    }
    for note in notes {
        tracing::info!("{}", located(file, note));
    }
}
