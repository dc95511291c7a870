//! What Koinon did with a connection's bytes beside what another proxy did with them.

use crate::observe::{Request, Seen};

/// One thing that was not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The other passed on more requests: Koinon refused one.
    Refused,
    /// Koinon passed on more requests.
    OtherRefused,
    /// Both passed on a request, with another method.
    Method(String, String),
    /// With another target.
    Target(String, String),
    /// With another content: the borders differ.
    Content(Vec<u8>, Vec<u8>),
    /// With other fields behind the body.
    Trailer(String, String),
    /// A field that only Koinon's has, or that only Koinon's has with this value.
    Added(String, String),
    /// A field that only the other's has, or that only the other's has with this value.
    Missing(String, String),
    /// The same arrived, and the client was told something else.
    Statuses(Vec<u16>, Vec<u16>),
}

/// Everything that differs.
#[must_use]
pub fn compare(ours: &Seen, theirs: &Seen) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (ours, theirs) in ours.arrived.iter().zip(&theirs.arrived) {
        compare_requests(ours, theirs, &mut differences);
    }
    match ours.arrived.len().cmp(&theirs.arrived.len()) {
        std::cmp::Ordering::Less => differences.push(Difference::Refused),
        std::cmp::Ordering::Greater => differences.push(Difference::OtherRefused),
        std::cmp::Ordering::Equal if ours.statuses != theirs.statuses => {
            differences.push(Difference::Statuses(
                ours.statuses.clone(),
                theirs.statuses.clone(),
            ));
        }
        std::cmp::Ordering::Equal => {}
    }
    differences
}

fn compare_requests(ours: &Request, theirs: &Request, differences: &mut Vec<Difference>) {
    if ours.method != theirs.method {
        differences.push(Difference::Method(ours.method.clone(), theirs.method.clone()));
    }
    if ours.target != theirs.target {
        differences.push(Difference::Target(ours.target.clone(), theirs.target.clone()));
    }
    if ours.content != theirs.content {
        differences.push(Difference::Content(ours.content.clone(), theirs.content.clone()));
    }
    if ours.trailer != theirs.trailer {
        differences.push(Difference::Trailer(
            format!("{:?}", ours.trailer),
            format!("{:?}", theirs.trailer),
        ));
    }
    for (name, value) in only_in(&ours.fields, &theirs.fields) {
        differences.push(Difference::Added(name, value));
    }
    for (name, value) in only_in(&theirs.fields, &ours.fields) {
        differences.push(Difference::Missing(name, value));
    }
}

/// The fields of the first list that the second has not, each counted as often as it occurs.
fn only_in(first: &[(String, String)], second: &[(String, String)]) -> Vec<(String, String)> {
    let mut rest = second.to_vec();
    let mut only = Vec::new();
    for field in first {
        match rest.iter().position(|other| other == field) {
            Some(at) => drop(rest.remove(at)),
            None => only.push(field.clone()),
        }
    }
    only
}
