//! A gateway in this process with one route, for everything, to a recording upstream.

use std::net::SocketAddr;
use std::time::Duration;

use koinon_core_route::{Extensions, Route, RouteBuilder};
use koinon_gateway::{Gateway, GatewayListener, GatewaySettings, Timeouts};
use koinon_io_net::DrainHandle;
use koinon_testkit::{Exchange, Recorder, exchange};
use tokio::runtime::Runtime;

/// Longer than anything here takes, on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// A request that is answered with 200 whatever came before it.
pub(crate) const GOOD: &[u8] = b"GET /good HTTP/1.1\r\nHost: gate.test\r\n\r\n";

/// A gateway and what it proxies.
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    pub(crate) recorder: Recorder,
    drain: DrainHandle,
    // The gateway ends with it.
    _gateway: Gateway,
    runtime: Option<Runtime>,
}

impl Gate {
    pub(crate) fn start() -> Self {
        Self::before(Recorder::start().unwrap(), settings(), |route| route)
    }

    pub(crate) fn before(
        recorder: Recorder,
        settings: GatewaySettings,
        route: impl FnOnce(RouteBuilder) -> RouteBuilder,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener =
            GatewayListener::bind("gateway", ([127, 0, 0, 1], 0).into(), settings.workers).unwrap();
        let all = Route::builder("all")
            .path("/**")
            .uri(&format!("http://{}", recorder.address()));
        let routes = Extensions::default().route(route(all));
        let (drain, draining) = koinon_io_net::drain();
        let (gateway, _serving) = {
            let _inside = runtime.enter();
            Gateway::start(listener, settings, None, routes, draining).unwrap()
        };
        Self {
            address: gateway.local_addr(),
            recorder,
            drain,
            _gateway: gateway,
            runtime: Some(runtime),
        }
    }

    /// Sends bytes in one piece and reads until the gateway closes.
    pub(crate) fn until_closed(&self, bytes: &[u8]) -> Exchange {
        exchange(self.address, &[bytes], PATIENCE, |_| false).unwrap()
    }

    /// Sends pieces and reads until so many whole answers are here.
    pub(crate) fn until_answers(&self, pieces: &[&[u8]], count: usize) -> Exchange {
        exchange(self.address, pieces, PATIENCE, |seen| {
            seen.answers().len() >= count
        })
        .unwrap()
    }

    /// Another client is served.
    pub(crate) fn serves_others(&self) {
        let other = self.until_answers(&[GOOD], 1);
        assert_eq!(other.statuses(), [200]);
        let _ = self.recorder.take();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.drain.start(Duration::ZERO);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Two workers, so that what one learns the other must not need.
pub(crate) fn settings() -> GatewaySettings {
    GatewaySettings {
        workers: 2,
        timeouts: Timeouts {
            idle: Duration::from_secs(5),
            ..Timeouts::default()
        },
        ..GatewaySettings::default()
    }
}
