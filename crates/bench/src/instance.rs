//! The instances of a benchmark and the requests about them, as a Spring Cloud client writes them.

use std::fmt::Write as _;

/// An instance by its number: instance `n` belongs to service `n % services`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fleet {
    pub(crate) instances: usize,
    pub(crate) services: usize,
}

/// Milliseconds since 1970 that every instance carries as its last dirty time; any moment in the past will do.
const DIRTY_MS: u64 = 1_700_000_000_000;
/// Nobody shall expire while a benchmark measures something else.
const DURATION_S: u32 = 3600;

const HEADERS: &str = "Content-Type: application/json\r\nAccept: application/json\r\nHost: 127.0.0.1\r\n\
                       Connection: keep-alive\r\nUser-Agent: Apache-HttpClient/5.5.2 (Java/17.0.15)\r\n";

impl Fleet {
    pub(crate) fn app(self, n: usize) -> String {
        format!("SERVICE-{:03}", n % self.services)
    }

    pub(crate) fn id(self, n: usize) -> String {
        format!("{}:service-{:03}:8080", ip(n), n % self.services)
    }

    pub(crate) fn register(self, n: usize) -> Vec<u8> {
        let body = self.body(n);
        request(
            "POST",
            &format!("/eureka/apps/{}", self.app(n)),
            "Accept-Encoding: gzip\r\n",
            &body,
        )
    }

    pub(crate) fn heartbeat(self, n: usize) -> Vec<u8> {
        let query = format!("status=UP&lastDirtyTimestamp={DIRTY_MS}");
        self.put(n, "", &query)
    }

    /// A change that every reader of the registry sees.
    pub(crate) fn set_status(self, n: usize, status: &str) -> Vec<u8> {
        self.put(
            n,
            "/status",
            &format!("value={status}&lastDirtyTimestamp={DIRTY_MS}"),
        )
    }

    fn put(self, n: usize, below: &str, query: &str) -> Vec<u8> {
        let path = format!("/eureka/apps/{}/{}{below}?{query}", self.app(n), self.id(n));
        request("PUT", &path, GZIP, "")
    }

    fn body(self, n: usize) -> String {
        let (ip, app, id) = (ip(n), self.app(n), self.id(n));
        let vip = app.to_lowercase();
        let mut body = String::with_capacity(1200);
        // Writing to a String cannot fail.
        let _ = write!(
            body,
            "{{\"instance\":{{\"instanceId\":\"{id}\",\"app\":\"{app}\",\"appGroupName\":null,\"ipAddr\":\"{ip}\",\
             \"sid\":\"na\",\"homePageUrl\":\"http://{ip}:8080/\",\"statusPageUrl\":\"http://{ip}:8080/actuator/info\",\
             \"healthCheckUrl\":\"http://{ip}:8080/actuator/health\",\"secureHealthCheckUrl\":null,\
             \"vipAddress\":\"{vip}\",\"secureVipAddress\":\"{vip}\",\"countryId\":1,\"dataCenterInfo\":\
             {{\"@class\":\"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo\",\"name\":\"MyOwn\"}},\
             \"hostName\":\"{ip}\",\"status\":\"UP\",\"overriddenStatus\":\"UNKNOWN\",\"leaseInfo\":\
             {{\"renewalIntervalInSecs\":30,\"durationInSecs\":{DURATION_S},\"registrationTimestamp\":0,\
             \"lastRenewalTimestamp\":0,\"evictionTimestamp\":0,\"serviceUpTimestamp\":0}},\
             \"isCoordinatingDiscoveryServer\":false,\"lastUpdatedTimestamp\":{DIRTY_MS},\
             \"lastDirtyTimestamp\":{DIRTY_MS},\"actionType\":null,\"asgName\":null,\
             \"port\":{{\"$\":8080,\"@enabled\":\"true\"}},\"securePort\":{{\"$\":443,\"@enabled\":\"false\"}},\
             \"metadata\":{{\"management.port\":\"8080\",\"zone\":\"zone-{}\"}}}}}}",
            n % 3
        );
        body
    }
}

const GZIP: &str = "Accept-Encoding: gzip, x-gzip, deflate\r\n";

/// How a list is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As Java clients do.
    Gzip,
    Identity,
}

pub(crate) fn fetch(path: &str, encoding: Encoding) -> Vec<u8> {
    request(
        "GET",
        path,
        if encoding == Encoding::Gzip { GZIP } else { "" },
        "",
    )
}

fn request(method: &str, path: &str, encoding: &str, body: &str) -> Vec<u8> {
    let length = match method {
        "GET" => String::new(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    format!("{method} {path} HTTP/1.1\r\n{HEADERS}{encoding}{length}\r\n{body}").into_bytes()
}

/// A private address of its own for each of the first 16 million instances.
fn ip(n: usize) -> String {
    format!("10.{}.{}.{}", (n >> 16) & 255, (n >> 8) & 255, n & 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLEET: Fleet = Fleet {
        instances: 100_000,
        services: 200,
    };

    /// Protects: what is registered is what a Spring client registers, with a length that fits.
    #[test]
    fn a_registration_is_valid_json_of_its_stated_length() {
        let request = String::from_utf8(FLEET.register(70_001)).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("POST /eureka/apps/SERVICE-001 HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "{head}"
        );
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(json["instance"]["instanceId"], "10.1.17.113:service-001:8080");
    }

    /// Protects: 100,000 instances are 100,000 different ones.
    #[test]
    fn every_instance_has_its_own_id() {
        let ids: std::collections::HashSet<String> = (0..FLEET.instances).map(|n| FLEET.id(n)).collect();
        assert_eq!(ids.len(), FLEET.instances);
    }
}
