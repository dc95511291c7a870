//! What compiling takes, what it refuses, and in which words.

#![allow(clippy::unwrap_used, reason = "test code")]

mod table;

use koinon_core_route::{
    ArgumentError, Compilation, Exchange, Extensions, Filter, Flow, GatewayDefinition, OwnedRequest,
    RequestEdit, RequestView, Route, RouteDefinition, RouteTable, RouteUri, Vars,
};
use table::{compile, expanded, forward, gateway, route, shortcut};

fn problems(routes: Vec<RouteDefinition>, default_filters: &[&str]) -> Vec<String> {
    let problems = compile(&gateway(routes, default_filters)).unwrap_err();
    problems.to_string().lines().map(str::to_owned).collect()
}

fn problem_of(predicates: &[&str], filters: &[&str]) -> String {
    problems(vec![route(10, "r", predicates, filters)], &[]).join("\n")
}

fn takes(table: &RouteTable, request: &OwnedRequest) -> Option<String> {
    table
        .find(request, &mut Vars::default())
        .map(|route| route.id.to_string())
}

#[test]
fn problems_name_file_line_route_and_what_was_expected() {
    // protects: an operator can mend a file from the message alone, all of it in one go
    let mut orders = route(
        10,
        "orders",
        &["Pth=/a"],
        &["StripPrefx=1", "StripPrefix=two", "Retry=3"],
    );
    orders.uri.value = "localhost:8080".to_owned();
    let lines = problems(
        vec![orders, route(20, "orders", &[], &[])],
        &["AddResponseHeader=X"],
    );
    assert_eq!(
        lines,
        [
            "routes.yml:2:9: AddResponseHeader: value is missing; the arguments are name, value, override",
            "routes.yml:11:12: route orders: `localhost:8080` has no scheme, expected one like \
             http://localhost:8080 or lb://localhost:8080",
            "routes.yml:13:9: route orders: there is no predicate \"Pth\", did you mean \"Path\"?",
            "routes.yml:15:9: route orders: there is no filter \"StripPrefx\", did you mean \"StripPrefix\"?",
            "routes.yml:15:9: route orders: StripPrefix: parts must be a whole number from 0, not \"two\"",
            "routes.yml:15:9: route orders: the filter Retry is not supported yet",
            "routes.yml:20:7: route orders: a route needs a predicate; Path=/** takes every request",
        ]
    );
}

#[test]
fn what_spring_has_and_we_have_not_is_named() {
    // protects: nothing of Spring's is taken for a spelling mistake, or ignored
    let predicates = "After Before Between Cookie RemoteAddr XForwardedRemoteAddr Weight Version ReadBody \
                      CloudFoundryRouteService";
    for name in predicates.split_whitespace() {
        let problem = problem_of(&[&format!("{name}=a,b")], &[]);
        assert!(
            problem.contains(&format!("the predicate {name} is not supported yet")),
            "{problem}"
        );
    }
    let filters = "AddRequestHeadersIfNotPresent AddRequestParameter CacheRequestBody CircuitBreaker \
        DedupeResponseHeader FallbackHeaders JsonToGrpc LocalResponseCache MapRequestHeader ModifyRequestBody \
        ModifyResponseBody RemoveJsonAttributesResponseBody RemoveRequestParameter RemoveResponseHeader \
        RequestHeaderSize RequestHeaderToRequestUri RequestRateLimiter RequestSize Retry \
        RewriteLocationResponseHeader RewriteRequestParameter RewriteResponseHeader SaveSession SecureHeaders \
        SetRequestHeader SetRequestHostHeader SetRequestUri SetResponseHeader TokenRelay";
    for name in filters.split_whitespace() {
        let problem = problem_of(&["Path=/**"], &[name]);
        assert!(
            problem.contains(&format!("the filter {name} is not supported yet")),
            "{problem}"
        );
    }
}

