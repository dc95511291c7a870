//! Running a client's program: to its end with a deadline, or beside the test until it has said enough.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use koinon_testkit::{Error, Result, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A client that takes longer for one command has hung.
const WITHIN: Duration = Duration::from_secs(60);

/// What a program said until it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// Standard output.
    pub out: String,
    /// Standard error without the lines of the client's own log.
    pub err: String,
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
}

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Background {
    child: Child,
    // Holds the two files of output.
    folder: TempDir,
}

impl Background {
    /// Starts a program; `input` is all that it reads, unless more is told later.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command, input: &str) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|source| Error::File {
            path: std::env::temp_dir(),
            source,
        })?;
        let file = |name: &str| {
            let path = folder.path().join(name);
            File::create(&path).map_err(|source| Error::File { path, source })
        };
        let child = command
            .stdin(Stdio::piped())
            .stdout(file("out")?)
            .stderr(file("err")?)
            .spawn()
            .map_err(|error| problem(format!("cannot start {:?}: {error}", command.get_program())))?;
        let mut running = Self { child, folder };
        running.tell(input)?;
        Ok(running)
    }

    /// Writes to the program's standard input.
    ///
    /// # Errors
    /// When it does not read any more.
    pub fn tell(&mut self, text: &str) -> Result<()> {
        let written = match self.child.stdin.as_mut() {
            Some(stdin) => stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()),
            None => Ok(()),
        };
        // A program that ended without reading all of its input is no problem: what it said is what counts.
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(problem(error.to_string())),
            _ => Ok(()),
        }
    }

    /// What the program said so far.
    #[must_use]
    pub fn said(&self) -> String {
        read(&self.folder.path().join("out"))
    }

    /// Waits until what the program said fulfils a condition.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn until(&mut self, what: &str, condition: impl Fn(&str) -> bool) -> Result<()> {
        let found = wait_until(what, WITHIN, || condition(&self.said()).then_some(()));
        found.map_err(|error| {
            problem(format!(
                "{error}; it said {:?} and {:?}",
                self.said(),
                self.complaints()
            ))
        })
    }

    /// Closes its input and waits until it ends by itself.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn finish(mut self) -> Result<Output> {
        drop(self.child.stdin.take());
        let status = wait_until("the program to end", WITHIN, || {
            self.child.try_wait().ok().flatten()
        });
        let status = status.map_err(|error| problem(format!("{error}; it said {:?}", self.said())))?;
        Ok(self.output(status))
    }

    /// Asks it to leave (SIGINT, as Ctrl-C would) and waits until it did.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn interrupt(self) -> Result<Output> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            // Fails only when the process is gone already.
            let _ = kill_process(id, Signal::INT);
        }
        self.finish()
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(mut self) -> Result<Output> {
        // Fails only when the process is gone already.
        let _ = self.child.kill();
        self.finish()
    }

    fn complaints(&self) -> String {
        read(&self.folder.path().join("err"))
    }

    fn output(&self, status: ExitStatus) -> Output {
        // Both generations log as JSON, the older one with a `grpc` line before it.
        let is_log = |line: &str| line.starts_with("{\"level\"");
        let complaints = self.complaints();
        let err: Vec<&str> = complaints.lines().filter(|line| !is_log(line)).collect();
        Output {
            out: self.said(),
            err: err.join("\n"),
            code: status.code(),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(path: &Path) -> String {
    fs::read(path).map_or_else(
        |error| format!("({error})"),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

fn problem(what: String) -> Error {
    Error::Process {
        name: "client".to_owned(),
        what,
        log: String::new(),
    }
}
