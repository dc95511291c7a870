//! Laws of the table that must hold for every table and request.

#![allow(clippy::unwrap_used, reason = "test code")]

mod table;

use koinon_core_route::{GatewayDefinition, OwnedRequest, RouteDefinition, RouteTable, Vars};
use proptest::prelude::*;
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
    ]);
    prop::collection::vec(label, 1..4).prop_map(|labels| without_twice(&labels).join("."))
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

fn some_table() -> impl Strategy<Value = (GatewayDefinition, RouteTable)> {
    prop::collection::vec(some_route(), 1..12).prop_map(|mut routes| {
        for (at, route) in routes.iter_mut().enumerate() {
            route.id = format!("r{at}");
        }
        let definition = gateway(routes, &[]);
        let table = compile(&definition).unwrap().0;
        (definition, table)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_a_scan_finds((definition, table) in some_table(), requests in prop::collection::vec(some_request(), 1..8)) {
        // protects: the index never hides a route and never lets a later one win
        let mut sorted: Vec<_> = definition.routes.iter().collect();
        sorted.sort_by_key(|route| route.order);
        let ids: Vec<&str> = sorted.iter().map(|route| route.id.as_str()).collect();
        let in_table: Vec<&str> = table.routes().iter().map(|route| &*route.id).collect();
        prop_assert_eq!(ids, in_table);
        for request in requests {
            let mut vars = Vars::default();
            let found = table.find(&request, &mut vars);
            // the explanation asks every route in turn
            let scanned = table.explain(&request).taken;
            prop_assert_eq!(
                found.map(|route| route.id.to_string()),
                scanned.as_ref().map(|taken| taken.route.id.clone()),
                "{:?}", request
            );
            let variables: Vec<_> = vars.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            prop_assert_eq!(variables, scanned.map(|taken| taken.variables).unwrap_or_default());
        }
    }
}
