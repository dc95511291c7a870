//! Follows the file of routes while the node runs.
//!
//! The file is looked at, not subscribed to: a look works on every file system, through links and in containers, and
//! costs one system call. A change is read when the file has been left alone for a moment, so that neither an editor that
//! truncates first nor one that moves a new file into place is caught in the middle; what is caught nevertheless is
//! wrong, or empty, and the routes in force stay.
//!
//! Invariant: each content is judged once, however often it is looked at.

use std::path::{Path, PathBuf};
use std::time::Duration;

use koinon_gateway::Gateway;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::stamp::Stamp;
use super::{RoutesError, Text, tell, wrong};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// A change is read when nothing has changed for so long.
const QUIET: Duration = Duration::from_millis(50);
/// A file that never comes to rest is read after so many looks.
const UNQUIET_LOOKS_MAX: usize = 20;

/// Watches `path` and puts its routes in force at `gateway`, until it is dropped. `in_force` is the hash of the content
/// that is in force already.
pub(crate) async fn follow(path: PathBuf, gateway: Gateway, in_force: u64) {
    let mut watched = Watched {
        path,
        gateway,
        stamp: None,
        judged: Some(in_force),
    };
    loop {
        sleep(LOOK).await;
        if !watched.has_changed() {
            continue;
        }
        settle(&watched.path).await;
        // Reading and compiling a large file takes tens of milliseconds, which no thread of the runtime has.
        watched = match spawn_blocking(move || watched.judged()).await {
            Ok(watched) => watched,
            Err(error) => {
                tracing::error!(%error, "the routes file is not watched any more; the routes in force stay");
                return;
            }
        };
    }
}

/// Waits until nobody writes, for a bounded time.
async fn settle(path: &Path) {
    let mut before = Stamp::of(path).ok();
    for _ in 0..UNQUIET_LOOKS_MAX {
        sleep(QUIET).await;
        let now = Stamp::of(path).ok();
        if now.is_some() && now == before {
            return;
        }
        before = now;
    }
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    gateway: Gateway,
    /// The state that was read last; none before the first look and while there is no file.
    stamp: Option<Stamp>,
    /// The content that was judged last; none while there was none to read.
    judged: Option<u64>,
}

impl Watched {
    fn has_changed(&self) -> bool {
        let now = Stamp::of(&self.path).ok();
        now != self.stamp || now.is_some_and(|stamp| stamp.is_fresh())
    }

    fn judged(mut self) -> Self {
        // The stamp first: a change in between is then only read twice.
        self.stamp = Stamp::of(&self.path).ok();
        let text = Text::of(&self.path);
        let content = text.as_ref().ok().map(Text::hash);
        if content == self.judged {
            return self;
        }
        self.judged = content;
        match text.and_then(|text| self.take(&text)) {
            Ok(count) => tracing::info!(routes = count, file = %self.path.display(), "routes reloaded"),
            Err(error) => complain(&error),
        }
        self
    }

    /// Puts the file's routes in force; says how many there are now.
    fn take(&self, text: &Text) -> Result<usize, RoutesError> {
        let file = text.parse()?;
        let (name, foreign, mut notes) = (file.file.clone(), file.foreign.clone(), file.notes.clone());
        let compiled = self.gateway.set_routes(file);
        notes.extend(compiled.map_err(|problems| wrong(&self.path, problems))?);
        tell(&name, &foreign, &notes);
        Ok(self.gateway.routes().len())
    }
}

fn complain(error: &RoutesError) {
    match error {
        RoutesError::Unreadable { source, .. } => {
            tracing::warn!("{error}: {source}; the routes in force stay");
        }
        RoutesError::Empty { .. } => tracing::warn!("{error}; the routes in force stay"),
        RoutesError::Wrong { path, problems } => {
            let count = problems.list.len() + problems.more;
            tracing::warn!(
                problems = count,
                "the routes file {} cannot be used; the routes in force stay",
                path.display()
            );
            problems
                .to_string()
                .lines()
                .for_each(|line| tracing::warn!("{line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tokio::time::Instant;

    use super::*;

    /// A file that is still being written is not read, although what is there so far may look whole.
    #[tokio::test(start_paused = true)]
    async fn a_file_is_left_alone_while_somebody_writes() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_owned();
        let writing = async {
            for _ in 0..10 {
                file.write_all(b"- id: a\n").unwrap();
                file.flush().unwrap();
                sleep(QUIET * 3 / 5).await;
            }
        };
        let settling = async {
            settle(&path).await;
            std::fs::read(&path).unwrap().len()
        };
        let (len, ()) = tokio::join!(settling, writing);
        assert_eq!(len, 80);
    }

    /// Somebody who never stops writing, or a file that never comes back, does not stop the watch.
    #[tokio::test(start_paused = true)]
    async fn waiting_for_quiet_has_an_end() {
        let start = Instant::now();
        settle(Path::new("/nonexistent/routes.yml")).await;
        assert!(start.elapsed() <= QUIET * (u32::try_from(UNQUIET_LOOKS_MAX).unwrap() + 1));
    }
}
