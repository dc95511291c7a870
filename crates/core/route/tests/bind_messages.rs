//! Golden messages: file, line, column, route, what is wrong and what was expected.

use koinon_core_route::{RoutesFile, located};

/// Everything that reading `text` has to say: problems, or notes when there is none.
fn said(text: &str) -> Vec<String> {
    match RoutesFile::read(text, "r.yml", &|_| None, &[]) {
        Ok(file) => file.notes.iter().map(|note| located(&file.file, note)).collect(),
        Err(problems) => problems.to_string().lines().map(str::to_owned).collect(),
    }
}

#[track_caller]
fn assert_said(text: &str, expected: &[&str]) {
    assert_eq!(said(text), expected, "{text}");
}

#[test]
fn a_route_that_cannot_be_read_says_where_and_why() {
    // protects: an operator mends a file once, all problems are told at once and each names its place
    assert_said(
        "spring.cloud.gateway:\n  routes:\n  - id: a\n    uri: lb://a\n    order: first\n    enabled: maybe\n    \
         predicates:\n    - /a\n    - Path: /a\n    - name: Path\n      arg: {x: y}\n    filters:\n    - args: {}\n    metadata: {cors: {maxAge: 10}}\n",
        &[
            "r.yml:5:12: route a: `order` is \"first\", expected a whole number",
            "r.yml:6:14: route a: `enabled` is \"maybe\", expected true or false",
            "r.yml:8:7: route a: \"/a\" is not a predicate, expected `Name=value` or a map of `name:` and `args:`",
            "r.yml:9:7: route a: a predicate without `name:`; `Path:` is a key, expected `Path=...` in one text",
            "r.yml:13:7: route a: a filter without `name:`, expected `name:` and `args:`, or `Name=value`",
            "r.yml:14:16: route a: `metadata.cors` is not supported yet, remove it",
        ],
    );
    assert_said(
        "spring.cloud.gateway.routes:\n- nonsense\n- uri: lb://a\n  order: 1.5\n- a=lb://a, Path=/a,/b\n",
        &[
            "r.yml:2:3: \"nonsense\" is not a route, expected `id=uri, Predicate=value` or a map",
            "r.yml:4:10: route number 2: `order` is \"1.5\", expected a whole number",
            "r.yml:5:3: route a: \"/b\" is not a predicate, expected `Name=value` or a map of `name:` and `args:`",
        ],
    );
    assert_said(
        "spring.cloud.gateway:\n  routes: {a: {uri: 'lb://a'}}\n  default-filters[1]: X\n",
        &[
            "r.yml:2:12: routes must be a list: `a` is no list index",
            "r.yml:3:3: filters must be a list: the list has a member [1] and none [0]",
        ],
    );
}

#[test]
fn settings_say_what_becomes_of_them() {
    // protects: what is not supported yet is named and not ignored; what nobody reads is named with its neighbour
    assert_said(
        "spring.cloud.gateway:\n  globalcors:\n    cors-configurations: {'[/**]': {allowedOrigins: '*'}}\n  \
         httpclient:\n    proxy.host: p\n    connect-timeout: 5s\n    response-timeout: 0\n  trusted-proxies: (\n  \
         enabled: false\n  filter.local-response-cache.enabled: true\n",
        &[
            "r.yml:3:5: `spring.cloud.gateway.globalcors.cors-configurations` is not supported yet, remove it",
            "r.yml:5:5: `spring.cloud.gateway.httpclient.proxy` is not supported yet, remove it",
            "r.yml:6:22: `httpclient.connect-timeout` is \"5s\", expected a whole number of milliseconds above 0",
            "r.yml:7:23: `httpclient.response-timeout` is \"0\", expected a duration above 0 such as 5s",
            "r.yml:8:20: `trusted-proxies`: `(` is not a regular expression: unclosed group",
            "r.yml:9:3: `spring.cloud.gateway.enabled` is \"false\", only true is supported yet",
            "r.yml:10:3: `spring.cloud.gateway.filter.local-response-cache.enabled` is \"true\", only false is \
             supported yet",
        ],
    );
    assert_said(
        "spring.cloud.gateway:\n  route: []\n  httpclient:\n    conect-timeout: 5\n    pool.type: fixed\n  \
         enabled: yes\n  filter.secure-headers.enabled: true\n  server.webfux.routes: []\n  metrics.enabled: true\n",
        &[
            "r.yml:2:3: `spring.cloud.gateway.route` is no setting and is not read, did you mean \"routes\"?",
            "r.yml:4:5: `spring.cloud.gateway.httpclient.conect-timeout` is no setting and is not read, did you mean \
             \"connect-timeout\"?",
            "r.yml:5:5: `spring.cloud.gateway.httpclient.pool` has no meaning here and is not read",
            "r.yml:7:3: `spring.cloud.gateway.filter.secure-headers` is not read, the filter SecureHeaders is not supported yet",
            "r.yml:8:3: `spring.cloud.gateway.server.webfux` is no setting and is not read, did you mean \"webflux\"?",
            "r.yml:9:3: `spring.cloud.gateway.metrics` has no meaning here and is not read",
        ],
    );
}

