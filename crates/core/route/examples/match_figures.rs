//! Prints how long it takes to find a route among 10,000, of distinct hosts and of distinct paths:
//! `cargo run --release -p koinon-core-route --example match_figures`.
//!
//! Each of the figures is over single requests in a random order, so a route is usually not in the nearest caches,
//! but its request is, as after reading it. The answer's first use, by the number of its route, is timed too. Nothing
//! is subtracted: the first rows show what the same clock says of an empty interval, of arithmetic alone (what
//! interrupts and other tenants of the machine take), and of reading one line of 32 MiB of memory.

#![allow(clippy::print_stdout, reason = "the figures are for the terminal")]

use std::hint::black_box;
use std::time::Instant;

use koinon_base::Rng;
use koinon_core_route::{
    Extensions, GatewayDefinition, OwnedRequest, Problems, Route, RouteBuilder, RouteTable, Vars,
};

const ROUTES: usize = 10_000;
const REQUESTS: usize = 1_000_000;

fn main() -> Result<(), Problems> {
    floors();
    let both = |at: usize| Route::builder(&id(at)).host(&host(at)).path("/**");
    compare("distinct hosts", both, |at| {
        format!("http://{}/api/items/7", host(at))
    })?;
    let ends = |at: usize| Route::builder(&id(at)).host(&format!("**.{}", host(at)));
    compare("distinct host ends", ends, |at| {
        format!("http://a.b.{}/api/items/7", host(at))
    })?;
    let paths = |at: usize| Route::builder(&id(at)).path(&format!("/api/{}/**", id(at)));
    compare("distinct paths", paths, |at| {
        format!("http://gw/api/{}/items/7", id(at))
    })?;
    compare("a path of none", paths, |at| {
        format!("http://gw/api/x{at}/items/7")
    })?;
    compare(
        "100 hosts of 100 paths",
        |at| {
            let path = format!("/{}/**", id(at));
            Route::builder(&id(at)).host(&host(at / 100)).path(&path)
        },
        |at| format!("http://{}/{}/items/7", host(at / 100), id(at)),
    )?;
    compare(
        "paths and a method",
        |at| paths(at).method("GET"),
        |at| format!("http://gw/api/{}/items/7", id(at)),
    )?;
    let variables = |at: usize| Route::builder(&id(at)).path(&format!("/api/{}/items/{{id}}", id(at)));
    compare("paths with a variable", variables, |at| {
        format!("http://gw/api/{}/items/7", id(at))
    })
}

fn id(at: usize) -> String {
    format!("service-{at}")
}

fn host(at: usize) -> String {
    format!("tenant-{at}.shop.example.org")
}

/// What is measured when nothing is looked up.
fn floors() {
    report("an empty interval", |_| (), |(): &()| false);
    let spin = |(): &()| (0..700_u64).fold(1_u64, |all, each| black_box(all.wrapping_mul(each))) == 0;
    report("arithmetic alone", |_| (), spin);
    let memory: Vec<[u64; 8]> = vec![[1; 8]; (32 << 20) / 64];
    report(
        "one line of memory",
        |rng| rng.below(memory.len()),
        |line| black_box(memory[*line][0]) == 0,
    );
}

/// Times look-ups of `url` among the routes that `route` makes.
fn compare(
    what: &str,
    route: impl Fn(usize) -> RouteBuilder,
    url: impl Fn(usize) -> String,
) -> Result<(), Problems> {
    let extensions = (0..ROUTES).fold(Extensions::default(), |all, at| {
        all.route(route(at).uri("lb://orders"))
    });
    let (table, _) = RouteTable::compile(&GatewayDefinition::default(), "code", &extensions)?;
    let requests: Vec<OwnedRequest> = (0..ROUTES).map(|at| OwnedRequest::new("GET", &url(at))).collect();
    let mut vars = Vars::default();
    report(
        what,
        |rng| requests[rng.below(ROUTES)].clone(),
        |request| {
            let found = table.find(request, &mut vars);
            found.map(|route| black_box(route.index)).is_some()
        },
    );
    Ok(())
}

/// Times `work` on what `prepare` makes, which is not timed.
fn report<T>(what: &str, prepare: impl Fn(&mut Rng) -> T, mut work: impl FnMut(&T) -> bool) {
    let mut rng = Rng::from_seed(7);
    let mut found = 0_usize;
    let mut nanos = vec![0_u64; REQUESTS];
    for taken in &mut nanos {
        let input = prepare(&mut rng);
        let started = Instant::now();
        found += usize::from(work(&input));
        *taken = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    }
    nanos.sort_unstable();
    let at = |per_mille: usize| nanos[REQUESTS * per_mille / 1000];
    println!(
        "{what:24} p50 {:5} ns   p99 {:5} ns   p99.9 {:5} ns   ({found} found)",
        at(500),
        at(990),
        at(999)
    );
}
