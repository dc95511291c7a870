//! What `route try` can tell.

mod table;

use koinon_core_route::{Outcome, OwnedRequest};
use table::{compile, gateway, route};

#[test]
fn the_route_and_the_reasons_are_told() {
    // protects: an operator sees why a request goes where it goes
    let routes = vec![
        route(1, "posts", &["Path=/orders/**", "Method=POST"], &[]),
        route(2, "hosts", &["Host=**.a.org"], &[]),
        route(
            3,
            "orders",
            &["Path=/orders/{id}/**"],
            &[
                "StripPrefix=1",
                "AddRequestHeader=X-Id,{id}",
                "PreserveHostHeader",
            ],
        ),
        route(4, "rest", &["Path=/**"], &["RedirectTo=302,/login"]),
    ];
    let (table, _) = compile(&gateway(routes, &[])).unwrap();
    let explanation = table.explain(&OwnedRequest::new("GET", "http://b.org/orders/7/items?q=1"));
    let taken = explanation.taken.unwrap();
    assert_eq!(taken.route.id, "orders");
    assert_eq!(taken.variables, [("id".to_owned(), "7".to_owned())]);
    assert_eq!(
        taken.outcome,
        Outcome::Forwarded {
            url: "lb://service/7/items?q=1".to_owned(),
            headers: vec![("X-Id".to_owned(), "7".to_owned())],
            host_preserved: true,
        }
    );
    let refused: Vec<String> = explanation
        .refused
        .iter()
        .map(|refused| format!("{}: {}: {}", refused.route, refused.predicate, refused.why))
        .collect();
    assert_eq!(
        refused,
        [
            "posts: Method=POST: the method is GET",
            "hosts: Host=**.a.org: Host is b.org"
        ]
    );

    let answered = table.explain(&OwnedRequest::new("GET", "/")).taken.unwrap();
    assert!(matches!(answered.outcome, Outcome::Answered(answer) if answer.status == 302));
}

#[test]
fn a_long_list_of_reasons_is_cut_to_the_nearest() {
    // protects: ten thousand routes do not make ten thousand lines, and the one that nearly matched is among them
    let mut routes: Vec<_> = (0..100)
        .map(|at| route(at, &format!("r{at}"), &[&format!("Path=/{at}")], &[]))
        .collect();
    routes.push(route(200, "near", &["Path=/x", "Header=X-A", "Query=q"], &[]));
    let (table, _) = compile(&gateway(routes, &[])).unwrap();
    let explanation = table.explain(&OwnedRequest::new("GET", "/x").header("X-A", "1"));
    assert!(explanation.taken.is_none());
    assert_eq!((explanation.refused.len(), explanation.more), (32, 69));
    let nearest = &explanation.refused[0];
    assert_eq!(
        (nearest.route.as_str(), nearest.held, nearest.why.as_str()),
        ("near", 2, "there is no query")
    );
    assert_eq!(explanation.refused[1].why, "the path is /x");
}
