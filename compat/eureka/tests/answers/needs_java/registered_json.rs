//! What becomes of JSON registrations: real clients' own, incomplete, generous and wrong ones.

use koinon_compat_eureka::{DATA_CENTER, DIRTY, Script, instance, with, without};
use serde_json::{Value, json};

use crate::JSON;

const APP: &str = "SHAPE";
const ID: &str = "host1:shape:8080";

fn shape(script: &mut Script, title: &str, instance: Value) {
    shape_in(script, title, APP, ID, instance);
}

fn shape_in(script: &mut Script, title: &str, app: &str, id: &str, instance: Value) {
    let body = json!({"instance": instance}).to_string();
    script.shape(title, app, id, JSON, body);
}

/// The instance with a field at its end, as a text that keeps its order: the original loses its way in a data
/// center whose metadata comes before its name, and our JSON library sorts.
fn shape_with_text(script: &mut Script, title: &str, id: &str, instance: &Value, field: &str) {
    let text = instance.to_string();
    let inside = text.strip_suffix('}').unwrap();
    script.shape(
        title,
        APP,
        id,
        JSON,
        format!("{{\"instance\":{inside},{field}}}}}"),
    );
}

fn base() -> Value {
    instance(APP, ID)
}

fn changed(fields: Value) -> Value {
    with(base(), fields)
}

/// Protects: the registrations of the three clients we promise to serve, byte for byte what they send.
#[test]
fn real_clients_registrations() {
    let mut script = Script::new("json: real clients");
    let data_center = json!({"@class": DATA_CENTER, "name": "MyOwn"});
    shape_in(
        &mut script,
        "spring",
        "SPRING-APP",
        "127.0.0.1:spring-app:8080",
        json!({
            "instanceId": "127.0.0.1:spring-app:8080", "app": "SPRING-APP", "appGroupName": null,
            "ipAddr": "127.0.0.1", "sid": "na", "homePageUrl": "http://127.0.0.1:8080/",
            "statusPageUrl": "http://127.0.0.1:8080/actuator/info",
            "healthCheckUrl": "http://127.0.0.1:8080/actuator/health", "secureHealthCheckUrl": null,
            "vipAddress": "spring-app", "secureVipAddress": "spring-app", "countryId": 1,
            "dataCenterInfo": data_center, "hostName": "127.0.0.1", "status": "UP", "overriddenStatus": "UNKNOWN",
            "leaseInfo": {"renewalIntervalInSecs": 30, "durationInSecs": 90, "registrationTimestamp": 0,
                "lastRenewalTimestamp": 0, "evictionTimestamp": 0, "serviceUpTimestamp": 0},
            "isCoordinatingDiscoveryServer": false, "lastUpdatedTimestamp": DIRTY, "lastDirtyTimestamp": DIRTY + 5,
            "actionType": null, "asgName": null, "port": {"$": 8080, "@enabled": "true"},
            "securePort": {"$": 443, "@enabled": "false"}, "metadata": {"management.port": "8080"},
        }),
    );
    shape_in(
        &mut script,
        "node",
        "node-app",
        "node-1",
        json!({
            "app": "node-app", "instanceId": "node-1", "hostName": "127.0.0.1", "ipAddr": "127.0.0.1",
            "statusPageUrl": "http://127.0.0.1:1/info", "port": {"$": 8090, "@enabled": "true"},
            "vipAddress": "node-app", "dataCenterInfo": data_center, "status": "UP",
        }),
    );
    shape_in(
        &mut script,
        "python",
        "PY-APP",
        "py-1",
        json!({
            "instanceId": "py-1", "hostName": "127.0.0.1", "app": "PY-APP", "ipAddr": "127.0.0.1",
            "port": {"$": 8091, "@enabled": "true"}, "securePort": {"$": 9443, "@enabled": "false"}, "countryId": 1,
            "dataCenterInfo": data_center,
            "leaseInfo": {"renewalIntervalInSecs": 1, "durationInSecs": 3, "registrationTimestamp": 0,
                "lastRenewalTimestamp": 0, "evictionTimestamp": 0, "serviceUpTimestamp": 0},
            "metadata": {"management.port": "8091", "zone": "default"}, "homePageUrl": "http://127.0.0.1:8091/",
            "statusPageUrl": "http://127.0.0.1:8091/info", "healthCheckUrl": "http://127.0.0.1:8091/health",
            "secureHealthCheckUrl": "", "vipAddress": "py-app", "secureVipAddress": "py-app",
            "isCoordinatingDiscoveryServer": "false", "status": "UP", "overriddenstatus": "UNKNOWN",
            "lastUpdatedTimestamp": DIRTY.to_string(), "lastDirtyTimestamp": DIRTY.to_string(),
        }),
    );
    script.run();
}