#[test]
fn bad_arguments_say_why() {
    // protects: what would fail requests fails the file
    let filters = [
        ("SetStatus=UNAUTHORISED", "did you mean \"UNAUTHORIZED\"?"),
        ("SetStatus=42", "status must be from 200 to 999"),
        ("SetStatus=100", "status must be from 200 to 999"),
        ("RedirectTo=200,/x", "status must be from 300 to 399"),
        ("RedirectTo=302", "url is missing"),
        ("RedirectTo=302,/{x}", "'{' must be written as %xx"),
        (
            "RedirectTo=302,/x,maybe",
            "includeRequestParams must be true or false",
        ),
        ("RewritePath=(,x", "is not a regular expression"),
        ("RewritePath=a,$1", "has no group 1"),
        ("RewritePath=a", "replacement is missing"),
        ("SetPath=x", "template must begin with /"),
        ("SetPath=/{y}", "{y} has no value: this route's variables are x"),
        ("PrefixPath", "prefix is missing"),
        ("StripPrefix=-1", "whole number from 0, not \"-1\""),
        ("AddRequestHeader=X Y,1", "is not the name of a header"),
        ("AddRequestHeader=X,{x}{z}", "{z} has no value"),
        ("AddRequestHeader=X,#{@bean}", "expressions are not supported"),
        (
            "AddResponseHeader=Transfer-Encoding,chunked",
            "the gateway itself decides on Transfer-Encoding",
        ),
        ("AddResponseHeader=X,a\nb", "control character"),
    ];
    for (filter, why) in filters {
        let problem = problem_of(&["Path=/{x}"], &[filter]);
        assert!(problem.contains(why), "{filter}: {problem}");
    }
    let predicates = [
        ("Path", "at least one value for patterns"),
        ("Path=true", "at least one value for patterns"),
        ("Path=/a/**/b", "must be the last part"),
        ("Host={a", "brace without its partner"),
        ("Method=G T", "is not a method"),
        ("Header", "header is missing"),
        ("Header=X,(", "is not a regular expression"),
        ("Query", "param is missing"),
        ("Query=a,b,#{x}", "expressions are not supported"),
    ];
    for (predicate, why) in predicates {
        let problem = problem_of(&[predicate], &[]);
        assert!(problem.contains(why), "{predicate}: {problem}");
    }
}

#[test]
fn surprises_are_notes() {
    // protects: what Spring takes in silence loads here too, and is said
    let mut own = route(
        10,
        "r",
        &["Path=a,/b", "Method=get"],
        &["StripPrefix=1,2", "SetPath=/x?y"],
    );
    let own_headers = ["AddRequestHeader=content-length,1", "RemoveRequestHeader=Host"];
    own.filters.extend(own_headers.map(|text| shortcut(18, text)));
    own.filters.push(expanded(19, "StripPrefix", &[("part", "2")]));
    own.uri.value = "http://a.org/path".to_owned();
    let (table, notes) = compile(&gateway(vec![own], &[])).unwrap();
    assert_eq!(table.routes()[0].uri.to_string(), "http://a.org:80");
    let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
    let expected = [
        "`/path` of the uri is not used",
        "`a` never fits",
        "get is not GET",
        "`2` is one argument too many",
        "what follows the path in `/x?y` is not used",
        "AddRequestHeader: has no effect, because the gateway itself decides on Content-Length",
        "use PreserveHostHeader",
        "the argument \"part\" is not used, did you mean \"parts\"?",
    ];
    assert_eq!(notes.len(), expected.len(), "{notes:#?}");
    for (note, expected) in notes.iter().zip(expected) {
        assert!(note.contains(expected) && note.contains("route r: "), "{note}");
    }
}

#[test]
fn order_wins_and_then_the_file() {
    // protects: the first match is Spring's
    let mut late = route(1, "late", &["Path=/a/**"], &[]);
    late.order = 5;
    let mut early = route(2, "early", &["Path=/**", "Method=POST"], &[]);
    early.order = -5;
    let first = route(3, "first", &["Path=/a/b"], &[]);
    let second = route(4, "second", &["Path=/a/{x}"], &[]);
    let mut off = route(5, "off", &["Nonsense"], &["Nonsense"]);
    off.enabled = false;
    let (table, _) = compile(&gateway(vec![late, early, first, second, off], &[])).unwrap();
    let ids: Vec<(usize, &str)> = table.routes().iter().map(|r| (r.index, &*r.id)).collect();
    assert_eq!(ids, [(0, "early"), (1, "first"), (2, "second"), (3, "late")]);
    assert_eq!(
        takes(&table, &OwnedRequest::new("GET", "/a/b")).as_deref(),
        Some("first")
    );
    assert_eq!(
        takes(&table, &OwnedRequest::new("POST", "/a/b")).as_deref(),
        Some("early")
    );
    assert_eq!(
        takes(&table, &OwnedRequest::new("GET", "/a/c")).as_deref(),
        Some("second")
    );
    assert_eq!(
        takes(&table, &OwnedRequest::new("GET", "/a/c/d")).as_deref(),
        Some("late")
    );
    assert_eq!(takes(&table, &OwnedRequest::new("GET", "/b")), None);
    assert_eq!(table.route("second").map(|r| r.index), Some(2));
}

