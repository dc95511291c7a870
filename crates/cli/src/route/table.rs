//! Routes, and what becomes of a request, for people.

use koinon_api_admin::wire::{Header, Outcome, Refused, Route, Taken, Tried};
use koinon_core_route::RouteDescription;

use crate::table::{NOTHING, layout, printable};

/// A route list with what each has answered.
pub(super) fn routes(routes: &[Route]) -> String {
    if routes.is_empty() {
        return "no routes".to_owned();
    }
    let head = ["ID", "ORDER", "URI", "PREDICATES", "FILTERS", "RESPONSES", "5XX"].map(str::to_owned);
    let rows = routes.iter().map(|route| {
        let failed = route.responses.by_class.get("5xx").copied().unwrap_or(0);
        let shared = if route.counted_with_others {
            " (with others)"
        } else {
            ""
        };
        [
            printable(&route.id),
            route.order.to_string(),
            printable(&route.uri),
            all(&route.predicates),
            all(&route.filters),
            format!("{}{shared}", route.responses.count),
            failed.to_string(),
        ]
    });
    layout(std::iter::once(head).chain(rows).collect())
}

/// A route list that nobody has sent requests to.
pub(super) fn descriptions(routes: &[RouteDescription]) -> String {
    if routes.is_empty() {
        return "no routes".to_owned();
    }
    let head = ["ID", "ORDER", "URI", "PREDICATES", "FILTERS"].map(str::to_owned);
    let rows = routes.iter().map(|route| {
        [
            printable(&route.id),
            route.order.to_string(),
            printable(&route.uri),
            all(&route.predicates),
            all(&route.filters),
        ]
    });
    layout(std::iter::once(head).chain(rows).collect())
}

/// Predicates and filters have commas of their own.
fn all(texts: &[String]) -> String {
    if texts.is_empty() {
        return NOTHING.to_owned();
    }
    printable(&texts.join("; "))
}

/// What would become of a request with that method.
pub(super) fn tried(method: &str, tried: &Tried) -> String {
    let mut lines = match &tried.taken {
        Some(of) => taken(method, of),
        None => vec!["no route takes it; the answer would be 404".to_owned()],
    };
    if !tried.refused.is_empty() {
        let which = match tried.taken {
            Some(_) => "Routes before it do not, those that came nearest first:",
            None => "Those that came nearest first:",
        };
        lines.push(which.to_owned());
        lines.push(refused(&tried.refused));
    }
    if tried.refused_more > 0 {
        lines.push(format!("  and {} more", tried.refused_more));
    }
    lines.join("\n")
}

fn taken(method: &str, taken: &Taken) -> Vec<String> {
    let mut lines = vec![format!("route {} takes it", printable(&taken.route))];
    let mut line = |what: &str, text: String| lines.push(format!("  {what:<10} {}", printable(&text)));
    line("because", taken.predicates.join("; "));
    for (name, value) in &taken.variables {
        line("variable", format!("{name}={value}"));
    }
    if !taken.filters.is_empty() {
        line("filters", taken.filters.join("; "));
    }
    let mut header = |Header { name, value }: &Header| line("header", format!("{name}: {value}"));
    match &taken.outcome {
        Outcome::Forwarded {
            url,
            headers,
            host_preserved,
        } => {
            headers.iter().for_each(&mut header);
            if *host_preserved {
                line("host", "the client's".to_owned());
            }
            line("becomes", format!("{method} {url}"));
        }
        Outcome::Answered { status, headers } => {
            headers.iter().for_each(&mut header);
            line("answered", format!("{status}, by a filter"));
        }
    }
    lines
}

fn refused(all: &[Refused]) -> String {
    let head = ["  ROUTE", "FAILS AT", "BECAUSE"].map(str::to_owned);
    let rows = all.iter().map(|refused| {
        [
            format!("  {}", printable(&refused.route)),
            printable(&refused.predicate),
            printable(&refused.why),
        ]
    });
    layout(std::iter::once(head).chain(rows).collect())
}
