//! Definitions become routes: names are looked up, arguments read, patterns compiled, filters put in order.
//!
//! All problems are collected; a route with one is left out and the next is looked at. The filters' order is
//! Spring's: default filters and a route's own are numbered apart, each from 1, and then sorted together, so they
//! take turns, a default one first.

use std::collections::HashMap;
use std::sync::Arc;

use crate::arguments::Variables;
use crate::builder::{RouteBuilder, Source};
use crate::definition::{Definition, GatewayDefinition, RouteDefinition};
use crate::extensions::Extensions;
use crate::filter::{self, Filter};
use crate::kind::{Kinds, describe};
use crate::limits::{NAME_BYTES_MAX, ROUTES_MAX, STEPS_MAX};
use crate::predicate::{self, Matcher};
use crate::problem::{Place, Problem, Problems, Report};
use crate::route::{Route, Step};
use crate::uri;

/// Everything that a table is made of.
#[derive(Debug, Clone, Copy)]
pub struct Compilation<'c> {
    /// What the file says.
    pub definition: &'c GatewayDefinition,
    /// Routes of services that discovery found. Nobody wrote them, so one that cannot be compiled is left out with a
    /// note, and the file's go on serving.
    pub found: &'c [RouteDefinition],
    /// `fail-on-route-definition-error: false`: routes of the file that cannot be compiled are left out likewise.
    pub forgiving: bool,
    /// The name that problems bear.
    pub file: &'c str,
    /// What the gateway's user added in code.
    pub extensions: &'c Extensions,
}

/// The routes, sorted, and notes.
pub(crate) fn compile(from: &Compilation<'_>) -> Result<(Vec<Route>, Vec<Problem>), Problems> {
    let mut report = Report::default();
    let mut compiler = Compiler::new(from.extensions, &mut report);
    compiler.default_filters(&from.definition.default_filters);
    // The file's first: a service that comes or goes must not give another name to a route of the file.
    let own = from
        .definition
        .routes
        .iter()
        .map(|route| (route, from.forgiving, Origin::File));
    let found = from.found.iter().map(|route| (route, true, Origin::Found));
    let written = own
        .chain(found)
        .enumerate()
        .filter(|(_, (route, ..))| route.enabled);
    let count = written.clone().count() + from.extensions.routes.len();
    if count > ROUTES_MAX {
        let what = format!("{count} routes, at most {ROUTES_MAX} are allowed");
        compiler.report.error(Place::default(), what);
    } else {
        for (at, (route, forgiving, origin)) in written {
            compiler.route(at, &RouteBuilder::from(route), forgiving, origin);
        }
        for (at, route) in from.extensions.routes.iter().enumerate() {
            let at = from.definition.routes.len() + from.found.len() + at;
            compiler.route(at, route, false, Origin::Code);
        }
    }
    let routes = compiler.routes;
    Ok((sorted(routes), report.finish(from.file)?))
}

/// Where a route comes from; among routes of one order it decides which are asked first, as in Spring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Code,
    Found,
    File,
}

fn sorted(mut routes: Vec<(Origin, Route)>) -> Vec<Route> {
    routes.sort_by_key(|(origin, route)| (route.order, *origin));
    let numbered = routes.into_iter().enumerate();
    numbered
        .map(|(index, (_, route))| Route { index, ..route })
        .collect()
}

struct Compiler<'c> {
    predicates: Kinds<'c, dyn Matcher>,
    filters: Kinds<'c, dyn Filter>,
    defaults: Vec<Step<dyn Filter>>,
    seen: HashMap<Arc<str>, Place>,
    routes: Vec<(Origin, Route)>,
    report: &'c mut Report,
}

impl<'c> Compiler<'c> {
    fn new(extensions: &'c Extensions, report: &'c mut Report) -> Self {
        Self {
            predicates: Kinds {
                what: "predicate",
                built_in: predicate::KINDS,
                own: &extensions.predicates,
                not_yet: predicate::NOT_YET,
            },
            filters: Kinds {
                what: "filter",
                built_in: filter::KINDS,
                own: &extensions.filters,
                not_yet: filter::NOT_YET,
            },
            defaults: Vec::new(),
            seen: HashMap::new(),
            routes: Vec::new(),
            report,
        }
    }

    fn default_filters(&mut self, definitions: &[Definition]) {
        if definitions.len() > STEPS_MAX {
            let what = format!(
                "{} default filters, at most {STEPS_MAX} are allowed",
                definitions.len()
            );
            self.report.error(definitions[STEPS_MAX].place, what);
            return;
        }
        for definition in definitions {
            let made = self.filters.make(definition, Variables::Unknown, self.report);
            self.defaults.extend(made.map(|does| step(definition, does)));
        }
    }

