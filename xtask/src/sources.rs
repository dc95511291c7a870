//! Checks of the files themselves: how they open, what a pure crate may call, what would tie the repository to a
//! machine.
//!
//! Plain text searches: quick, without a parser, and each finding names the file, the line and the reason.

use std::fs;
use std::path::Path;

use crate::check::Verdict;
use crate::error::Result;
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// This file holds the patterns it looks for.
const SELF: &str = "xtask/src/sources";

/// Calls that read a clock, start a thread or touch a file or socket.
const IMPURE_CALLS: [&str; 9] = [
    "Instant::now",
    "SystemTime::now",
    "std::fs",
    "std::env",
    "thread::spawn",
    "thread::sleep",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
];

/// Folders in which people and machines keep their own things.
const HOMES: [&str; 3] = ["/home/", "/Users/", "/root/"];

/// The one source Cargo.lock may name: another one is somebody's private mirror.
const CARGO_SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Files above this are data, and none of ours is.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Every Rust file says at its top what it is and why it exists.
pub(crate) fn openings(workspace: &Workspace) -> Verdict {
    let is_rust = |path: &str| path.ends_with(".rs");
    search(workspace, is_rust, |path, text| {
        let opens = text
            .lines()
            .find(|line| !line.trim().is_empty())
            .is_some_and(|line| line.starts_with("//!"));
        (!opens)
            .then(|| format!("{path}: opens without `//!`: say what the file is and why it exists"))
            .into_iter()
            .collect()
    })
}

/// Base and the domains call no clock, thread, file or socket. Their tests may.
pub(crate) fn purity(workspace: &Workspace) -> Verdict {
    let is_pure = |path: &str| {
        let inside = path.starts_with("crates/core/") || path.starts_with("crates/base/");
        // `Clock`'s own implementation is where the system's clock comes in, once.
        inside
            && path.ends_with(".rs")
            && path.contains("/src/")
            && !path.contains("tests")
            && path != "crates/base/src/clock.rs"
    };
    search(workspace, is_pure, impure_calls)
}

/// Nothing ties the repository to one machine, tracker or mirror: it must build and read the same everywhere.
pub(crate) fn machines(workspace: &Workspace) -> Verdict {
    let mut homes: Vec<String> = HOMES.map(String::from).to_vec();
    homes.extend(own_places(&workspace.root));
    search(
        workspace,
        |path| !path.starts_with(SELF),
        |path, text| machine_words(path, text, &homes),
    )
}

fn impure_calls(path: &str, text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    let lines = code
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"));
    lines
        .filter_map(|(index, line)| {
            let call = IMPURE_CALLS.iter().find(|call| line.contains(**call))?;
            let line = index + 1;
            Some(format!(
                "{path}:{line}: `{call}`: time, randomness and input are arguments in a pure crate"
            ))
        })
        .collect()
}

/// Where this checkout and its user live, so that a path pasted from a terminal is found on the machine that
/// pasted it.
fn own_places(root: &Path) -> Vec<String> {
    let home = std::env::var("HOME").unwrap_or_default();
    let parent = root
        .parent()
        .map(|p| p.to_string_lossy().into_owned())
        .unwrap_or_default();
    // A short one such as "/" would match every path there is.
    [home, parent]
        .into_iter()
        .filter(|path| path.len() > 3)
        .map(|path| format!("{path}/"))
        .collect()
}

fn machine_words(path: &str, text: &str, homes: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let at = format!("{path}:{}", index + 1);
        if let Some(home) = homes.iter().find(|home| holds_path(line, home)) {
            found.push(format!("{at}: a path below `{home}` exists on one machine only"));
        }
        if holds_tracker_number(line) {
            found.push(format!(
                "{at}: a reader cannot look this issue up; say what it says"
            ));
        }
        if let Some(advice) = tied_source(path, line.trim()) {
            found.push(format!("{at}: {advice}: {}", line.trim()));
        }
    }
    found
}

/// Whether `line` holds an absolute path below `home`, as opposed to the same letters inside a longer path or URL.
fn holds_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + home.len()..].chars().next();
        let starts = !before.is_some_and(|c| c.is_alphanumeric() || "._-/})".contains(c));
        starts && after.is_some_and(|c| c.is_alphanumeric() || "._-".contains(c))
    })
}

/// "issue 12" or "issue #12"; a foreign tracker is cited as `owner/name#12`.
fn holds_tracker_number(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    lower.match_indices("issue ").any(|(at, word)| {
        let rest = &lower[at + word.len()..];
        rest.strip_prefix('#')
            .unwrap_or(rest)
            .starts_with(|c: char| c.is_ascii_digit())
    })
}

/// What is wrong with the place a lock file says a package comes from, if anything.
fn tied_source(path: &str, line: &str) -> Option<&'static str> {
    if path.ends_with("Cargo.lock") {
        let source = line.strip_prefix("source = \"")?;
        return (!source.starts_with(CARGO_SOURCE))
            .then_some("not the public index, other machines cannot reach it");
    }
    let pinned = path.ends_with("package-lock.json") && line.starts_with("\"resolved\": \"http");
    pinned
        .then_some("ties the lock to one host; write it with `npm install --omit-lockfile-registry-resolved`")
}

/// Reads every tracked or new text file that `wanted` accepts and gathers what `judge` finds.
fn search(
    workspace: &Workspace,
    wanted: impl Fn(&str) -> bool,
    judge: impl Fn(&str, &str) -> Vec<String>,
) -> Verdict {
    let files = match files(&workspace.root) {
        Ok(files) => files,
        Err(error) => return error.into(),
    };
    let mut read = 0;
    let mut problems = Vec::new();
    for path in files.iter().filter(|path| wanted(path)) {
        // What is no text, too large or just deleted has nothing to say here.
        let full = workspace.root.join(path);
        let small = fs::metadata(&full).is_ok_and(|meta| meta.is_file() && meta.len() <= FILE_BYTES_MAX);
        if let (true, Ok(text)) = (small, fs::read_to_string(&full)) {
            read += 1;
            problems.extend(judge(path, &text));
        }
    }
    Verdict::of(problems, format!("{read} files"))
}

/// The files of the repository, new ones included and ignored ones not.
fn files(root: &Path) -> Result<Vec<String>> {
    let args = [
        "-c",
        "core.quotepath=off",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    Ok(Cmd::new(root, "git", &args)
        .read()?
        .lines()
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
#[path = "sources/tests.rs"]
mod tests;
