//! The HTTP data plane: requests come in on per-core listeners, are matched to routes, and go to instances that the
//! registry knows.
//!
//! A request's path through the files:
//!
//! | step | where |
//! |---|---|
//! | a core takes the connection | `worker` |
//! | the head is read and checked | `proxy::client`, on `koinon-core-http1` |
//! | a route is chosen, its filters run | `proxy::prepare`, on `koinon-core-route`; the table is in `snapshot` |
//! | an endpoint is chosen, on `koinon-core-balance`, connected to, tried again elsewhere | `proxy::deliver`, `upstream` |
//! | the bodies are moved | `pump`, `proxy::relay`, `proxy::tunnel` |
//! | what cannot be forwarded is answered | `fault`, `proxy::answer` |
//! | it is counted and logged | `meter`, `proxy::record`, `access_log` |
//!
//! What changes (routes, endpoints) comes as immutable snapshots from the control plane's runtime: `routes`, `upstream`.
//! A data plane that nobody updates any more goes on with what it has.
//!
//! # Examples
//! ```no_run
//! use koinon_core_route::{Extensions, Route};
//! use koinon_gateway::{Gateway, GatewayListener, GatewaySettings};
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = GatewaySettings::default();
//! let listener = GatewayListener::bind("gateway", "127.0.0.1:9080".parse()?, settings.workers)?;
//! let routes = Extensions::default()
//!     .route(Route::builder("orders").path("/orders/**").strip_prefix(1).uri("http://127.0.0.1:8081"));
//! let (drain, draining) = koinon_io_net::drain();
//! let (gateway, serving) = Gateway::start(listener, settings, None, routes, draining)?;
//! println!("{} routes", gateway.routes().len());
//! drain.start(std::time::Duration::from_secs(10));
//! serving.wait().await;
//! # Ok(())
//! # }
//! ```

mod access_log;
mod dry_run;
mod fault;
mod gateway;
mod head;
mod io;
mod listen;
mod meter;
mod pace;
mod proxy;
mod pump;
mod routes;
mod settings;
mod snapshot;
mod upstream;
mod worker;

pub use dry_run::DryRun;
pub use gateway::{Counts, Gateway, RouteView, Serving, StartError};
pub use listen::GatewayListener;
pub use meter::{BUCKETS_US, MeterView};
pub use settings::{AccessLogFormat, ClientPace, GatewaySettings, Timeouts};
pub use upstream::{EndpointView, UpstreamView};