    /// Compiles the route at position `at`, and keeps it if nothing is wrong with it.
    fn route(&mut self, at: usize, source: &RouteBuilder, forgiving: bool, origin: Origin) {
        let asked: Arc<str> = match source.id.as_str() {
            "" => Arc::from(format!("route-{}", at + 1)),
            id => Arc::from(id),
        };
        let before = self.report.error_count();
        self.report.enter_route(&asked);
        let id = self.claim_id(asked, source.place);
        let uri = self.uri(source);
        let predicates = self.predicates(source);
        let filters = self.filters(source, &predicates);
        self.report.leave_route();
        let Some(uri) = uri.filter(|_| self.report.error_count() == before) else {
            if forgiving {
                self.report.forgive_since(before, "the route is left out");
            }
            return;
        };
        let route = Route {
            id,
            order: source.order,
            uri,
            index: 0,
            has_variables: predicates
                .iter()
                .any(|step| step.does.names().is_none_or(|names| !names.is_empty())),
            metadata: source.metadata.clone().into(),
            predicates: predicates.into(),
            after: after(&filters),
            filters: filters.into(),
        };
        self.routes.push((origin, route));
    }

    /// The id that the route gets. Spring takes routes of one id and asks them all; here metrics, logs and people must be
    /// able to tell them apart, so the later ones are numbered.
    fn claim_id(&mut self, asked: Arc<str>, place: Place) -> Arc<str> {
        if asked.len() > NAME_BYTES_MAX || asked.chars().any(char::is_control) {
            let what = format!("an id has at most {NAME_BYTES_MAX} bytes and no control characters");
            self.report.error(place, what);
        }
        let mut id = Arc::clone(&asked);
        if let Some(first) = self.seen.get(&id).copied() {
            let mut number = 2;
            while self.seen.contains_key(&id) {
                id = Arc::from(format!("{asked}-{number}"));
                number += 1;
            }
            let first = match first.line {
                0 => String::new(),
                line => format!(", in line {line}"),
            };
            let what = format!("another route has this id{first}; this one is called {id}");
            self.report.note(place, what);
        }
        self.seen.insert(Arc::clone(&id), place);
        id
    }

    fn uri(&mut self, source: &RouteBuilder) -> Option<uri::RouteUri> {
        let place = match source.uri.place {
            Place { line: 0, .. } => source.place,
            place => place,
        };
        let mut notes = Vec::new();
        match uri::parse(&source.uri.value, &mut notes) {
            Ok(uri) => {
                for note in notes {
                    self.report.note(place, note);
                }
                Some(uri)
            }
            Err(what) => {
                self.report.error(place, what);
                None
            }
        }
    }

    fn predicates(&mut self, source: &RouteBuilder) -> Vec<Step<dyn Matcher>> {
        let count = source.predicates.len();
        if count == 0 {
            let what = "a route needs a predicate; Path=/** takes every request";
            self.report.error(source.place, what);
        }
        if count > STEPS_MAX {
            let what = format!("{count} predicates, at most {STEPS_MAX} are allowed");
            self.report.error(source.place, what);
            return Vec::new();
        }
        make_all(
            &self.predicates,
            &source.predicates,
            Variables::Unknown,
            self.report,
        )
    }

    /// The default filters and the route's own, in the order in which they run.
    fn filters(&mut self, source: &RouteBuilder, predicates: &[Step<dyn Matcher>]) -> Vec<Step<dyn Filter>> {
        let count = source.filters.len();
        if count > STEPS_MAX {
            let what = format!("{count} filters, at most {STEPS_MAX} are allowed");
            self.report.error(source.place, what);
            return Vec::new();
        }
        // a predicate that failed to compile would have had variables too, so nothing is known then
        let whole = predicates.len() == source.predicates.len();
        let names: Option<Vec<&str>> = predicates
            .iter()
            .map(|step| step.does.names())
            .collect::<Option<Vec<_>>>()
            .map(|names| names.concat());
        let variables = match &names {
            Some(names) if whole => Variables::These(names),
            Some(_) | None => Variables::Unknown,
        };
        let own = make_all(&self.filters, &source.filters, variables, self.report);
        let mut ordered: Vec<(usize, Step<dyn Filter>)> =
            self.defaults.iter().map(Step::clone).enumerate().collect();
        ordered.extend(own.into_iter().enumerate());
        ordered.sort_by_key(|(number, _)| *number);
        ordered.into_iter().map(|(_, step)| step).collect()
    }
}

fn make_all<T: ?Sized + 'static>(
    kinds: &Kinds<'_, T>,
    sources: &[Source<T>],
    variables: Variables<'_>,
    report: &mut Report,
) -> Vec<Step<T>> {
    let made = sources.iter().filter_map(|source| match source {
        Source::Named(definition) => kinds
            .make(definition, variables, report)
            .map(|does| step(definition, does)),
        Source::Own(name, own) => Some(Step {
            text: Arc::from(name.as_str()),
            does: Arc::clone(own),
        }),
    });
    made.collect()
}

fn step<T: ?Sized>(definition: &Definition, does: Arc<T>) -> Step<T> {
    Step {
        text: describe(definition).into(),
        does,
    }
}

/// Those that see the answer; the last to see the request is the first.
fn after(filters: &[Step<dyn Filter>]) -> Box<[Arc<dyn Filter>]> {
    let seeing = filters.iter().rev().filter(|step| step.does.has_after());
    seeing.map(|step| Arc::clone(&step.does)).collect()
}
