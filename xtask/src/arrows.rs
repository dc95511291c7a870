//! The map's arrows: which crate may depend on which, decided by the folder a crate lies in.
//!
//! The rule in one line: a crate depends only on rows above its own, where row 1 is `crates/base` and row 8 the
//! binary. Around it: domains may use a domain before them in the design's list, front doors never know each
//! other, the SDK takes rows 1 and 2 and the listeners only, and the tools (testkit, bench, compat, …) may use
//! anything but nothing that ships may use them. Each rule carries its reason, because a refusal without one
//! gets worked around.
//!
//! Invariant: pure. It reads a graph and returns what is wrong with it, so that tests can feed it a wrong one.

use std::fmt;

use crate::workspace::{Dep, DepKind, Package};

/// The domains in the design's order, with `http1` moved before `route`, whose predicates read its heads; one may use those
/// before it. A new domain is added here and in the design.
const DOMAINS: [&str; 12] = [
    "kv",
    "registry",
    "http1",
    "route",
    "balance",
    "resilience",
    "config",
    "lock",
    "id",
    "tx",
    "stream",
    "trace",
];

/// What brings time, randomness, threads, sockets or files into a crate: none of it in rows 1 and 2.
const IMPURE: [&str; 16] = [
    "async-std",
    "axum",
    "fastrand",
    "getrandom",
    "hyper",
    "hyper-util",
    "libc",
    "mio",
    "nix",
    "rand",
    "redb",
    "reqwest",
    "rustix",
    "socket2",
    "tokio",
    "tonic",
];

/// Where a crate stands in the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Base,
    /// With its position in `DOMAINS`.
    Core(usize),
    Io,
    Store,
    Service,
    Api,
    Gateway,
    Sdk,
    SdkMacros,
    Node,
    Cli,
    /// Tools: free to use everything.
    Tool,
}

impl Place {
    fn of(folder: &str) -> Option<Self> {
        let parts: Vec<&str> = folder.split('/').collect();
        Some(match parts.as_slice() {
            ["crates", "base"] => Self::Base,
            ["crates", "core", domain] => Self::Core(DOMAINS.iter().position(|known| known == domain)?),
            ["crates", "io", _] => Self::Io,
            ["crates", "store"] => Self::Store,
            ["crates", "service", _] => Self::Service,
            ["crates", "api", _] => Self::Api,
            ["crates", "gateway"] => Self::Gateway,
            ["crates", "sdk"] => Self::Sdk,
            ["crates", "sdk-macros"] => Self::SdkMacros,
            ["crates", "node"] => Self::Node,
            ["crates", "cli"] => Self::Cli,
            ["crates", "testkit" | "sim" | "bench"] | ["xtask" | "fuzz"] | ["compat", ..] => Self::Tool,
            _ => return None,
        })
    }

    /// The design's row; 0 for tools, which stand beside the map.
    fn row(self) -> u8 {
        match self {
            Self::Tool => 0,
            Self::Base => 1,
            Self::Core(_) => 2,
            Self::Io => 3,
            Self::Store => 4,
            Self::Service => 5,
            Self::Api | Self::Gateway | Self::Sdk | Self::SdkMacros => 6,
            Self::Node => 7,
            Self::Cli => 8,
        }
    }
}

/// A rule of the map: its name for the message and the reason it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Place,
    Tools,
    Rows,
    Domains,
    Doors,
    Beside,
    Sdk,
    Pure,
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Self::Place => "every crate has a place",
            Self::Tools => "nothing depends on a tool",
            Self::Rows => "only rows above",
            Self::Domains => "domains in order",
            Self::Doors => "doors do not know each other",
            Self::Beside => "not beside it",
            Self::Sdk => "the SDK stays small",
            Self::Pure => "base and domains are pure",
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Place => {
                "a newcomer finds a crate by its folder; give it one of the map's, or extend the map in \
                 xtask/src/arrows.rs together with a decision in docs/adr"
            }
            Self::Tools => "test and benchmark code must not ship; use it under [dev-dependencies]",
            Self::Rows => {
                "a lower row knows more: what it needs from there comes in as an argument, a trait or a message, \
                 otherwise neither can be built, tested or replaced alone"
            }
            Self::Domains => {
                "a fixed order keeps the domains free of cycles; move the shared type to the earlier domain or to base"
            }
            Self::Doors => {
                "a protocol reaches another only through the domain both translate to; that is what makes a service \
                 registered through one visible through all"
            }
            Self::Beside => {
                "crates of one row are assembled by a row below them; put what both need in a row above"
            }
            Self::Sdk => {
                "an application that links the SDK must not carry the server: rows 1, 2 and io/net only"
            }
            Self::Pure => {
                "time, randomness and input are arguments there, so that a whole cluster can be simulated from a seed"
            }
        }
    }
}