#[test]
fn what_spring_would_take_in_silence_is_noted() {
    // protects: a misspelt key, an unknown placeholder, a section that is said twice do not stay secrets
    assert_said(
        "spring.cloud.gateway:\n  routes:\n  - id: a\n    url: lb://a\n    uri: ${where}\n    predicates: [Path=/a]\n    \
         filters: ['RewritePath=/a, /${b}']\n",
        &[
            "r.yml:4:5: route a: `url` is no setting of a route and is not read, did you mean \"uri\"?",
            "r.yml:5:10: route a: nothing says what `${where}` is, it stays as it is written",
        ],
    );
    assert_said(
        "spring.cloud.gateway:\n  routes: []\n  server.webflux:\n    routes: []\n",
        &[
            "r.yml:2:3: `spring.cloud.gateway.routes` is not read, `spring.cloud.gateway.server.webflux.routes` on line 4 says the same",
        ],
    );
    assert_said(
        "route:\n- a\n",
        &["r.yml:1:1: `route` is not read, did you mean \"routes\"?"],
    );
    assert_said(
        "spring.config.import: other.yml\n",
        &["r.yml:1:1: `spring.config.import` is not followed, only this file is read"],
    );
    assert_said(
        "spring.config.activate.on-profile: '!('\n",
        &["r.yml:1:1: the profile expression \"!(\": the name of a profile is missing"],
    );
}

#[test]
fn the_locator_refuses_what_it_cannot_evaluate() {
    // protects: an expression we do not know stops the file and never makes a wrong route
    assert_said(
        "spring.cloud.gateway.discovery.locator:\n  enabled: true\n  include-expression: metadata['edge']=='true'\n  \
         filters:\n  - StripPrefix=serviceId.length()\n  predicates: []\n",
        &[
            "r.yml:3:23: `discovery.locator.include-expression` is \"metadata['edge']=='true'\", expected true: other \
             expressions are not supported yet",
            "r.yml:5:5: the expression `serviceId.length()` is not supported, expected texts in quotes and serviceId \
             with + between them: `'/'+serviceId+'/**'`",
            "r.yml:6:3: discovery.locator.predicates is empty: every route would take every request",
        ],
    );
}

#[test]
fn a_file_that_is_no_yaml_says_where() {
    // protects: the first thing that goes wrong in a file is told by its place
    assert_said(
        "- a\n",
        &["r.yml:1:1: a document is a map, expected for example `routes:` or `spring.cloud.gateway.routes:`"],
    );
    assert_said(
        "a: 1\na: 2\n",
        &["r.yml:2:1: the key \"a\" stands here twice, first on line 1"],
    );
    assert_said(
        "a: *b\n",
        &["r.yml:1:4: not YAML: while parsing node, found unknown anchor"],
    );
    assert_said(
        "self: ${self}\nspring.cloud.gateway.default-filters: ['A=${self}']\n",
        &["r.yml:2:40: the placeholder `self` leads back to itself"],
    );
}
