//! Laws of the table that must hold for every table and request.

#![allow(clippy::unwrap_used, reason = "test code")]

mod table;

use koinon_core_route::{GatewayDefinition, OwnedRequest, RouteDefinition, RouteTable, Vars};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use table::{compile, gateway, route};

/// Hosts and paths of few words, so that patterns and requests often meet.
fn host_pattern() -> impl Strategy<Value = String> {
    let label = prop::sample::select(vec![
        "a",
        "B",
        "org",
        "*",
        "**",
        "{x}",
        "a*",
        "?",
        "{y:[ab]+}",
        "org:80",
        "",
    ]);
    prop::collection::vec(label, 1..4)
        .prop_map(|labels| without_twice(&labels).join("."))
        .prop_filter("a list has no empty patterns", |pattern| !pattern.is_empty())
}

fn path_pattern() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec![
        "a",
        "b",
        "c d",
        "*",
        "{x}",
        "a*",
        "?",
        "{y:[ab]+}",
        "x-{z}",
        "",
    ]);
    let end = prop::sample::select(vec!["", "/", "/**", "/{*rest}"]);
    let start = prop::sample::select(vec!["", "", "", "/**"]);
    (start, prop::collection::vec(segment, 1..4), end)
        .prop_map(|(start, segments, end)| format!("{start}/{}{end}", without_twice(&segments).join("/")))
}

/// A variable may be named once only.
fn without_twice(parts: &[&'static str]) -> Vec<&'static str> {
    let mut kept: Vec<&str> = Vec::new();
    for part in parts {
        if !(part.contains('{') && kept.contains(part)) {
            kept.push(part);
        }
    }
    kept
}

fn some_route() -> impl Strategy<Value = RouteDefinition> {
    let list = |patterns: Vec<String>| patterns.join(",");
    let hosts = prop::collection::vec(host_pattern(), 1..3).prop_map(move |p| format!("Host={}", list(p)));
    let paths = prop::collection::vec(path_pattern(), 1..3).prop_map(move |p| format!("Path={}", list(p)));
    let strict =
        prop::collection::vec(path_pattern(), 1..3).prop_map(|p| format!("Path={},false", p.join(",")));
    let methods = prop::sample::select(vec!["Method=GET", "Method=POST", "Query=q"]).prop_map(str::to_owned);
    let predicate = prop_oneof![2 => hosts, 3 => paths, 1 => strict, 1 => methods];
    (prop::collection::vec(predicate, 1..4), -2_i32..3).prop_map(|(predicates, order)| {
        let texts: Vec<&str> = predicates.iter().map(String::as_str).collect();
        RouteDefinition {
            order,
            ..route(1, "", &texts, &[])
        }
    })
}

fn some_request() -> impl Strategy<Value = OwnedRequest> {
    let label = prop::sample::select(vec!["a", "b", "A", "org", "ORG", "ab", "org:80", "", ""]);
    let host = prop::collection::vec(label, 0..5).prop_map(|labels| labels.join("."));
    let segment = prop::sample::select(vec![
        "a", "b", "ab", "c%20d", "%61", "a;v=1", "x-1", "", "a%2Fb", "%zz",
    ]);
    let path = prop::collection::vec(segment, 0..5).prop_map(|segments| format!("/{}", segments.join("/")));
    let method = prop::sample::select(vec!["GET", "POST"]);
    let query = prop::sample::select(vec!["", "?q=1"]);
    (method, prop::option::of(host), path, query).prop_map(|(method, host, path, query)| {
        let request = OwnedRequest::new(method, &format!("{path}{query}"));
        match host {
            Some(host) => request.header("Host", &host),
            None => request,
        }
    })
}

/// Hosts of one word, more and longer labels than the index keeps, with dots where none belong.
fn plain_host() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["a", "b", "A"]).prop_map(str::to_owned);
    let label = prop_oneof![8 => word, 1 => Just("a".repeat(64)), 1 => Just("a".repeat(65))];
    let labels = prop_oneof![4 => prop::collection::vec(label, 1..4), 1 => (14_usize..19).prop_map(|n| vec!["a".to_owned(); n])];
    let dots = || prop::sample::select(vec!["", "", "", "", "."]);
    (
        dots(),
        labels,
        prop::sample::select(vec![".", ".", ".", ".."]),
        dots(),
    )
        .prop_map(|(before, labels, between, after)| format!("{before}{}{after}", labels.join(between)))
}

