//! What each filter makes of a request and of its answer, through a compiled table.

mod table;

use koinon_core_route::{Flow, OwnedRequest, RequestView, RouteTable};
use table::{OwnedResponse, compile, expanded, forward, gateway, route, with_filters};

fn path_after(path: &str, filters: &[&str], url: &str) -> String {
    let table = with_filters(path, filters);
    let (edited, _, flow) = forward(&table, OwnedRequest::new("GET", url));
    match flow {
        Flow::Continue => edited.raw_path().to_owned(),
        Flow::Answer(answer) => answer.status.to_string(),
    }
}

fn headers_after(path: &str, filters: &[&str], request: OwnedRequest) -> Vec<(String, String)> {
    forward(&with_filters(path, filters), request)
        .0
        .headers()
        .to_vec()
}

fn response_after(table: &RouteTable, url: &str, mut response: OwnedResponse) -> OwnedResponse {
    let (_, exchange, _) = forward(table, OwnedRequest::new("GET", url));
    table.routes()[0].after(&mut response, &exchange);
    response
}

#[test]
fn paths_are_changed_as_in_spring() {
    // protects: which path the service sees
    let rewrite = r"RewritePath=/red/?(?<rest>.*), /$\{rest}";
    let table = [
        ("/**", "StripPrefix=1", "/a/b/c", "/b/c"),
        ("/**", "StripPrefix", "/a/b/c", "/b/c"),
        ("/**", "StripPrefix=2", "/a/b//c/", "/c/"),
        ("/**", "StripPrefix=5", "/a/b", "/"),
        ("/**", "PrefixPath=/p", "/a%20b", "/p/a%20b"),
        ("/**", "PrefixPath=/p/", "/a", "/p//a"),
        ("/{x}/**", "PrefixPath=/p-{x}", "/a%2Fb/c", "/p-a%2Fb/a%2Fb/c"),
        ("/{x}/**", "PrefixPath=/a b", "/c", "/a%20b/c"),
        ("/**", rewrite, "/red/blue/1", "/blue/1"),
        ("/**", rewrite, "/red", "/"),
        ("/**", "RewritePath=/a, x y?#", "/a/b", "/x%20y%3F%23/b"),
        ("/**", "RewritePath=o, 0", "/foo/o", "/f00/0"),
        ("/r/{x}", "SetPath=/{x}", "/r/a%2Fb", "/a%2Fb"),
        ("/r/{x}", "SetPath=/{x}", "/r/a%252Fb", "/a%252Fb"),
        (
            "/r/{x}",
            "SetPath=/{x}/%41",
            "/r/%C3%A9%0D%0A",
            "/%C3%A9%0D%0A/%2541",
        ),
        ("/r/{*rest}", "SetPath=/new{rest}", "/r/1/2;v=1/3", "/new/1/2/3"),
        ("/r/{*rest}", "SetPath={rest}", "/r", "/"),
    ];
    for (path, filter, url, expected) in table {
        assert_eq!(path_after(path, &[filter], url), expected, "{filter} on {url}");
    }
}

#[test]
fn a_path_that_cannot_be_made_is_an_answer() {
    // protects: a request never goes somewhere else because a variable is missing or a path is too long
    assert_eq!(path_after("/a/{x},/b/**", &["SetPath=/{x}"], "/b/1"), "500");
    assert_eq!(
        path_after("/a/{x},/b/**", &["AddRequestHeader=X,{x}"], "/b/1"),
        "500"
    );
    let long = format!("/{}", "a".repeat(40_000));
    assert_eq!(path_after("/**", &[r"RewritePath=a, bb"], &long), "414");
    assert_eq!(path_after("/{*x}", &["SetPath=/{x}{x}"], &long), "414");
}

#[test]
fn headers_are_changed_as_in_spring() {
    // protects: which headers the service sees
    let request = || {
        OwnedRequest::new("GET", "http://gw/r/a%20b%0D%0AX-Evil:1")
            .header("X-A", "1")
            .header("Cookie", "c")
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect()
    };
    assert_eq!(
        headers_after("/**", &["AddRequestHeader=X-A, 2"], request()),
        pairs(&[("X-A", "1"), ("Cookie", "c"), ("X-A", "2")])
    );
    assert_eq!(
        headers_after("/r/{x}", &["AddRequestHeader=X-B, v-{x}"], request()),
        pairs(&[("X-A", "1"), ("Cookie", "c"), ("X-B", "v-a b%0D%0AX-Evil:1")]),
        "a line end in a variable stays an escape"
    );
    assert_eq!(
        headers_after("/**", &["RemoveRequestHeader=x-a"], request()),
        pairs(&[("Cookie", "c")])
    );
    let (edited, ..) = forward(&with_filters("/**", &["PreserveHostHeader"]), request());
    assert!(edited.is_host_preserved());
    let (edited, ..) = forward(&with_filters("/**", &["StripPrefix"]), request());
    assert!(!edited.is_host_preserved());
}

