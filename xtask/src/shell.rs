//! Running other programs: streamed to the terminal, captured, or both, and always with an end.
//!
//! Why not plain `Command`: a test run must pass through what its children print while it reads the verdicts in
//! it, and a child that hangs or leaves a process behind must fail its suite by name instead of stopping CI.
//!
//! Invariant: no wait here is unbounded; a child that outlives its limit is killed together with its descendants.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Long enough for a cold build of everything on two slow cores; a child that needs more is stuck.
const LIMIT_DEFAULT: Duration = Duration::from_secs(30 * 60);
/// How long a finished child's output may stay open: longer means that it left a process running.
const LEFT_OPEN_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);
/// Lines in flight between the child's pipe and us; a full queue slows the child down, nothing is lost.
const LINES_QUEUED_MAX: usize = 1024;

/// Prints a line of ours. The workspace forbids `println!` so that the product logs instead; here it is the purpose.
#[expect(
    clippy::print_stdout,
    reason = "xtask is a command line program: stdout is its output"
)]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

#[expect(
    clippy::print_stderr,
    reason = "xtask is a command line program: stderr is where its problems go"
)]
pub(crate) fn warn(line: &str) {
    eprintln!("{line}");
}

/// A program to run, described before it starts.
#[derive(Debug, Clone)]
pub(crate) struct Cmd {
    program: String,
    args: Vec<String>,
    envs: Vec<(String, String)>,
    dir: PathBuf,
    limit: Duration,
}

impl Cmd {
    pub(crate) fn new(dir: &Path, program: &str, args: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            envs: Vec::new(),
            dir: dir.to_owned(),
            limit: LIMIT_DEFAULT,
        }
    }

    /// The cargo that runs us, so that `cargo +version xtask` keeps its version.
    pub(crate) fn cargo(dir: &Path, args: &[&str]) -> Self {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        Self::new(dir, &cargo, args)
    }

    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl Into<String>) -> Self {
        self.envs.push((key.to_owned(), value.into()));
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// What a person would type, for messages.
    pub(crate) fn line(&self) -> String {
        let program = Path::new(&self.program)
            .file_name()
            .map_or(self.program.clone(), |name| name.to_string_lossy().into_owned());
        let envs = self
            .envs
            .iter()
            .map(|(key, value)| format!("{key}={}", quoted(value)));
        let words = std::iter::once(program).chain(self.args.iter().map(|arg| quoted(arg)));
        envs.chain(words).collect::<Vec<_>>().join(" ")
    }

    /// Runs with the terminal's own streams; an exit status other than 0 is an error.
    pub(crate) fn run(&self) -> Result<()> {
        say(&format!("$ {}", self.line()));
        let mut child = self.spawn(Stdio::inherit())?;
        let status = self.wait(&mut child, Instant::now() + self.limit)?;
        self.judge(status)
    }

    /// Runs and returns stdout; stderr passes through. An exit status other than 0 is an error.
    pub(crate) fn read(&self) -> Result<String> {
        let mut text = String::new();
        let status = self.stream(|line| {
            text.push_str(line);
            text.push('\n');
        })?;
        self.judge(status).map(|()| text)
    }

    /// Runs, prints every line as it comes and hands it to `on_line`. The exit status is the caller's to judge.
    pub(crate) fn tee(&self, mut on_line: impl FnMut(&str)) -> Result<ExitStatus> {
        say(&format!("$ {}", self.line()));
        self.stream(|line| {
            say(line);
            on_line(line);
        })
    }

    /// Whether the program can be started and answers these arguments with success; prints nothing.
    pub(crate) fn answers(&self) -> bool {
        self.command(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn stream(&self, mut on_line: impl FnMut(&str)) -> Result<ExitStatus> {
        let deadline = Instant::now() + self.limit;
        let mut child = self.spawn(Stdio::piped())?;
        let lines = lines_of(&mut child);
        let mut ended_at = None;
        loop {
            match lines.recv_timeout(POLL) {
                Ok(line) => on_line(&line),
                Err(RecvTimeoutError::Disconnected) => return self.wait(&mut child, deadline),
                Err(RecvTimeoutError::Timeout) => {
                    self.check_deadline(&mut child, deadline)?;
                    self.check_left_open(&mut child, &mut ended_at)?;
                }
            }
        }
    }

    fn wait(&self, child: &mut Child, deadline: Instant) -> Result<ExitStatus> {
        loop {
            if let Some(status) = child.try_wait().map_err(|e| self.io(&e))? {
                return Ok(status);
            }
            self.check_deadline(child, deadline)?;
            thread::sleep(POLL);
        }
    }

    fn check_deadline(&self, child: &mut Child, deadline: Instant) -> Result<()> {
        if Instant::now() < deadline {
            return Ok(());
        }
        kill_tree(child);
        let minutes = self.limit.as_secs_f64() / 60.0;
        Err(Error::failed(format!(
            "`{}` did not end within {minutes:.1} minutes and was killed",
            self.line()
        )))
    }

    fn check_left_open(&self, child: &mut Child, ended_at: &mut Option<Instant>) -> Result<()> {
        if ended_at.is_none() && child.try_wait().map_err(|e| self.io(&e))?.is_some() {
            *ended_at = Some(Instant::now());
        }
        match ended_at {
            Some(at) if at.elapsed() > LEFT_OPEN_MAX => Err(Error::failed(format!(
                "`{}` ended but left a process running that holds its output; a test must end what it starts",
                self.line()
            ))),
            Some(_) | None => Ok(()),
        }
    }

    fn spawn(&self, stdout: Stdio) -> Result<Child> {
        self.command(stdout).spawn().map_err(|e| self.io(&e))
    }

    fn command(&self, stdout: Stdio) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(stdout);
        command.envs(self.envs.iter().map(|(key, value)| (key, value)));
        command
    }

    fn judge(&self, status: ExitStatus) -> Result<()> {
        if status.success() {
            Ok(())
        } else {
            Err(Error::failed(format!("`{}`: {status}", self.line())))
        }
    }

    fn io(&self, error: &std::io::Error) -> Error {
        Error::failed(format!("`{}` in {}: {error}", self.line(), self.dir.display()))
    }
}

fn quoted(word: &str) -> String {
    if word.contains([' ', '*', '$', '\'']) {
        format!("\"{word}\"")
    } else {
        word.to_owned()
    }
}

/// Reads the child's stdout in a thread, so that the reader can keep its deadline while the child is silent.
fn lines_of(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = sync_channel(LINES_QUEUED_MAX);
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut bytes = Vec::new();
            // Lossy on purpose: a test may print what is no UTF-8, and that must not end the run.
            while matches!(reader.read_until(b'\n', &mut bytes), Ok(read) if read > 0) {
                let line = String::from_utf8_lossy(&bytes)
                    .trim_end_matches(['\n', '\r'])
                    .to_owned();
                if sender.send(line).is_err() {
                    return;
                }
                bytes.clear();
            }
        });
    }
    receiver
}

