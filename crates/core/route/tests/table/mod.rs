//! Tables from shortcuts, for tests: a route in a line or two, no YAML.

#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use koinon_core_route::{
    Args, Definition, Exchange, Extensions, Flow, GatewayDefinition, OwnedRequest, Place, Problem, Problems,
    ResponseEdit, RouteDefinition, RouteTable, Text,
};

/// `Name=a,b`, split as Spring splits it; all of it stands in `line`.
pub(crate) fn shortcut(line: usize, text: &str) -> Definition {
    let place = Place { line, column: 9 };
    let (name, args) = match text.split_once('=') {
        Some((name, args)) => {
            let args = args.split(',').map(str::trim).filter(|arg| !arg.is_empty());
            let texts = args.map(|value| Text {
                value: value.to_owned(),
                place,
            });
            (name, Args::Positional(texts.collect()))
        }
        None => (text, Args::None),
    };
    Definition {
        name: name.trim().to_owned(),
        args,
        place,
    }
}

/// `name:` with `args:`.
pub(crate) fn expanded(line: usize, name: &str, args: &[(&str, &str)]) -> Definition {
    let place = Place { line, column: 9 };
    let text = |value: &str| Text {
        value: value.to_owned(),
        place,
    };
    Definition {
        name: name.to_owned(),
        args: Args::Named(
            args.iter()
                .map(|(key, value)| ((*key).to_owned(), text(value)))
                .collect(),
        ),
        place,
    }
}

/// A route whose first line is `line`.
pub(crate) fn route(line: usize, id: &str, predicates: &[&str], filters: &[&str]) -> RouteDefinition {
    RouteDefinition {
        id: id.to_owned(),
        uri: Text {
            value: "lb://service".to_owned(),
            place: Place {
                line: line + 1,
                column: 12,
            },
        },
        predicates: predicates.iter().map(|text| shortcut(line + 3, text)).collect(),
        filters: filters.iter().map(|text| shortcut(line + 5, text)).collect(),
        enabled: true,
        place: Place { line, column: 7 },
        ..RouteDefinition::default()
    }
}

pub(crate) fn gateway(routes: Vec<RouteDefinition>, default_filters: &[&str]) -> GatewayDefinition {
    GatewayDefinition {
        routes,
        default_filters: default_filters.iter().map(|text| shortcut(2, text)).collect(),
    }
}

pub(crate) fn compile(definition: &GatewayDefinition) -> Result<(RouteTable, Vec<Problem>), Problems> {
    RouteTable::compile(definition, "routes.yml", &Extensions::default())
}

/// A table of one route that takes every path that fits `path`.
pub(crate) fn with_filters(path: &str, filters: &[&str]) -> RouteTable {
    compile(&gateway(
        vec![route(1, "r", &[&format!("Path={path}")], filters)],
        &[],
    ))
    .unwrap()
    .0
}

/// What the filters of the route that takes `request` make of it.
pub(crate) fn forward(table: &RouteTable, request: OwnedRequest) -> (OwnedRequest, Exchange, Flow) {
    let mut exchange = Exchange::default();
    let route = table
        .find(&request, &mut exchange.vars)
        .expect("a route takes it");
    let mut edited = request.clone();
    let flow = route.before(&mut edited, &mut exchange);
    (edited, exchange, flow)
}

/// A response that owns its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnedResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
}

impl OwnedResponse {
    pub(crate) fn new(status: u16, headers: &[(&str, &str)]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            status,
            headers: headers.collect(),
        }
    }
}

impl ResponseEdit for OwnedResponse {
    fn status(&self) -> u16 {
        self.status
    }

    fn set_status(&mut self, status: u16) {
        self.status = status;
    }

    fn each_header(&self, name: &str, visit: &mut dyn FnMut(&[u8]) -> bool) {
        let own = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        own.map(|(_, value)| value).all(|value| visit(value.as_bytes()));
    }

    fn add_header(&mut self, name: &str, value: &[u8]) {
        self.headers
            .push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
    }

    fn set_header(&mut self, name: &str, value: &[u8]) {
        self.remove_header(name);
        self.add_header(name, value);
    }

    fn remove_header(&mut self, name: &str) {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }
}
