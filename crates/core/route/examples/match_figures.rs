//! Prints how long it takes to find a route among 10,000, of distinct hosts and of distinct paths:
//! `cargo run --release -p koinon-core-route --example match_figures`.
//!
//! Each of the figures is over single requests in a random order, so a route is usually not in the nearest caches,
//! but its request is, as after reading it. The clock's own cost is measured and stays in.

#![allow(clippy::print_stdout, reason = "the figures are for the terminal")]

use std::time::Instant;

use koinon_base::Rng;
use koinon_core_route::{
    Extensions, GatewayDefinition, OwnedRequest, Problems, Route, RouteBuilder, RouteTable, Vars,
};

const ROUTES: usize = 10_000;
const REQUESTS: usize = 1_000_000;

fn main() -> Result<(), Problems> {
    report(
        "clock alone",
        &table(|_| Route::builder("all").path("/**"), 1)?,
        |_| None,
    );
    let hosts = table(|at| Route::builder(&id(at)).host(&host(at)).path("/**"), ROUTES)?;
    report("distinct hosts", &hosts, |at| {
        Some(OwnedRequest::new(
            "GET",
            &format!("http://{}/api/items/7", host(at)),
        ))
    });
    let wildcards = table(
        |at| Route::builder(&id(at)).host(&format!("**.{}", host(at))),
        ROUTES,
    )?;
    report("distinct host ends", &wildcards, |at| {
        Some(OwnedRequest::new(
            "GET",
            &format!("http://a.b.{}/api/items/7", host(at)),
        ))
    });
    let paths = table(
        |at| Route::builder(&id(at)).path(&format!("/api/{}/**", id(at))),
        ROUTES,
    )?;
    report("distinct paths", &paths, |at| {
        Some(OwnedRequest::new(
            "GET",
            &format!("http://gw/api/{}/items/7", id(at)),
        ))
    });
    report("a path of none", &paths, |at| {
        Some(OwnedRequest::new("GET", &format!("http://gw/api/x{at}/items/7")))
    });
    let both = table(
        |at| {
            Route::builder(&id(at))
                .host(&host(at / 100))
                .path(&format!("/{}/**", id(at)))
        },
        ROUTES,
    )?;
    report("100 hosts of 100 paths", &both, |at| {
        Some(OwnedRequest::new(
            "GET",
            &format!("http://{}/{}/items/7", host(at / 100), id(at)),
        ))
    });
    Ok(())
}

fn id(at: usize) -> String {
    format!("service-{at}")
}

fn host(at: usize) -> String {
    format!("tenant-{at}.shop.example.org")
}

fn table(route: impl Fn(usize) -> RouteBuilder, count: usize) -> Result<RouteTable, Problems> {
    let started = Instant::now();
    let extensions = (0..count).fold(Extensions::default(), |all, at| {
        all.route(route(at).uri("lb://orders"))
    });
    let (table, _) = RouteTable::compile(&GatewayDefinition::default(), "code", &extensions)?;
    if count > 1 {
        println!("{count} routes made in {} ms", started.elapsed().as_millis());
    }
    Ok(table)
}

fn report(what: &str, table: &RouteTable, request: impl Fn(usize) -> Option<OwnedRequest>) {
    let requests: Vec<_> = (0..ROUTES).map(request).collect();
    let mut rng = Rng::from_seed(7);
    let mut vars = Vars::default();
    let mut found = 0_usize;
    let mut nanos: Vec<u64> = (0..REQUESTS)
        .map(|_| {
            let request = requests.get(rng.below(ROUTES)).cloned().flatten();
            let started = Instant::now();
            if let Some(request) = &request {
                found += usize::from(table.find(request, &mut vars).is_some());
            }
            u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
        })
        .collect();
    nanos.sort_unstable();
    let at = |per_mille: usize| {
        nanos
            .get(REQUESTS * per_mille / 1000)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{what:24} p50 {:5} ns   p99 {:5} ns   p99.9 {:5} ns   ({found} found)",
        at(500),
        at(990),
        at(999)
    );
}
