//! Which route takes a request, why those before it do not, and what its filters make of the request.
//!
//! For people, so it asks every route in turn; the index is not used. It must come to the same route as
//! [`RouteTable::find`], which the laws of the table check.

mod owned;

pub use owned::OwnedRequest;

use std::sync::Arc;

use crate::exchange::Exchange;
use crate::limits::REFUSALS_MAX;
use crate::predicate::Subject;
use crate::route::{Route, RouteDescription};
use crate::table::RouteTable;
use crate::view::{Answer, Flow, RequestEdit};

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The route that takes it.
    pub taken: Option<Taken>,
    /// Routes that would have come first (all routes, when none takes it), those that came nearest before others.
    pub refused: Vec<Refused>,
    /// How many more refused it.
    pub more: usize,
}

/// The route that takes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The route.
    pub route: RouteDescription,
    /// The variables that its patterns took, decoded.
    pub variables: Vec<(String, String)>,
    /// What then happens.
    pub outcome: Outcome,
}

/// What happens to a request that a route took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Forwarded {
        /// To here: the route's uri with the path and query after all filters.
        url: String,
        /// With these headers.
        headers: Vec<(String, String)>,
        /// Whether it bears the client's `Host`.
        host_preserved: bool,
    },
    /// A filter answers it.
    Answered(Answer),
}

/// A route that does not take a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The route.
    pub route: String,
    /// The first of its predicates that does not hold.
    pub predicate: String,
    /// Why not, as in `the method is GET`.
    pub why: String,
    /// How many predicates before it hold.
    pub held: usize,
}

pub(crate) fn explain(table: &RouteTable, request: &OwnedRequest) -> Explanation {
    let subject = Subject::new(request);
    let mut refused = Vec::new();
    let mut taken = None;
    for route in table.routes() {
        match refusal(route, &subject) {
            Some(refusal) => refused.push(refusal),
            None => {
                taken = Some(take(route, &subject, request));
                break;
            }
        }
    }
    refused.sort_by_key(|refused| std::cmp::Reverse(refused.held));
    let more = refused.len().saturating_sub(REFUSALS_MAX);
    refused.truncate(REFUSALS_MAX);
    Explanation { taken, refused, more }
}

fn refusal(route: &Route, subject: &Subject<'_>) -> Option<Refused> {
    let held = route
        .predicates
        .iter()
        .take_while(|step| step.does.matches(subject))
        .count();
    let step = route.predicates.get(held)?;
    Some(Refused {
        route: route.id.to_string(),
        predicate: step.text.to_string(),
        why: step.does.why_not(subject),
        held,
    })
}

fn take(route: &Arc<Route>, subject: &Subject<'_>, request: &OwnedRequest) -> Taken {
    let mut exchange = Exchange::default();
    route.capture(subject, &mut exchange.vars);
    let variables = exchange.vars.iter();
    let variables = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut edited = request.clone();
    let outcome = match route.before(&mut edited, &mut exchange) {
        Flow::Answer(answer) => Outcome::Answered(*answer),
        Flow::Continue => Outcome::Forwarded {
            url: url(route, &edited),
            headers: edited.headers().to_vec(),
            host_preserved: edited.is_host_preserved(),
        },
    };
    Taken {
        route: route.describe(),
        variables,
        outcome,
    }
}

fn url(route: &Route, edited: &OwnedRequest) -> String {
    let query = edited
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    format!("{}{}{query}", route.uri, edited.path())
}
