//! Whole files as tutorials and teams write them, and what is read of them.

#![allow(clippy::unwrap_used, reason = "a helper of tests that fails is a failed test")]

use std::time::Duration;

use koinon_core_route::{Args, Definition, RouteDefinition, RoutesFile, located};

const EUREKA: &str = include_str!("files/tutorial-eureka.yml");
const PROFILES: &str = include_str!("files/tutorial-profiles.yml");

fn read_with(text: &str, environment: &[(&str, &str)], profiles: &[&str]) -> RoutesFile {
    let lookup = |name: &str| {
        let found = environment.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let profiles: Vec<String> = profiles.iter().map(|profile| (*profile).to_owned()).collect();
    RoutesFile::read(text, "application.yml", &lookup, &profiles).unwrap()
}

fn read(text: &str) -> RoutesFile {
    read_with(text, &[], &[])
}

/// A definition as one text: `Path[/a,/b]`, `Retry{retries=3}`.
fn shown(definition: &Definition) -> String {
    let name = &definition.name;
    match &definition.args {
        Args::None => name.clone(),
        Args::Positional(args) => {
            let args: Vec<_> = args.iter().map(|arg| arg.value.as_str()).collect();
            format!("{name}[{}]", args.join("|"))
        }
        Args::Named(args) => {
            let args: Vec<_> = args
                .iter()
                .map(|(key, arg)| format!("{key}={}", arg.value))
                .collect();
            format!("{name}{{{}}}", args.join("|"))
        }
    }
}

fn all(definitions: &[Definition]) -> Vec<String> {
    definitions.iter().map(shown).collect()
}

fn sections(file: &RoutesFile) -> Vec<&str> {
    file.foreign
        .iter()
        .map(|foreign| foreign.section.as_str())
        .collect()
}

fn notes(file: &RoutesFile) -> Vec<String> {
    file.notes.iter().map(|note| located(&file.file, note)).collect()
}

fn route<'f>(file: &'f RoutesFile, id: &str) -> &'f RouteDefinition {
    file.definition
        .routes
        .iter()
        .find(|route| route.id == id)
        .unwrap()
}

#[test]
fn the_first_gateway_of_a_course_loads_as_it_is() {
    // protects: a whole application.yml with foreign sections, spaces after `=` and the locator needs no change
    let file = read(EUREKA);
    assert_eq!(
        sections(&file),
        [
            "server",
            "eureka",
            "spring.application",
            "spring.redis",
            "management"
        ]
    );
    assert_eq!(notes(&file), Vec::<String>::new());
    let user = route(&file, "user-service");
    assert_eq!(user.uri.value, "lb://user-service");
    assert_eq!(all(&user.predicates), ["Path[/api/user/**]"]);
    assert_eq!(all(&user.filters), ["StripPrefix[1]"]);
    assert_eq!((user.place.line, user.place.column), (27, 11));
    let order = route(&file, "order-service");
    assert_eq!(
        all(&order.predicates),
        ["Path[/api/order/**]", "Method[GET|POST]"]
    );
    assert_eq!(
        all(&order.filters),
        ["StripPrefix[2]", "AddRequestHeader[X-Request-From|gateway]"]
    );
    let docs = route(&file, "docs");
    assert_eq!(docs.order, 10);
    assert_eq!(all(&docs.predicates), ["Path{pattern=/docs/**}"]);
    assert_eq!(all(&docs.filters), [r"RewritePath[/docs/(?<rest>.*)|/$\{rest}]"]);
    let made = file.locator.unwrap().routes(["STOCK-SERVICE"]);
    assert_eq!(all(&made[0].predicates), ["Path[/stock-service/**]"]);
    assert_eq!(made[0].uri.value, "lb://STOCK-SERVICE");
}

#[test]
fn the_second_gateway_of_a_course_loads_as_it_is() {
    // protects: documents of profiles, dotted keys, the one-text route and arguments in maps and lists
    let file = read(PROFILES);
    assert_eq!(sections(&file), ["spring.application", "server", "backend"]);
    assert_eq!(
        notes(&file),
        [
            "application.yml:54:3: this document takes part with the profile \"prod & !canary\" only, and is left out"
        ]
    );
    assert_eq!(
        all(&file.definition.default_filters),
        ["AddResponseHeader[X-Served-By|edge]"]
    );
    let catalogue = route(&file, "catalogue");
    assert_eq!(catalogue.uri.value, "http://127.0.0.1:8081");
    assert_eq!(all(&catalogue.predicates), ["Host[**.dev.example.org]"]);
    let weighted = route(&file, "weighted");
    assert_eq!(
        all(&weighted.predicates),
        [
            "Path[/v2/{segment}|/v3/{segment}]",
            r"Header[X-Request-Id|\d+]",
            "Query[debug]"
        ]
    );
    assert_eq!(
        all(&weighted.filters),
        [
            "RequestRateLimiter{redis-rate-limiter.replenishRate=10|redis-rate-limiter.burstCapacity=20|\
             key-resolver=#{@userKeyResolver}}",
            "Retry{retries=3|statuses[0]=BAD_GATEWAY|statuses[1]=503|backoff.firstBackoff=10ms}",
        ]
    );
    let metadata: Vec<_> = weighted
        .metadata
        .iter()
        .map(|(key, text)| (key.as_str(), text.value.as_str()))
        .collect();
    assert_eq!(metadata, [("response-timeout", "200"), ("owner.team", "shop")]);
    let globals = &file.globals;
    assert_eq!(
        globals.connect_timeout.as_ref().unwrap().value,
        Duration::from_secs(1)
    );
    assert_eq!(
        globals.response_timeout.as_ref().unwrap().value,
        Duration::from_secs(5)
    );
    assert_eq!(globals.response_timeout.as_ref().unwrap().place.line, 12);
    assert!(!globals.x_forwarded.for_.append.as_ref().unwrap().value);
    assert!(globals.x_forwarded.enabled.is_none());
    assert!(
        globals
            .trusted_proxies
            .as_ref()
            .unwrap()
            .value
            .is_match("10.0.0.1")
    );
}