#[test]
fn predicates_hold_as_in_spring() {
    // protects: which requests a route takes
    let request = || {
        OwnedRequest::new("GET", "http://www.a.org:80/r/1/?q=x&flag&e=&s=a+b%2Bc")
            .header("X-N", "1, b ,\"c,d\"")
    };
    let table = [
        ("Path=/r/{x}", true),
        ("Path=/r/{x},false", false),
        ("Path=/no,/r/{x}", true),
        ("Host=**.a.org:80", true),
        ("Host=**.a.org", false),
        ("Host=no,{sub}.A.ORG:*", true),
        ("Method=POST,GET", true),
        ("Method=POST", false),
        ("Header=x-n", true),
        ("Header=X-N,\\d", true),
        ("Header=X-N,b", true),
        ("Header=X-N,c.d", true),
        ("Header=X-N,c", false),
        ("Header=X-M", false),
        ("Query=q", true),
        ("Query=q,[xy]", true),
        ("Query=q,y", false),
        ("Query=flag", true),
        ("Query=flag,.*", false),
        ("Query=e,.*", true),
        ("Query=s,a b.c", true),
        ("Query=no", false),
    ];
    for (predicate, expected) in table {
        let (table, _) = compile(&gateway(vec![route(1, "r", &[predicate], &[])], &[])).unwrap();
        assert_eq!(takes(&table, &request()).is_some(), expected, "{predicate}");
    }
}

#[test]
fn lists_are_gathered_whatever_their_keys() {
    // protects: `patterns: [..]`, `pattern: ..` and `args: {name: ..}` of existing files
    let mut own = route(1, "r", &[], &[]);
    own.predicates = vec![
        expanded(
            2,
            "Path",
            &[
                ("patterns[0]", "/a"),
                ("patterns[1]", "/b"),
                ("matchTrailingSlash", "false"),
            ],
        ),
        expanded(3, "Host", &[("pattern", "x.org")]),
        expanded(4, "Header", &[("_genkey_0", "X-A"), ("_genkey_1", "a{1,2}")]),
    ];
    let (table, notes) = compile(&gateway(vec![own], &[])).unwrap();
    assert_eq!(notes, []);
    let request = |path: &str| OwnedRequest::new("GET", &format!("http://x.org{path}")).header("X-A", "aa");
    assert!(takes(&table, &request("/b")).is_some());
    assert!(takes(&table, &request("/b/")).is_none());
}

#[test]
fn variables_of_a_route_that_does_not_match_do_not_leak() {
    // protects: `{x}` is the matching route's, and of two predicates the later one's
    let routes = vec![
        route(1, "post", &["Path=/{x}/{y}", "Method=POST"], &[]),
        route(2, "get", &["Path=/{x}/**", "Host={x}.org"], &[]),
    ];
    let (table, _) = compile(&gateway(routes, &[])).unwrap();
    let (_, exchange, _) = forward(&table, OwnedRequest::new("GET", "http://host.org/a/b"));
    assert_eq!(exchange.vars.iter().collect::<Vec<_>>(), [("x", "host")]);
}

#[test]
fn routes_that_nobody_wrote_are_left_out_and_said() {
    // protects: a service with a strange name does not take the file's routes down
    let definition = gateway(vec![route(1, "own", &["Path=/own"], &[])], &[]);
    let found = vec![
        route(50, "own", &["Path=/twice"], &[]),
        route(51, "bad", &["Path=/{"], &[]),
        route(52, "good", &["Path=/good"], &[]),
    ];
    let extensions = Extensions::default();
    let from = Compilation {
        definition: &definition,
        found: &found,
        forgiving: false,
        file: "routes.yml",
        extensions: &extensions,
    };
    let (table, notes) = RouteTable::compile_with(&from).unwrap();
    let ids: Vec<&str> = table.routes().iter().map(|route| &*route.id).collect();
    assert_eq!(ids, ["own-2", "good", "own"]);
    let left_out = notes
        .iter()
        .filter(|note| note.what.contains("the route is left out"));
    assert_eq!(left_out.count(), 1, "{notes:?}");
    let wrong = gateway(found.clone(), &[]);
    let strict = Compilation {
        definition: &wrong,
        found: &[],
        ..from
    };
    assert!(RouteTable::compile_with(&strict).is_err());
    let forgiving = Compilation {
        forgiving: true,
        ..strict
    };
    assert_eq!(RouteTable::compile_with(&forgiving).unwrap().0.routes().len(), 2);
}

#[test]
fn routes_of_one_order_are_asked_as_spring_asks_them() {
    // protects: code's before what discovery found before the file's, but an order comes before all of that
    let first = RouteDefinition {
        order: -1,
        ..route(3, "first", &["Path=/**"], &[])
    };
    let file = gateway(vec![route(1, "file", &["Path=/**"], &[]), first], &[]);
    let found = vec![route(2, "found", &["Path=/**"], &[])];
    let from = Compilation {
        definition: &file,
        found: &found,
        forgiving: false,
        file: "routes.yml",
        extensions: &Extensions::default(),
    };
    let (table, _) = RouteTable::compile_with(&from).unwrap();
    let ids: Vec<&str> = table.routes().iter().map(|route| &*route.id).collect();
    assert_eq!(ids, ["first", "found", "file"]);
}

