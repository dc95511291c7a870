//! A gateway made in code: `cargo run -p koinon-gateway --example proxy -- 127.0.0.1:8081` sends `/api/**` of port 9080
//! there, without the prefix, and lets a filter of its own count what passes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use koinon_core_route::{Exchange, Extensions, Filter, Flow, RequestEdit, ResponseEdit, Route};
use koinon_gateway::{Gateway, GatewayListener, GatewaySettings};

/// Numbers requests, and refuses those that ask for nothing.
#[derive(Debug, Default)]
struct Numbered {
    count: AtomicU64,
}

impl Filter for Numbered {
    fn before(&self, request: &mut dyn RequestEdit, _exchange: &mut Exchange) -> Flow {
        if request.path() == "/" {
            return Flow::status(404);
        }
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        request.set_header("X-Number", number.to_string().as_bytes());
        Flow::Continue
    }

    fn after(&self, response: &mut dyn ResponseEdit, _exchange: &Exchange) {
        response.add_header("X-Served-By", b"koinon");
    }
}

#[expect(clippy::print_stderr, reason = "an example talks to whoever runs it")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let upstream = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8081".into());
    let route = Route::builder("api")
        .path("/api/**")
        .strip_prefix(1)
        .filter("Numbered", Numbered::default())
        .uri(&format!("http://{upstream}"));
    let settings = GatewaySettings::default();
    let port = std::env::args().nth(2).unwrap_or_else(|| "9080".into());
    let listener = GatewayListener::bind("gateway", format!("127.0.0.1:{port}").parse()?, settings.workers)?;
    let (drain, draining) = koinon_io_net::drain();
    let routes = Extensions::default().route(route);
    let (gateway, serving) = Gateway::start(listener, settings, None, routes, draining)?;
    eprintln!("listening on {}, sending to {upstream}", gateway.local_addr());
    tokio::signal::ctrl_c().await?;
    drain.start(Duration::from_secs(10));
    serving.wait().await;
    Ok(())
}
