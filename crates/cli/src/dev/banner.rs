//! What `koinon dev` prints when it is ready: what listens where, and what to change in an existing service.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use koinon_node::Settings;
use koinon_node::settings::SelfPreservation;

const PURPOSES: &[(&str, &str)] = &[
    ("gateway", "HTTP to your services, as the routes say"),
    ("etcd", "etcd v3 API, gRPC and JSON at /v3/"),
    ("eureka", "Eureka API at /eureka/, a page for people at /"),
    ("admin", "native API at /v1/, /metrics, /healthz, /readyz"),
];

/// The text.
pub(super) fn text(
    settings: &Settings,
    with_demo: bool,
    addresses: &BTreeMap<String, SocketAddr>,
    took: Duration,
) -> String {
    let mut out = format!(
        "koinon {} is ready after {} ms, data in {}\n\n",
        env!("CARGO_PKG_VERSION"),
        took.as_millis(),
        settings.data_dir.display()
    );
    for (name, purpose) in PURPOSES {
        let place = addresses
            .get(*name)
            .map_or_else(|| "off".to_owned(), |addr| format!("http://{addr}"));
        line(&mut out, format_args!("  {name:<8} {place:<24} {purpose}"));
    }
    if let Some(addr) = addresses.get("gateway") {
        line(&mut out, format_args!("\n{}", routes(settings, with_demo, *addr)));
    }
    line(&mut out, format_args!("\n{}", preservation(settings)));
    if let Some(addr) = addresses.get("eureka") {
        let (host, port) = (addr.ip(), addr.port());
        line(
            &mut out,
            format_args!("\nOne setting moves an existing service here:"),
        );
        line(
            &mut out,
            format_args!("  Spring   eureka.client.service-url.defaultZone=http://{addr}/eureka/"),
        );
        line(
            &mut out,
            format_args!(
                "  Node     eureka: {{ host: '{host}', port: {port}, servicePath: '/eureka/apps/' }}"
            ),
        );
        line(
            &mut out,
            format_args!("  Python   eureka_server=\"http://{addr}/eureka/\""),
        );
    }
    out.push_str("\nCtrl-C stops it.");
    out
}

/// What to type to see the gateway at work.
fn routes(settings: &Settings, with_demo: bool, addr: SocketAddr) -> String {
    let file = settings.gateway.routes_file();
    let file = file.map(|file| {
        format!(
            "Routes are those of {}, which is watched: koinon route ls",
            file.display()
        )
    });
    let demo = with_demo.then(|| {
        format!(
            "Two instances of a sample service take turns at the gateway:\n  curl http://{addr}/demo/hello"
        )
    });
    let told: Vec<String> = file.into_iter().chain(demo).collect();
    if told.is_empty() {
        return "The gateway has no routes yet: give it an application.yml with --routes FILE.".to_owned();
    }
    told.join("\n")
}

fn preservation(settings: &Settings) -> String {
    let registry = &settings.registry;
    match registry.self_preservation {
        SelfPreservation::Auto => format!(
            "Self-preservation is \"auto\": an instance that stops renewing is evicted, unless there are {} or more \
             and too many stop at once.",
            registry.self_preservation_instances_min
        ),
        SelfPreservation::Eureka => {
            "Self-preservation is \"eureka\": with few instances, one that stops renewing \
                                     may never be evicted."
                .to_owned()
        }
        SelfPreservation::Off => {
            "Self-preservation is \"off\": every instance that stops renewing is evicted.".to_owned()
        }
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}