/// Kills a child and every process below it: `cargo test` alone would leave the hanging test binary behind.
fn kill_tree(child: &mut Child) {
    let mut doomed = descendants(child.id());
    doomed.push(child.id());
    let ids: Vec<String> = doomed.iter().map(u32::to_string).collect();
    // Failing is fine here: a process that is gone already is what we want.
    let _ = Command::new("kill")
        .arg("-KILL")
        .args(&ids)
        .stderr(Stdio::null())
        .status();
    let _ = child.kill();
    let _ = child.wait();
    let _ = std::io::stdout().flush();
}

fn descendants(root: u32) -> Vec<u32> {
    let parents = parents();
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// `(pid, parent)` of every process, from /proc; empty on systems without it.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name in parentheses may hold anything; the state and the parent follow the last one.
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Cmd {
        Cmd::new(Path::new("."), "sh", &["-c", script])
    }

    /// Protects: a hanging test fails by name within its limit, and the process below it is gone too.
    #[test]
    fn a_child_past_its_limit_is_killed_with_its_descendants() {
        let mut inner = 0;
        let started = Instant::now();
        let error = sh("sleep 600 & echo $!; wait")
            .limit(Duration::from_millis(500))
            .stream(|line| inner = line.parse().unwrap())
            .unwrap_err();
        assert!(error.to_string().contains("was killed"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
        let gone = || !parents().iter().any(|(pid, _)| *pid == inner) || state_of(inner) == Some('Z');
        let deadline = Instant::now() + Duration::from_secs(10);
        while !gone() {
            assert!(Instant::now() < deadline, "process {inner} outlived its parent");
            thread::sleep(POLL);
        }
    }

    fn state_of(pid: u32) -> Option<char> {
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .ok()?
            .rsplit_once(") ")?
            .1
            .chars()
            .next()
    }

    /// Protects: a command's failure reaches the caller with its command line.
    #[test]
    fn a_failing_command_is_an_error_that_names_it() {
        let error = sh("exit 3").read().unwrap_err().to_string();
        assert!(
            error.contains("sh -c \"exit 3\"") && error.contains('3'),
            "{error}"
        );
    }

    /// Protects: output that is no UTF-8 does not end a test run.
    #[test]
    fn foreign_bytes_in_the_output_pass() {
        let text = sh("printf 'a\\377b\\nlast'").read().unwrap();
        assert_eq!(text, "a\u{fffd}b\nlast\n");
    }
}
