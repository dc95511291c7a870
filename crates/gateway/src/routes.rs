//! From a routes file to what workers route by.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use koinon_core_balance::PolicyKind;
use koinon_core_route::{
    Compilation, Extensions, GatewayDefinition, Globals, Place, Problem, Problems, Route, RouteTable,
    RouteUri, RoutesFile,
};

use crate::head::ForwardedPolicy;
use crate::meter::Meter;
use crate::settings::{ClientPace, GatewaySettings};
use crate::snapshot::{Published, RoutePlan, Snapshot};
use crate::upstream::{UpstreamName, Upstreams};

/// Routes that are counted each by its own name; all others together are `other`.
const METERED_MAX: usize = 1_000;
/// The name that the rest is counted under.
pub(crate) const OTHER: &str = "other";
/// A route's own balancing policy, in its metadata.
const POLICY: &str = "koinon.policy";
/// A route's own least rate of its clients, in its metadata.
const CLIENT_RATE_MIN: &str = "koinon.client-rate-min";

/// The routes in force, and what they were made of.
#[derive(Debug)]
pub(crate) struct Routes {
    extensions: Extensions,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<RoutesFile>,
    meters: HashMap<Arc<str>, Arc<Meter>>,
}

impl Routes {
    pub(crate) fn new(extensions: Extensions) -> Self {
        Self {
            extensions,
            state: Mutex::default(),
        }
    }

    /// Puts `file` in force, or what is there already when there is none; then the notes are those of its routes.
    ///
    /// # Errors
    /// What is wrong with it; the routes in force stay.
    pub(crate) fn apply(
        &self,
        file: Option<RoutesFile>,
        settings: &GatewaySettings,
        upstreams: &Upstreams,
        published: &Published,
    ) -> Result<Vec<Problem>, Problems> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let file = file.or_else(|| state.file.clone());
        let compiled = compile(file.as_ref(), &self.extensions, upstreams)?;
        let (table, notes, name) = compiled;
        let globals = file.as_ref().map(|file| file.globals.clone()).unwrap_or_default();
        let mut meters = Meters {
            known: std::mem::take(&mut state.meters),
            kept: HashMap::new(),
            workers: settings.workers,
        };
        let mut plans = Vec::with_capacity(table.routes().len());
        let mut problems = Vec::new();
        for route in table.routes() {
            match plan(route, &globals, settings, upstreams, &mut meters) {
                Ok(plan) => plans.push(plan),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            state.meters = meters.known;
            return Err(Problems {
                file: name,
                list: problems,
                more: 0,
            });
        }
        state.meters = meters.kept;
        state.file = file;
        published.publish(Snapshot {
            table,
            plans: plans.into(),
            forwarded: ForwardedPolicy::of(&globals),
            hides_services: globals.use_404.as_ref().is_some_and(|given| given.value),
        });
        Ok(notes)
    }

    /// Whether routes are made of the registered services too.
    pub(crate) fn has_locator(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.file.as_ref().is_some_and(|file| file.locator.is_some())
    }
}

fn compile(
    file: Option<&RoutesFile>,
    extensions: &Extensions,
    upstreams: &Upstreams,
) -> Result<(RouteTable, Vec<Problem>, Arc<str>), Problems> {
    let Some(file) = file else {
        let name: Arc<str> = Arc::from("routes in code");
        let (table, notes) = RouteTable::compile(&GatewayDefinition::default(), &name, extensions)?;
        return Ok((table, notes, name));
    };
    let found = file.locator.as_ref().map_or_else(Vec::new, |locator| {
        let services = upstreams.services().borrow().clone();
        // Spring's ids of Eureka's services are in capitals.
        let ids: Vec<String> = services
            .iter()
            .map(|service| service.as_str().to_ascii_uppercase())
            .collect();
        locator.routes(ids.iter().map(String::as_str))
    });
    let strict = file.globals.fail_on_route_definition_error.as_ref();
    let (table, notes) = RouteTable::compile_with(&Compilation {
        definition: &file.definition,
        found: &found,
        forgiving: strict.is_some_and(|strict| !strict.value),
        file: &file.file,
        extensions,
    })?;
    Ok((table, notes, Arc::clone(&file.file)))
}

