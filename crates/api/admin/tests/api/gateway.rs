//! The gateway's part of the API, on a gateway of two routes that only answers questions.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Method, StatusCode};
use koinon_api_admin::DataPlane;
use koinon_api_admin::wire::{Endpoint, EndpointState, Responses, Route, Upstream};
use koinon_core_route::{Explanation, Extensions, GatewayDefinition, OwnedRequest, RouteTable};
use serde_json::json;

use crate::support::{door, door_over};

#[derive(Debug)]
struct TwoRoutes(RouteTable);

impl TwoRoutes {
    fn new() -> Self {
        let route = koinon_core_route::Route::builder;
        let extensions = Extensions::default()
            .route(
                route("posted")
                    .path("/orders/**")
                    .method("POST")
                    .uri("lb://writers"),
            )
            .route(
                route("orders")
                    .path("/orders/{id}")
                    .strip_prefix(1)
                    .metadata("team", "sales")
                    .uri("lb://orders"),
            )
            .route(
                route("moved")
                    .path("/old")
                    .filter_named("RedirectTo", &["302", "/new"])
                    .uri("lb://orders"),
            );
        let (table, _) = RouteTable::compile(&GatewayDefinition::default(), "code", &extensions).unwrap();
        Self(table)
    }
}

impl DataPlane for TwoRoutes {
    fn routes(&self) -> Vec<Route> {
        let described = self.0.routes().iter().map(|route| route.describe());
        let shown = described.map(|is| Route {
            id: is.id,
            order: is.order,
            uri: is.uri,
            predicates: is.predicates,
            filters: is.filters,
            metadata: is.metadata.into_iter().collect(),
            responses: Responses {
                count: 2,
                by_class: BTreeMap::from([("2xx".into(), 2)]),
                mean_ms: Some(1.5),
            },
            counted_with_others: false,
        });
        shown.collect()
    }

    fn upstreams(&self) -> Vec<Upstream> {
        vec![Upstream {
            name: "lb://orders".into(),
            policy: "round_robin".into(),
            endpoints: vec![Endpoint {
                id: "o-1@127.0.0.1:80".into(),
                address: "127.0.0.1:80".into(),
                weight: 100,
                zone: None,
                state: EndpointState::Skipped,
                in_flight: 0,
                failures: 3,
                retry_in_ms: Some(700),
            }],
            connects: 5,
            connect_failures: 3,
            retries: 1,
            retries_refused: 0,
            responses: Responses::default(),
        }]
    }

    fn explain(&self, request: &OwnedRequest) -> Explanation {
        self.0.explain(request)
    }
}

/// Operators and scripts read these names; a renamed field breaks them.
#[tokio::test]
async fn routes_and_upstreams_are_shown() {
    let door = door_over(Arc::new(TwoRoutes::new()));
    let (status, shown) = door.get("/v1/routes").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(shown["routes"].as_array().unwrap().len(), 3);
    let route = json!({
        "id": "orders", "order": 0, "uri": "lb://orders",
        "predicates": ["Path=/orders/{id}"], "filters": ["StripPrefix=1"], "metadata": {"team": "sales"},
        "responses": {"count": 2, "by_class": {"2xx": 2}, "mean_ms": 1.5}, "counted_with_others": false,
    });
    assert_eq!(shown["routes"][1], route);
    let upstream = json!({
        "name": "lb://orders", "policy": "round_robin", "connects": 5, "connect_failures": 3, "retries": 1,
        "retries_refused": 0, "responses": {"count": 0, "by_class": {}, "mean_ms": null},
        "endpoints": [{
            "id": "o-1@127.0.0.1:80", "address": "127.0.0.1:80", "weight": 100, "zone": null, "state": "skipped",
            "in_flight": 0, "failures": 3, "retry_in_ms": 700,
        }],
    });
    let (status, shown) = door.get("/v1/upstreams").await;
    assert_eq!(
        (status, shown),
        (StatusCode::OK, json!({ "upstreams": [upstream] }))
    );
}

/// Whoever asks where a request goes is told the route, what its filters make of it, and why those before it do not
/// take it.
#[tokio::test]
async fn a_request_can_be_tried() {
    let door = door_over(Arc::new(TwoRoutes::new()));
    let ask = |body: serde_json::Value| {
        let door = &door;
        async move { door.ask(Method::POST, "/v1/routes/try", &body.to_string()).await }
    };
    let asked = json!({"url": "http://shop/orders/7?full=1", "headers": [{"name": "X-A", "value": "b"}]});
    let (status, tried) = ask(asked).await;
    assert_eq!(status, StatusCode::OK, "{tried}");
    let taken = &tried["taken"];
    assert_eq!(
        (&taken["route"], &taken["uri"]),
        (&json!("orders"), &json!("lb://orders"))
    );
    assert_eq!(taken["variables"], json!({"id": "7"}));
    assert_eq!(
        taken["outcome"],
        json!({"kind": "forwarded", "url": "lb://orders/7?full=1", "host_preserved": false,
            "headers": [{"name": "X-A", "value": "b"}]})
    );
    let refused = &tried["refused"][0];
    assert_eq!(
        (&refused["route"], &refused["held"]),
        (&json!("posted"), &json!(1))
    );
    assert_eq!(tried["refused_more"], json!(0));

    let (_, tried) = ask(json!({"url": "/old"})).await;
    assert_eq!(
        (
            &tried["taken"]["outcome"]["kind"],
            &tried["taken"]["outcome"]["status"]
        ),
        (&json!("answered"), &json!(302))
    );
    let (status, tried) = ask(json!({"url": "/nowhere"})).await;
    assert_eq!((status, &tried["taken"]), (StatusCode::OK, &json!(null)));
    assert_eq!(tried["refused"].as_array().unwrap().len(), 3);
}

/// What no client could send is refused with every reason, not tried.
#[tokio::test]
async fn an_impossible_request_is_refused() {
    let door = door_over(Arc::new(TwoRoutes::new()));
    let asked = json!({"method": "G T", "url": "orders", "headers": [{"name": "", "value": "\n"}]});
    let (status, error) = door.ask(Method::POST, "/v1/routes/try", &asked.to_string()).await;
    assert_eq!(
        (status, &error["code"]),
        (StatusCode::BAD_REQUEST, &json!("invalid"))
    );
    let fields: Vec<&str> = error["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| detail["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["method", "url", "headers[0]"]);
    for body in ["", "{", r#"{"url":"/","metod":"GET"}"#] {
        let (status, error) = door.ask(Method::POST, "/v1/routes/try", body).await;
        assert_eq!(
            (status, &error["details"][0]["field"]),
            (StatusCode::BAD_REQUEST, &json!("body")),
            "{body}"
        );
    }
}

/// A node without a gateway says so, instead of showing an empty one.
#[tokio::test]
async fn without_a_gateway_there_is_nothing() {
    let door = door();
    for (method, path) in [
        (Method::GET, "/v1/routes"),
        (Method::GET, "/v1/upstreams"),
        (Method::POST, "/v1/routes/try"),
    ] {
        let (status, error) = door.ask(method, path, "").await;
        assert_eq!(
            (status, &error["code"]),
            (StatusCode::NOT_FOUND, &json!("not_found"))
        );
        assert!(
            error["message"].as_str().unwrap().contains("listen.gateway"),
            "{error}"
        );
    }
}