/// Protects: everything that a client may leave out has the original's default.
#[test]
fn left_out_fields() {
    let mut script = Script::new("json: left out");
    for field in [
        "status",
        "port",
        "securePort",
        "vipAddress",
        "secureVipAddress",
        "lastDirtyTimestamp",
    ] {
        shape(&mut script, &format!("no {field}"), without(base(), &[field]));
    }
    shape(&mut script, "no ports", without(base(), &["port", "securePort"]));
    shape(
        &mut script,
        "nulls",
        changed(json!({
            "leaseInfo": null, "metadata": null, "homePageUrl": null, "asgName": null, "lastDirtyTimestamp": null,
        })),
    );
    shape_in(
        &mut script,
        "no instanceId",
        APP,
        "host1",
        without(base(), &["instanceId"]),
    );
    let without_id = without(base(), &["instanceId", "dataCenterInfo"]);
    let amazon = r#""dataCenterInfo":{"@class":"com.netflix.appinfo.AmazonInfo","name":"Amazon",
        "metadata":{"instance-id":"i-77"}}"#;
    shape_with_text(
        &mut script,
        "no instanceId in Amazon",
        "i-77",
        &without_id,
        amazon,
    );
    shape(
        &mut script,
        "the least",
        json!({
            "instanceId": ID, "hostName": "h", "app": APP, "ipAddr": "1.1.1.1",
            "dataCenterInfo": {"@class": DATA_CENTER, "name": "MyOwn"},
        }),
    );
    script.run();
}

/// Protects: leases with every spelling of a number, and with none that makes sense.
#[test]
fn leases_and_times() {
    let mut script = Script::new("json: leases and times");
    for (title, lease) in [
        ("both", json!({"renewalIntervalInSecs": 5, "durationInSecs": 15})),
        (
            "texts",
            json!({"renewalIntervalInSecs": "5", "durationInSecs": "15"}),
        ),
        ("only a duration", json!({"durationInSecs": 10})),
        ("only an interval", json!({"renewalIntervalInSecs": 10})),
        (
            "fractions",
            json!({"renewalIntervalInSecs": "3.5", "durationInSecs": 10.7}),
        ),
        ("zeros", json!({"renewalIntervalInSecs": 0, "durationInSecs": 0})),
        (
            "negative",
            json!({"renewalIntervalInSecs": -5, "durationInSecs": -15}),
        ),
        ("no number", json!({"durationInSecs": "x"})),
        ("empty", json!({})),
        ("unknown field", json!({"durationInSecs": 60, "foo": 1})),
        (
            "client's own times",
            json!({"registrationTimestamp": 1, "lastRenewalTimestamp": 2,
            "evictionTimestamp": 3, "serviceUpTimestamp": 4}),
        ),
    ] {
        shape(&mut script, title, changed(json!({"leaseInfo": lease})));
    }
    for (title, time) in [
        ("dirty 0", json!("0")),
        ("dirty number", json!(DIRTY)),
        ("dirty far ahead", json!((4 * DIRTY).to_string())),
        ("dirty garbage", json!("abc")),
        ("dirty empty", json!("")),
    ] {
        shape(&mut script, title, changed(json!({"lastDirtyTimestamp": time})));
    }
    script.run();
}