/// Meters survive a reload as long as their route does.
struct Meters {
    known: HashMap<Arc<str>, Arc<Meter>>,
    kept: HashMap<Arc<str>, Arc<Meter>>,
    workers: usize,
}

impl Meters {
    fn of(&mut self, id: &Arc<str>) -> Arc<Meter> {
        let id = match self.kept.len() < METERED_MAX {
            true => Arc::clone(id),
            false => Arc::from(OTHER),
        };
        let (known, workers) = (&self.known, self.workers);
        let meter = self.kept.entry(id).or_insert_with_key(|id| {
            known
                .get(id)
                .cloned()
                .unwrap_or_else(|| Arc::new(Meter::new(workers)))
        });
        Arc::clone(meter)
    }
}

fn plan(
    route: &Arc<Route>,
    globals: &Globals,
    settings: &GatewaySettings,
    upstreams: &Upstreams,
    meters: &mut Meters,
) -> Result<RoutePlan, Problem> {
    let name = match &route.uri {
        RouteUri::Http { host, port } => UpstreamName::Address(Arc::clone(host), *port),
        RouteUri::LoadBalanced { service } => UpstreamName::Service(service.clone()),
    };
    let wrong = |what: String| Problem {
        place: Place::default(),
        route: Some(Arc::clone(&route.id)),
        what,
    };
    let policy = route
        .metadata(POLICY)
        .map(str::parse::<PolicyKind>)
        .transpose()
        .map_err(|error| wrong(format!("metadata {POLICY}: {error}")))?;
    let connect = millis_of(route, "connect-timeout").map_err(wrong)?;
    let response = millis_of(route, "response-timeout").map_err(wrong)?;
    let client_rate = rate_of(route).map_err(wrong)?;
    let global = |given: &Option<koinon_core_route::Given<Duration>>| given.as_ref().map(|given| given.value);
    Ok(RoutePlan {
        route: Arc::clone(route),
        upstream: upstreams.get(&name, policy),
        meter: meters.of(&route.id),
        connect_timeout: connect
            .flatten()
            .or(global(&globals.connect_timeout))
            .unwrap_or(settings.timeouts.connect),
        response_timeout: match response {
            Some(own) => own,
            None => Some(global(&globals.response_timeout).unwrap_or(settings.timeouts.response)),
        },
        client_pace: ClientPace {
            bytes_per_s_min: client_rate.unwrap_or(settings.client_pace.bytes_per_s_min),
            ..settings.client_pace
        },
    })
}

/// The least rate of clients in a route's metadata, in bytes a second.
fn rate_of(route: &Route) -> Result<Option<u64>, String> {
    let parse = |text: &str| {
        text.parse().map_err(|_| {
            format!("metadata {CLIENT_RATE_MIN} is {text:?}; expected bytes a second, 0 for no limit")
        })
    };
    route.metadata(CLIENT_RATE_MIN).map(parse).transpose()
}

/// A time in a route's metadata, in milliseconds; a negative one is none, as in Spring Cloud Gateway.
#[expect(
    clippy::option_option,
    reason = "not given, given as none, and given are three things here"
)]
fn millis_of(route: &Route, key: &str) -> Result<Option<Option<Duration>>, String> {
    let Some(text) = route.metadata(key) else {
        return Ok(None);
    };
    match text.parse::<i64>() {
        Ok(millis) => Ok(Some(u64::try_from(millis).ok().map(Duration::from_millis))),
        Err(_) => Err(format!(
            "metadata {key} is {text:?}; expected a number of milliseconds"
        )),
    }
}
