//! A child process on a leash: its output goes to a file, it is stopped by its id when the guard goes away, and it
//! can be asked to leave or be killed at once, as tests of crashes need.
//!
//! Why a file for the output: a pipe that nobody reads stops the child, and a failing test wants the last lines.
//! Why a piped stdin: a child that watches its stdin ends with us even when we are killed and cannot clean up.
//!
//! Invariant: after `drop`, the process is gone and reaped.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::wait_until;
use crate::{Error, Result};

/// What of a log is shown when a test fails: enough for a stack trace, short enough to read.
const LOG_SHOWN_MAX: usize = 6000;

/// What to start.
#[derive(Debug)]
pub struct ProcessOptions {
    /// The process's name in messages.
    pub name: String,
    /// The program and its arguments.
    pub command: Command,
    /// Where its output goes.
    pub log: PathBuf,
}

/// A running child process. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the program; stdout and stderr go to the log, stdin stays open as long as the guard lives.
    ///
    /// # Errors
    /// [`Error::File`] for the log, [`Error::Process`] when the program cannot be started.
    pub fn start(options: ProcessOptions) -> Result<Self> {
        let ProcessOptions {
            name,
            mut command,
            log,
        } = options;
        let file = |source| Error::File {
            path: log.clone(),
            source,
        };
        let out = File::create(&log).map_err(file)?;
        let err = out.try_clone().map_err(file)?;
        let child = command
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|error| Error::Process {
                name: name.clone(),
                what: format!("cannot start {:?}: {error}", command.get_program()),
                log: String::new(),
            })?;
        Ok(Self { name, child, log })
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file with the process's output.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What the process printed so far.
    pub fn output(&self) -> String {
        fs::read(&self.log).map_or_else(
            |error| format!("({error})"),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// The end of what the process printed, for messages.
    pub fn log_end(&self) -> String {
        let text = self.output();
        let mut from = text.len().saturating_sub(LOG_SHOWN_MAX);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        text[from..].to_owned()
    }

    /// An error that carries this process's name and the end of its log.
    pub fn error(&self, what: impl Into<String>) -> Error {
        Error::Process {
            name: self.name.clone(),
            what: what.into(),
            log: self.log_end(),
        }
    }

    /// Writes a line to the process's stdin: how the client drivers take commands.
    ///
    /// # Errors
    /// [`Error::Process`] when the process does not read any more.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let written = match self.child.stdin.as_mut() {
            Some(stdin) => writeln!(stdin, "{line}").and_then(|()| stdin.flush()),
            None => Ok(()),
        };
        written.map_err(|error| self.error(format!("does not take {line:?}: {error}")))
    }

    /// How the process ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends SIGTERM, the polite request to leave.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGKILL and reaps: the crash that cannot say goodbye.
    pub fn kill(&mut self) {
        // Both fail only when the process is gone already, which is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for the process to end by itself or after [`Process::terminate`].
    ///
    /// # Errors
    /// [`Error::Process`] when it is still there after `within`.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        wait_until("the process to end", within, || self.ended())
            .map_err(|_| self.error(format!("did not end within {within:?}")))
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            // Fails only when the process is gone already.
            let _ = kill_process(id, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(folder: &Path, script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start(ProcessOptions {
            name: "sh".into(),
            command,
            log: folder.join("log"),
        })
        .unwrap()
    }

    fn is_alive(id: u32) -> bool {
        Path::new(&format!("/proc/{id}")).exists()
    }

    /// Protects: a test that panics leaves no process behind.
    #[test]
    fn a_dropped_process_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let process = sh(folder.path(), "exec sleep 600");
        let id = process.id();
        assert!(is_alive(id));
        drop(process);
        assert!(!is_alive(id));
    }

    /// Protects: a driver that reads its stdin gets our lines, and its output and its end are seen.
    #[test]
    fn stdin_output_and_exit_status_work() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = sh(folder.path(), "read line; echo got $line; exit 3");
        process.tell("hello").unwrap();
        let status = process.wait(Duration::from_secs(30)).unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(process.output(), "got hello\n");
    }

    /// Protects: a clean leave can be told from a crash.
    #[test]
    fn terminate_is_a_request_that_the_process_can_answer() {
        let folder = tempfile::tempdir().unwrap();
        let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
        let mut process = sh(folder.path(), script);
        wait_until("the trap", Duration::from_secs(30), || {
            process.output().contains("ready").then_some(())
        })
        .unwrap();
        process.terminate();
        assert!(process.wait(Duration::from_secs(30)).unwrap().success());
        assert!(process.output().ends_with("bye\n"));
    }
}
