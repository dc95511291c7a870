//! The instances that the tests register, as JSON: a plain one, and ways to change or remove its fields.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// The data center that everyone outside Amazon registers with.
pub const DATA_CENTER: &str = "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo";

/// A fixed dirty timestamp, far from every real time, so that comparisons show it as it is.
pub const DIRTY: u64 = 1_600_000_000_000;

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// An ordinary instance, complete but for what the server fills in.
pub fn instance(app: &str, id: &str) -> Value {
    json!({
        "instanceId": id,
        "hostName": "host1",
        "app": app,
        "ipAddr": "10.0.0.1",
        "status": "UP",
        "port": {"$": 8080, "@enabled": "true"},
        "securePort": {"$": 443, "@enabled": "false"},
        "vipAddress": app.to_lowercase(),
        "secureVipAddress": app.to_lowercase(),
        "dataCenterInfo": {"@class": DATA_CENTER, "name": "MyOwn"},
        "lastDirtyTimestamp": DIRTY.to_string(),
    })
}

/// The instance with these fields instead or in addition.
pub fn with(mut instance: Value, fields: Value) -> Value {
    if let (Some(instance), Value::Object(fields)) = (instance.as_object_mut(), fields) {
        instance.extend(fields);
    }
    instance
}

/// The instance without these fields.
pub fn without(mut instance: Value, fields: &[&str]) -> Value {
    if let Some(instance) = instance.as_object_mut() {
        instance.retain(|name, _| !fields.contains(&name.as_str()));
    }
    instance
}
