//! A crate in two versions costs build time, size and confusion, so each case needs a reason in writing.
//!
//! The reasons are the `skip` entries of deny.toml, which cargo-deny reads too: one list, whether that tool is
//! installed or not. An entry that is no longer needed is reported as well, so that the list only shrinks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::check::Verdict;
use crate::error::{Error, Result};
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// A version of a crate that may stand beside another one.
#[derive(Debug, PartialEq, Eq)]
struct Allowed {
    /// `name@version`, where the version may be shortened: `syn@2` covers 2.0.119.
    krate: String,
    reason: String,
}

pub(crate) fn check(workspace: &Workspace) -> Verdict {
    compare(workspace).unwrap_or_else(Verdict::from)
}

fn compare(workspace: &Workspace) -> Result<Verdict> {
    // What ships or is built to ship; test-only crates may bring what they like.
    let args = [
        "tree",
        "--workspace",
        "--locked",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let built = versions(&Cmd::cargo(&workspace.root, &args).read()?);
    let deny = fs::read_to_string(workspace.root.join("deny.toml"))
        .map_err(|e| Error::failed(format!("deny.toml: {e}")))?;
    let problems = problems(&built, &allowed(&deny));
    Ok(Verdict::of(problems, format!("{} crates", built.len())))
}

type Versions = BTreeMap<String, BTreeSet<String>>;

/// `name v1.2.3 (path or proc-macro)` a line.
fn versions(tree: &str) -> Versions {
    let mut found = Versions::new();
    for line in tree.lines() {
        let mut words = line.split(' ');
        if let (Some(name), Some(version)) = (words.next(), words.next().and_then(|v| v.strip_prefix('v'))) {
            found
                .entry(name.to_owned())
                .or_default()
                .insert(version.to_owned());
        }
    }
    found
}

/// The `{ crate = "name@version", reason = "…" }` lines of deny.toml's `skip`, one entry a line.
fn allowed(deny: &str) -> Vec<Allowed> {
    let list = deny
        .lines()
        .skip_while(|line| !line.starts_with("skip = ["))
        .take_while(|line| *line != "]");
    let entries = list.filter(|line| line.trim_start().starts_with("{ crate = "));
    entries
        .filter_map(|line| {
            let mut quoted = line.split('"').skip(1).step_by(2);
            Some(Allowed {
                krate: quoted.next()?.to_owned(),
                reason: quoted.next().unwrap_or("").to_owned(),
            })
        })
        .collect()
}

fn problems(built: &Versions, allowed: &[Allowed]) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, versions) in built.iter().filter(|(_, versions)| versions.len() > 1) {
        let unexplained = versions
            .iter()
            .filter(|v| !allowed.iter().any(|entry| covers(entry, name, v)))
            .count();
        if unexplained > 1 {
            let list: Vec<&str> = versions.iter().map(String::as_str).collect();
            problems.push(format!(
                "{name} is built in versions {}; use one, or give the older one a reason under `skip` in deny.toml \
                 (`cargo tree -d` shows who wants it)",
                list.join(" and ")
            ));
        }
    }
    for entry in allowed {
        let needed = built
            .iter()
            .any(|(name, versions)| versions.len() > 1 && versions.iter().any(|v| covers(entry, name, v)));
        if !needed {
            problems.push(format!(
                "deny.toml skips {}, which is no longer a duplicate: remove the line",
                entry.krate
            ));
        }
        if entry.reason.len() < 10 {
            problems.push(format!("deny.toml skips {} without a reason", entry.krate));
        }
    }
    problems
}

fn covers(entry: &Allowed, name: &str, version: &str) -> bool {
    let Some((crate_name, prefix)) = entry.krate.split_once('@') else {
        return false;
    };
    let rest = version.strip_prefix(prefix);
    crate_name == name && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str =
        "syn v2.0.119\nquote v1.0.0 (proc-macro)\nsyn v3.0.9\nkoinon-base v0.1.0 (folder)\nsyn v3.0.9\n";

    /// Protects: a second version without a reason fails and is named with both versions.
    #[test]
    fn a_second_version_needs_a_reason() {
        let built = versions(TREE);
        let found = problems(&built, &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("syn is built in versions 2.0.119 and 3.0.9"),
            "{found:?}"
        );
        let deny = "skip = [\n  { crate = \"syn@2\", reason = \"tracing is still on it\" },\n]";
        assert_eq!(problems(&built, &allowed(deny)), Vec::<String>::new());
    }

    /// Protects: the list of exceptions does not rot: a line nobody needs or without a reason is reported.
    #[test]
    fn a_stale_or_bare_exception_is_reported() {
        let deny = "skip = [\n{ crate = \"quote@1\", reason = \"long enough a reason\" },\n{ crate = \"syn@2.0\" },\n]\n\
                    deny = [\n{ crate = \"openssl-sys\", reason = \"another list\" },\n]";
        let found = problems(&versions(TREE), &allowed(deny));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("skips quote@1, which is no longer a duplicate"),
            "{found:?}"
        );
        assert!(found[1].contains("skips syn@2.0 without a reason"), "{found:?}");
    }

    /// Protects: `syn@2` does not cover version 20.
    #[test]
    fn a_prefix_covers_whole_numbers_only() {
        let entry = Allowed {
            krate: "syn@2".into(),
            reason: String::new(),
        };
        assert!(covers(&entry, "syn", "2.0.119") && covers(&entry, "syn", "2"));
        assert!(!covers(&entry, "syn", "20.0.0") && !covers(&entry, "sync", "2.0"));
    }
}