#[test]
fn a_redirect_is_an_answer() {
    // protects: the upstream is not asked, and the client is sent where the file says
    let table = [
        (
            "RedirectTo=302, https://a.org/x",
            "/p?q=1",
            302,
            "https://a.org/x",
        ),
        (
            "RedirectTo=FOUND, /login, true",
            "/p?q=1&r=a%26b",
            302,
            "/login?q=1&r=a%26b",
        ),
        (
            "RedirectTo=308, /login?a=0#top, true",
            "/p?q=1",
            308,
            "/login?a=0&q=1#top",
        ),
        (
            "RedirectTo=301, https://a.org/é, true",
            "/p",
            301,
            "https://a.org/%C3%A9",
        ),
    ];
    for (filter, url, status, location) in table {
        let (_, _, flow) = forward(&with_filters("/**", &[filter]), OwnedRequest::new("GET", url));
        let Flow::Answer(answer) = flow else {
            panic!("{filter} lets the request go on");
        };
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.headers,
            [("Location".to_owned(), location.to_owned())],
            "{filter}"
        );
        assert!(answer.body.is_empty());
    }
}

#[test]
fn answers_are_changed_as_in_spring() {
    // protects: what the client sees of the upstream's answer
    let answer = || OwnedResponse::new(200, &[("X-Old", "1"), ("X-Blank", " ")]);
    let after =
        |filter: &str, url: &str| response_after(&with_filters("/r/{x},/**", &[filter]), url, answer());
    let added = |name: &str, value: &str| {
        let mut expected = answer();
        expected.headers.push((name.to_owned(), value.to_owned()));
        expected
    };
    assert_eq!(after("AddResponseHeader=X-Old, 2", "/"), added("X-Old", "2"));
    assert_eq!(
        after("AddResponseHeader=X-Old, 2, true", "/"),
        added("X-Old", "2")
    );
    assert_eq!(after("AddResponseHeader=x-old, 2, false", "/"), answer());
    assert_eq!(
        after("AddResponseHeader=X-Blank, 2, false", "/"),
        added("X-Blank", "2")
    );
    assert_eq!(
        after("AddResponseHeader=X-New, {x}, false", "/r/a%0Ab"),
        added("X-New", "a%0Ab")
    );
    assert_eq!(
        after("AddResponseHeader=X-New, {x}", "/other"),
        answer(),
        "no variable, no header"
    );
    for status in [
        "SetStatus=401",
        "SetStatus=UNAUTHORIZED",
        "SetStatus=unauthorized",
    ] {
        assert_eq!(after(status, "/").status, 401, "{status}");
    }
}

#[test]
fn default_filters_take_turns_with_the_routes_own() {
    // protects: the order of Spring, in which a default filter goes before the route's of the same number
    let own = [
        "AddRequestHeader=N,r1",
        "AddRequestHeader=N,r2",
        "AddRequestHeader=N,r3",
    ];
    let defaults = ["AddRequestHeader=N,d1", "AddRequestHeader=N,d2"];
    let (table, _) = compile(&gateway(vec![route(10, "r", &["Path=/**"], &own)], &defaults)).unwrap();
    let (edited, ..) = forward(&table, OwnedRequest::new("GET", "/"));
    let values: Vec<&str> = edited.headers().iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["d1", "r1", "d2", "r2", "r3"]);
    assert_eq!(table.routes()[0].describe().filters[2], "AddRequestHeader=N,d2");
}

#[test]
fn answers_are_seen_in_reverse_and_only_by_those_who_care() {
    // protects: the last filter sees the answer first, and a route without such filters does not ask
    let filters = [
        "AddResponseHeader=N,1",
        "StripPrefix",
        "AddResponseHeader=N,2",
        "SetStatus=201",
        "SetStatus=202",
    ];
    let after = response_after(&with_filters("/**", &filters), "/", OwnedResponse::new(200, &[]));
    let values: Vec<&str> = after.headers.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!((after.status, values), (201, vec!["2", "1"]));
    assert!(with_filters("/**", &filters).routes()[0].has_after());
    let silent = [
        "StripPrefix",
        "PreserveHostHeader",
        "AddRequestHeader=A,b",
        "RedirectTo=302,/x",
        "SetPath=/x",
    ];
    assert!(!with_filters("/**", &silent).routes()[0].has_after());
}

#[test]
fn a_prefix_is_put_once() {
    // protects: of several PrefixPath the default filter's works, as in Spring
    let (table, _) = compile(&gateway(
        vec![route(
            10,
            "r",
            &["Path=/**"],
            &["PrefixPath=/own", "PrefixPath=/again"],
        )],
        &["PrefixPath=/default"],
    ))
    .unwrap();
    assert_eq!(
        forward(&table, OwnedRequest::new("GET", "/a")).0.raw_path(),
        "/default/a"
    );
}

#[test]
fn arguments_by_name_mean_the_same() {
    // protects: the expanded form, in kebab and camel case and with an expression that has commas
    let mut own = route(10, "r", &["Path=/**"], &[]);
    own.filters = vec![
        expanded(
            12,
            "RewritePath",
            &[("replacement", "/$1"), ("regexp", "/[a-z]{1,3}(/.*)")],
        ),
        expanded(
            13,
            "RedirectTo",
            &[
                ("url", "/x"),
                ("status", "307"),
                ("include-request-params", "yes"),
            ],
        ),
    ];
    let (table, notes) = compile(&gateway(vec![own], &[])).unwrap();
    assert_eq!(notes, []);
    let (edited, _, flow) = forward(&table, OwnedRequest::new("GET", "/abc/d?q"));
    assert_eq!(edited.raw_path(), "//d");
    assert!(matches!(flow, Flow::Answer(answer) if answer.headers[0].1 == "/x?q" && answer.status == 307));
}
