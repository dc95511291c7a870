//! Registrations as a Eureka client makes them, and how soon the gateway routes to what was registered.
//!
//! One sample: a service that nobody has heard of registers its instance, and a client asks the gateway for it
//! again and again. The time runs from before the registration is sent until the first answer of the instance is
//! there; it contains the client's own round trips, so it is an upper bound.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;

use super::engine::Engine;
use super::message::request;
use super::proxies::Proxy;
use super::routes::fresh_name;
use crate::error::{Error, Result};
use crate::http::Connection;
use crate::report::{Bar, Figure, Report, warn};
use crate::stats::percentile;

const ROUTABLE_MS_MAX: f64 = 50.0;
/// A registration that is not routable by then is lost.
const ROUTABLE_MAX: Duration = Duration::from_secs(10);
/// Nobody shall expire while something else is measured.
const LEASE_S: u32 = 3600;

/// Registers the instance behind this address.
pub(super) fn register(eureka: SocketAddr, service: &str, instance: SocketAddr) -> Result<()> {
    let request = registration(eureka, service, instance);
    let answer = Connection::new(eureka).exchange(&request)?;
    expect(&format!("registering {service}"), 204, answer.status)
}

/// Registers one service after another and waits for each at the gateway.
pub(super) fn run(koinon: &Proxy, engine: &mut Engine, samples: usize, report: &mut Report) -> Result<()> {
    warn("… registration to first routed request");
    let Some(eureka) = koinon.eureka else {
        return Ok(());
    };
    let waits_us = koinon.awake(engine, |engine| waits(koinon.address, eureka, engine, samples))?;
    let ms = |percent| f64::from(percentile(&waits_us, percent)) / 1000.0;
    report.add(Figure::new("registration to first routed request, p50", "ms").koinon(ms(50)));
    let p99 = Figure::new("registration to first routed request, p99", "ms").koinon(ms(99));
    report.add(
        p99.bar(Bar::Value(ROUTABLE_MS_MAX))
            .note(format!("{samples} services")),
    );
    Ok(())
}

fn waits(gateway: SocketAddr, eureka: SocketAddr, engine: &mut Engine, samples: usize) -> Result<Vec<u32>> {
    let instance = engine.upstreams()?[0];
    let mut registry = Connection::new(eureka);
    engine.connect(gateway, 1)?;
    let mut waits_us = Vec::with_capacity(samples);
    for number in 0..samples {
        let service = fresh_name(number);
        let asked = request(gateway, &format!("/{service}/first"));
        expect(
            &format!("{service} before it registers"),
            503,
            engine.ask(0, &asked)?.status,
        )?;
        let bytes = registration(eureka, &service, instance);
        let started = Instant::now();
        let answer = registry.exchange(&bytes)?;
        expect(&format!("registering {service}"), 204, answer.status)?;
        let wait = routed_after(engine, &asked, started)?;
        waits_us.push(u32::try_from(wait.as_micros()).unwrap_or(u32::MAX));
    }
    Ok(waits_us)
}

fn routed_after(engine: &mut Engine, asked: &[u8], started: Instant) -> Result<Duration> {
    loop {
        let done = engine.ask(0, asked)?;
        let waited = done.at.duration_since(started);
        match done.status {
            200 => return Ok(waited),
            503 if waited < ROUTABLE_MAX => {}
            status => return expect("a registered service", 200, status).map(|()| waited),
        }
    }
}

fn registration(eureka: SocketAddr, service: &str, instance: SocketAddr) -> Vec<u8> {
    let (ip, port) = (instance.ip().to_string(), instance.port());
    let body = json!({ "instance": {
        "instanceId": format!("{ip}:{service}:{port}"), "app": service.to_uppercase(), "ipAddr": ip,
        "hostName": ip, "vipAddress": service, "secureVipAddress": service, "status": "UP",
        "port": { "$": port, "@enabled": "true" }, "securePort": { "$": 443, "@enabled": "false" },
        "dataCenterInfo": {
            "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", "name": "MyOwn"
        },
        "leaseInfo": { "renewalIntervalInSecs": 30, "durationInSecs": LEASE_S },
    }})
    .to_string();
    format!(
        "POST /eureka/apps/{} HTTP/1.1\r\nHost: {eureka}\r\nContent-Type: application/json\r\n\
         Accept: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        service.to_uppercase(),
        body.len()
    )
    .into_bytes()
}

fn expect(what: &str, expected: u16, got: u16) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(Error::Answer {
        request: what.to_owned(),
        expected: expected.to_string(),
        got: got.to_string(),
    })
}