/// Protects: ports in every spelling.
#[test]
fn ports() {
    let mut script = Script::new("json: ports");
    for (title, port) in [
        ("number", json!(8080)),
        ("text", json!("8080")),
        ("text inside", json!({"$": "8080", "@enabled": true})),
        ("without enabled", json!({"$": 8080})),
        ("only enabled", json!({"@enabled": "true"})),
        ("disabled", json!({"$": 8080, "@enabled": "false"})),
        ("capitals", json!({"$": 8080, "@enabled": "TRUE"})),
        ("garbage", json!({"$": "abc", "@enabled": "yes"})),
        ("negative", json!({"$": -1, "@enabled": "true"})),
        ("too large", json!({"$": 99_999_999_999_u64, "@enabled": "true"})),
    ] {
        shape(&mut script, title, changed(json!({"port": port})));
    }
    shape(
        &mut script,
        "only secure",
        changed(json!({
            "port": {"$": 8080, "@enabled": "false"}, "securePort": {"$": 8443, "@enabled": "true"},
        })),
    );
    script.run();
}

/// Protects: metadata of every kind arrives as texts, and keys that are no XML names can still be served as XML.
#[test]
fn metadata_values() {
    let mut script = Script::new("json: metadata");
    for (title, metadata) in [
        ("empty", json!({})),
        (
            "only a class",
            json!({"@class": "java.util.Collections$EmptyMap"}),
        ),
        (
            "class and value",
            json!({"@class": "java.util.HashMap", "zone": "z1"}),
        ),
        (
            "kinds",
            json!({"zone": "z1", "management.port": "8081", "n": 5, "b": true, "nul": null, "e": ""}),
        ),
        (
            "special characters",
            json!({"u": "ä<&>\"'€😀", "lines": "a\nb\tc"}),
        ),
        (
            "odd keys",
            json!({"a b": "1", "1x": "2", "x/y": "3", "_u": "5", "$d": "6"}),
        ),
    ] {
        shape(&mut script, title, changed(json!({"metadata": metadata})));
    }
    for (title, metadata) in [
        ("nested", r#"{"o":{"x":"y"}}"#),
        ("list", "[1]"),
        ("text", r#""x""#),
    ] {
        shape_with_text(
            &mut script,
            title,
            ID,
            &base(),
            &format!("\"metadata\":{metadata}"),
        );
    }
    script.run();
}

/// Protects: data centers as clients write them, right and wrong.
#[test]
fn data_centers() {
    let mut script = Script::new("json: data centers");
    let own = format!(r#""@class":"{DATA_CENTER}""#);
    let amazon = r#""@class":"com.netflix.appinfo.AmazonInfo""#;
    let metadata = r#""instance-id":"i-123","ami-id":"ami-1","availability-zone":"us-east-1a","foo":"bar""#;
    for (title, inside) in [
        (
            "amazon",
            format!(r#"{amazon},"name":"Amazon","metadata":{{{metadata}}}"#),
        ),
        (
            "amazon without class",
            format!(r#""name":"Amazon","metadata":{{{metadata}}}"#),
        ),
        ("amazon without metadata", format!(r#"{amazon},"name":"Amazon""#)),
        (
            "amazon class, own name",
            format!(r#"{amazon},"name":"MyOwn","metadata":{{{metadata}}}"#),
        ),
        ("netflix", format!(r#"{own},"name":"Netflix""#)),
        ("own without class", r#""name":"MyOwn""#.to_owned()),
        (
            "other class",
            r#""@class":"com.netflix.appinfo.MyDataCenterInfo","name":"MyOwn""#.to_owned(),
        ),
        ("class last", format!(r#""name":"MyOwn",{own}"#)),
        ("unknown name", format!(r#"{own},"name":"Wrong""#)),
        ("unknown class", r#""@class":"x.Y","name":"MyOwn""#.to_owned()),
        (
            "own with metadata",
            format!(r#"{own},"name":"MyOwn","metadata":{{"x":"y"}}"#),
        ),
    ] {
        let field = format!(r#""dataCenterInfo":{{{inside}}}"#);
        shape_with_text(
            &mut script,
            title,
            ID,
            &without(base(), &["dataCenterInfo"]),
            &field,
        );
    }
    script.run();
}

/// Protects: what is served of the fields that few clients send, and that unknown fields do no harm.
#[test]
fn all_other_fields() {
    let mut script = Script::new("json: other fields");
    shape(
        &mut script,
        "everything",
        changed(json!({
            "sid": "na", "countryId": 7, "appGroupName": "grp", "asgName": "asg1",
            "homePageUrl": "http://h1:8080/?a=1&b=<2>\"'", "statusPageUrl": "http://h1:8080/s",
            "healthCheckUrl": "http://h1:8080/h", "secureHealthCheckUrl": "https://h1/h",
            "isCoordinatingDiscoveryServer": "true", "actionType": "MODIFIED", "metadata": {"a": "b"},
            "lastUpdatedTimestamp": "5",
        })),
    );
    for (title, fields) in [
        ("a sid", json!({"sid": "x"})),
        ("country garbage", json!({"countryId": "abc"})),
        ("action garbage", json!({"actionType": "wrong"})),
        ("numbers for texts", json!({"hostName": 5, "vipAddress": 7})),
        ("several vips", json!({"vipAddress": "a1,a2"})),
        ("odd vip", json!({"vipAddress": "a/b c"})),
        ("unknown scalar", json!({"foo": "bar"})),
        ("unknown object", json!({"foo": {"x": "1"}})),
        ("unknown list", json!({"foo": [1]})),
        ("blank host and ip", json!({"hostName": "  ", "ipAddr": "  "})),
    ] {
        shape(&mut script, title, changed(fields));
    }
    script.run();
}

/// Protects: the application's name is the same name in any case and the id never changes.
#[test]
fn names_and_ids() {
    let mut script = Script::new("json: names and ids");
    shape_in(
        &mut script,
        "lower in the body",
        "LOWA",
        "x",
        instance("lowa", "x"),
    );
    shape_in(&mut script, "lower in both", "lowb", "x", instance("lowb", "x"));
    shape_in(
        &mut script,
        "lower in the path",
        "lowc",
        "x",
        instance("LOWC", "x"),
    );
    shape_in(&mut script, "no ascii", "%C3%84", "x", instance("Ä", "x"));
    for (title, id, escaped) in [
        ("space", "a b", "a%20b"),
        ("percent", "50%", "50%25"),
        ("unicode", "hö:1", "h%C3%B6%3A1"),
        ("plus", "a+b", "a%2Bb"),
        ("plus unescaped", "c+d", "c+d"),
        ("question mark", "a?b", "a%3Fb"),
        ("hash", "a#b", "a%23b"),
        ("brackets", "[::1]:80", "%5B%3A%3A1%5D%3A80"),
        ("case", "AbC", "AbC"),
        ("long", &"x".repeat(200), &"x".repeat(200)),
    ] {
        shape_in(&mut script, title, "IDS", escaped, instance("IDS", id));
        script
            .register(&format!("{title}: again"), "IDS", &instance("IDS", id))
            .plain(
                &format!("{title}: heartbeat"),
                "PUT",
                &format!("/eureka/apps/IDS/{escaped}"),
            )
            .json(
                &format!("{title}: by id"),
                &format!("/eureka/instances/{escaped}"),
            )
            .plain(
                &format!("{title}: gone"),
                "DELETE",
                &format!("/eureka/apps/IDS/{escaped}"),
            );
    }
    script.run();
}

/// Protects: every status round-trips, and one that does not exist becomes UNKNOWN.
#[test]
fn statuses() {
    let mut script = Script::new("json: statuses");
    for status in [
        "UP",
        "DOWN",
        "STARTING",
        "OUT_OF_SERVICE",
        "UNKNOWN",
        "up",
        "WRONG",
        "",
    ] {
        shape(
            &mut script,
            &format!("status {status:?}"),
            changed(json!({"status": status})),
        );
    }
    for (status, overridden) in [
        ("UP", "DOWN"),
        ("UP", "OUT_OF_SERVICE"),
        ("UP", "STARTING"),
        ("UP", "UNKNOWN"),
        ("UP", "WRONG"),
        ("DOWN", "OUT_OF_SERVICE"),
        ("OUT_OF_SERVICE", "UP"),
        ("UNKNOWN", "UP"),
        ("STARTING", "UP"),
    ] {
        for field in ["overriddenstatus", "overriddenStatus"] {
            let mut fields = json!({"status": status});
            fields[field] = json!(overridden);
            shape(
                &mut script,
                &format!("{status} with {field} {overridden}"),
                changed(fields),
            );
        }
    }
    script.run();
}