/// Paths of one word, some deeper than the index is.
fn plain_path() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "a", "b"]);
    let segments = prop_oneof![4 => prop::collection::vec(segment, 0..4), 1 => (14_usize..19).prop_map(|n| vec!["a"; n])];
    segments.prop_map(|segments| segments.iter().map(|segment| format!("/{segment}")).collect())
}

/// What most route files say: plain hosts and paths, and sometimes one thing more.
fn plain_route() -> impl Strategy<Value = RouteDefinition> {
    let start = prop::sample::select(vec!["", "", "**.", "*."]);
    let host = (start, plain_host()).prop_map(|(start, host)| format!("Host={start}{host}"));
    let end = prop::sample::select(vec!["/**", "/**", "", "/", "/{*rest}", "/*", ",false"]);
    let path = (plain_path(), end)
        .prop_filter("a path needs a pattern", |(path, end)| {
            !path.is_empty() || end.starts_with('/')
        })
        .prop_map(|(path, end)| format!("Path={path}{end}"));
    let other = prop::sample::select(vec!["Method=GET", "Host=**.a", "Path=/a/**"]).prop_map(str::to_owned);
    (
        prop::option::weighted(0.5, host),
        path,
        prop::option::weighted(0.2, other),
        -1_i32..2,
    )
        .prop_map(|(host, path, other, order)| {
            let predicates: Vec<String> = host.into_iter().chain([path]).chain(other).collect();
            let texts: Vec<&str> = predicates.iter().map(String::as_str).collect();
            RouteDefinition {
                order,
                ..route(1, "", &texts, &[])
            }
        })
}

fn plain_request() -> impl Strategy<Value = OwnedRequest> {
    let end = prop::sample::select(vec!["", "", "/", "//", "/a", "b", ";v=1", "/%61", "/%zz", "/;v"]);
    let path = (plain_path(), end).prop_map(|(path, end)| format!("{path}{end}"));
    let path = prop_oneof![9 => path, 1 => Just("*".to_owned()), 1 => Just("a/a".to_owned())];
    let method = prop::sample::select(vec!["GET", "GET", "POST"]);
    (method, prop::option::weighted(0.8, plain_host()), path).prop_map(|(method, host, path)| {
        let request = OwnedRequest::new(method, &path);
        match host {
            Some(host) => request.header("Host", &host),
            None => request,
        }
    })
}

fn table_of(
    route: impl Strategy<Value = RouteDefinition>,
) -> impl Strategy<Value = (GatewayDefinition, RouteTable)> {
    prop::collection::vec(route, 1..12).prop_map(|mut routes| {
        for (at, route) in routes.iter_mut().enumerate() {
            route.id = format!("r{at}");
        }
        let definition = gateway(routes, &[]);
        let table = compile(&definition).unwrap().0;
        (definition, table)
    })
}

/// The explanation asks every route in turn, all its predicates.
fn finds_what_a_scan_finds(table: &RouteTable, request: &OwnedRequest) -> Result<(), TestCaseError> {
    let mut vars = Vars::default();
    let found = table.find(request, &mut vars);
    let scanned = table.explain(request).taken;
    prop_assert_eq!(
        found.map(|route| route.id.to_string()),
        scanned.as_ref().map(|taken| taken.route.id.clone()),
        "{:?}",
        request
    );
    let variables: Vec<_> = vars.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    prop_assert_eq!(
        variables,
        scanned.map(|taken| taken.variables).unwrap_or_default()
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_a_scan_finds((definition, table) in table_of(some_route()), requests in prop::collection::vec(some_request(), 1..8)) {
        // protects: the index never hides a route and never lets a later one win
        let mut sorted: Vec<_> = definition.routes.iter().collect();
        sorted.sort_by_key(|route| route.order);
        let ids: Vec<&str> = sorted.iter().map(|route| route.id.as_str()).collect();
        let in_table: Vec<&str> = table.routes().iter().map(|route| &*route.id).collect();
        prop_assert_eq!(ids, in_table);
        for request in requests {
            finds_what_a_scan_finds(&table, &request)?;
        }
    }

    #[test]
    fn a_route_that_is_not_asked_would_have_said_yes((_, table) in table_of(plain_route()), requests in prop::collection::vec(plain_request(), 1..16)) {
        // protects: what the index settles by a route's place alone is what the route's predicates say
        for request in requests {
            finds_what_a_scan_finds(&table, &request)?;
        }
    }
}