/// A dependency the map does not allow.
#[derive(Debug)]
pub(crate) struct Violation {
    arrow: String,
    rule: Rule,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\n    rule: {}: {}",
            self.arrow,
            self.rule.name(),
            self.rule.reason()
        )
    }
}

/// Everything the map forbids in this graph.
pub(crate) fn violations(packages: &[Package]) -> Vec<Violation> {
    packages.iter().flat_map(package_violations).collect()
}

fn package_violations(package: &Package) -> Vec<Violation> {
    let Some(from) = Place::of(&package.folder) else {
        return vec![Violation {
            arrow: titled(&package.name, &package.folder),
            rule: Rule::Place,
        }];
    };
    package
        .deps
        .iter()
        .filter_map(|dep| violation(package, from, dep))
        .collect()
}

fn violation(package: &Package, from: Place, dep: &Dep) -> Option<Violation> {
    let (rule, to) = match &dep.folder {
        None => (outside_rule(from, dep)?, dep.name.clone()),
        // A crate may turn its own features on for its tests.
        Some(folder) if *folder == package.folder && dep.kind == DepKind::Dev => return None,
        Some(folder) => {
            // A crate without a place is reported once, for itself.
            (
                broken_rule(from, Place::of(folder)?, folder, dep.kind)?,
                titled(&dep.name, folder),
            )
        }
    };
    let how = if dep.kind == DepKind::Dev {
        "depends, in its tests, on"
    } else {
        "depends on"
    };
    Some(Violation {
        arrow: format!("{} {how} {to}", titled(&package.name, &package.folder)),
        rule,
    })
}

fn titled(name: &str, folder: &str) -> String {
    match Place::of(folder).map_or(0, Place::row) {
        0 => format!("{name} ({folder})"),
        row => format!("{name} ({folder}, row {row})"),
    }
}

/// The rule that an arrow between two crates of the repository breaks, if any.
fn broken_rule(from: Place, to: Place, to_folder: &str, kind: DepKind) -> Option<Rule> {
    match (from, to) {
        (Place::Tool, _) => None,
        (_, Place::Tool) => (kind == DepKind::Normal).then_some(Rule::Tools),
        (Place::Sdk | Place::SdkMacros, _) => {
            let small = to.row() <= 2 || to_folder == "crates/io/net";
            let own_macros = from == Place::Sdk && to == Place::SdkMacros;
            (!small && !own_macros).then_some(Rule::Sdk)
        }
        (Place::Core(own), Place::Core(other)) => (other >= own).then_some(Rule::Domains),
        (Place::Api, Place::Api) => Some(Rule::Doors),
        // What the log and the backend stand on, so that both can be simulated (docs/adr/0006).
        (Place::Io, Place::Io) if to_folder == "crates/io/disk" => None,
        _ if to.row() == from.row() => Some(Rule::Beside),
        _ => (to.row() > from.row()).then_some(Rule::Rows),
    }
}

/// The rule that a dependency on a crate from elsewhere breaks, if any.
fn outside_rule(from: Place, dep: &Dep) -> Option<Rule> {
    let pure = matches!(from, Place::Base | Place::Core(_));
    (pure && dep.kind == DepKind::Normal && IMPURE.contains(&dep.name.as_str())).then_some(Rule::Pure)
}

#[cfg(test)]
mod tests;