#[test]
fn routes_of_one_id_are_kept_and_told_apart() {
    // protects: a file that Spring takes is taken, and no two routes share a name in metrics
    let twice = vec![
        route(10, "r", &["Path=/a"], &[]),
        route(20, "r", &["Path=/b"], &[]),
        route(30, "r-2", &["Path=/c"], &[]),
    ];
    let (table, notes) = compile(&gateway(twice, &[])).unwrap();
    let ids: Vec<&str> = table.routes().iter().map(|route| &*route.id).collect();
    assert_eq!(ids, ["r", "r-2", "r-2-2"]);
    let notes: Vec<String> = notes.iter().map(|note| note.what.clone()).collect();
    assert_eq!(
        notes,
        [
            "another route has this id, in line 10; this one is called r-2",
            "another route has this id, in line 20; this one is called r-2-2",
        ]
    );
}

#[test]
fn a_route_without_an_id_gets_one_from_its_place() {
    // protects: such a route can be named in metrics and logs
    let routes = vec![route(1, "", &["Path=/a"], &[]), route(2, "", &["Path=/b"], &[])];
    let (table, _) = compile(&gateway(routes, &[])).unwrap();
    let ids: Vec<&str> = table.routes().iter().map(|route| &*route.id).collect();
    assert_eq!(ids, ["route-1", "route-2"]);
}

/// `Deny=status`.
struct Deny(u16);

impl Filter for Deny {
    fn before(&self, request: &mut dyn RequestEdit, exchange: &mut Exchange) -> Flow {
        match exchange.vars.get("who") {
            Some("root") => Flow::Continue,
            _ if request.raw_path() == "/open" => Flow::Continue,
            _ => Flow::status(self.0),
        }
    }
}

#[test]
fn own_predicates_and_filters_have_names_in_files() {
    // protects: the library's door for a user's own code
    let extensions = Extensions::default()
        .filter("Deny", &["status"], |arguments| {
            let status = arguments.number("status", 403)?;
            match u16::try_from(status) {
                Ok(status) => Ok(Deny(status)),
                Err(_) => Err(ArgumentError::new(arguments.place(), "status is too large")),
            }
        })
        .predicate("Even", &["header"], |arguments| {
            let name = arguments.text("header")?.value.clone();
            Ok(move |request: &dyn RequestView| {
                let mut even = false;
                request.each_header(&name, &mut |value| {
                    even = value.len() % 2 == 0;
                    false
                });
                even
            })
        })
        .route(
            Route::builder("code")
                .path("/code/{who}")
                .filter("Deny", Deny(401))
                .uri("http://localhost:81")
                .order(-1),
        );
    let definition = gateway(
        vec![route(
            1,
            "file",
            &["Even=X-A"],
            &["Deny=418", "AddRequestHeader=A,{any}"],
        )],
        &[],
    );
    let (table, _) = RouteTable::compile(&definition, "routes.yml", &extensions).unwrap();
    assert_eq!(
        table.routes()[0].uri,
        RouteUri::Http {
            host: "localhost".into(),
            port: 81
        }
    );
    assert_eq!(table.routes()[0].describe().filters, ["Deny"]);
    let status = |flow: Flow| match flow {
        Flow::Answer(answer) => answer.status,
        Flow::Continue => 0,
    };
    let ask = |url: &str, value: &str| forward(&table, OwnedRequest::new("GET", url).header("X-A", value)).2;
    assert_eq!(status(ask("/", "ab")), 418);
    assert_eq!(status(ask("/code/you", "abc")), 401);
    assert_eq!(status(ask("/code/root", "abc")), 0);
    assert!(takes(&table, &OwnedRequest::new("GET", "/").header("X-A", "abc")).is_none());

    let wrong = gateway(vec![route(1, "file", &["Path=/**"], &["Deny=70000", "Dny"])], &[]);
    let problems = RouteTable::compile(&wrong, "routes.yml", &extensions)
        .unwrap_err()
        .to_string();
    assert!(problems.contains("Deny: status is too large"), "{problems}");
    assert!(
        problems.contains("there is no filter \"Dny\", did you mean \"Deny\"?"),
        "{problems}"
    );
}

#[test]
fn problems_of_code_have_no_line() {
    // protects: a route made in code is refused in the same words
    let extensions = Extensions::default().route(Route::builder("code").path("/{").uri("lb://x"));
    let problems = RouteTable::compile(&GatewayDefinition::default(), "code", &extensions).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "code: route code: Path: `/{` has a brace without its partner"
    );
}