#[test]
fn profiles_and_environment_are_the_callers() {
    // protects: what is chosen outside stands above the file, and a later list replaces an earlier one whole
    let prod = read_with(PROFILES, &[("SERVER_PORT", "1")], &["prod"]);
    assert_eq!(prod.definition.routes.len(), 0);
    let dev = read_with(
        PROFILES,
        &[("SPRING_PROFILES_ACTIVE", "dev,x"), ("BACKEND_PORT", "99")],
        &[],
    );
    assert_eq!(route(&dev, "catalogue").uri.value, "http://127.0.0.1:99");
    let timeout = "SPRING_CLOUD_GATEWAY_SERVER_WEBFLUX_HTTPCLIENT_CONNECTTIMEOUT";
    let set = read_with(PROFILES, &[(timeout, "7")], &["none"]);
    assert_eq!(
        set.globals.connect_timeout.unwrap().value,
        Duration::from_millis(7)
    );
    assert_eq!(set.definition.routes.len(), 0);

    let two = "spring.cloud.gateway.routes:\n- a=lb://a,Path=/a\n- b=lb://b,Path=/b\n---\n\
               spring.cloud.gateway.routes[0]: c=lb://c,Path=/c\n";
    let ids: Vec<_> = read(two)
        .definition
        .routes
        .into_iter()
        .map(|route| route.id)
        .collect();
    assert_eq!(ids, ["c"]);
}

#[test]
fn every_spelling_of_a_file_says_the_same() {
    // protects: prefixes, dotted keys, indices, a bare file and one-text lists are one file to us
    let files = [
        "spring:\n  cloud:\n    gateway:\n      routes:\n      - id: a\n        uri: lb://a\n        predicates:\n        - Path=/a\n",
        "spring.cloud.gateway.server.webflux.routes:\n- {id: a, uri: 'lb://a', predicates: [Path=/a]}\n",
        "spring.cloud:\n  gateway.server:\n    webmvc: {routes: [{id: a, uri: 'lb://a', predicates: Path=/a}]}\n",
        "spring.cloud.gateway.mvc.routes[0]:\n  id: a\n  uri: lb://a\n  predicates[0]: Path=/a\n",
        "spring.cloud.gateway.routes[0].id: a\nspring.cloud.gateway:\n  routes[0]:\n    uri: lb://a\n    \
         predicates:\n    - {name: Path, args: {_genkey_0: /a}}\n",
        "routes:\n- a=lb://a, Path=/a\n",
        "routes:\n- id: a\n  uri: lb://a\n  predicates:\n  - name: Path\n    args: [/a]\n",
    ];
    for text in files {
        let file = read(text);
        assert_eq!(notes(&file), Vec::<String>::new(), "{text}");
        assert_eq!(file.foreign, [], "{text}");
        let route = route(&file, "a");
        assert_eq!(route.uri.value, "lb://a", "{text}");
        assert_eq!(all(&route.predicates), ["Path[/a]"], "{text}");
        assert!(route.enabled, "{text}");
    }
}

#[test]
fn shortcuts_split_as_in_spring() {
    // protects: the first `=`, every comma, trimmed, empty ones dropped
    let table = [
        ("StripPrefix= 1", "StripPrefix[1]"),
        ("StripPrefix", "StripPrefix"),
        ("SecureHeaders=", "SecureHeaders"),
        ("AddRequestHeader=a, b=c", "AddRequestHeader[a|b=c]"),
        (
            "RewriteResponseHeader=X-R, , password=[^&]+, password=***",
            "RewriteResponseHeader[X-R|password=[^&]+|password=***]",
        ),
        ("SetStatus=${status:404}", "SetStatus[404]"),
        ("Many=${list}", "Many[a|b]"),
    ];
    for (written, expected) in table {
        let text = format!("list: a,b\nspring.cloud.gateway.default-filters:\n- {written}\n");
        assert_eq!(
            all(&read(&text).definition.default_filters),
            [expected],
            "{written}"
        );
    }
}

#[test]
fn a_locator_takes_its_own_predicates_and_filters() {
    // protects: settings of the locator replace what it does by default
    let text = r#"
spring.cloud.gateway.discovery.locator:
  enabled: true
  route-id-prefix: d-
  url-expression: "'lb:ws://'+serviceId"
  predicates[0].name: Path
  predicates[0].args[pattern]: "'/s/'+serviceId+'/**'"
  filters: [StripPrefix=2]
"#;
    let made = read(text).locator.unwrap().routes(["A"]);
    assert_eq!(made[0].id, "d-A");
    assert_eq!(made[0].uri.value, "lb:ws://A");
    assert_eq!(all(&made[0].predicates), ["Path{pattern=/s/A/**}"]);
    assert_eq!(all(&made[0].filters), ["StripPrefix[2]"]);
    assert!(
        read("spring.cloud.gateway.discovery.locator.enabled: false")
            .locator
            .is_none()
    );
    assert!(read("a: b").locator.is_none());
}
