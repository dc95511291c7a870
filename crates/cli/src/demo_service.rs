//! The sample service of `koinon dev --demo`: greets over HTTP and registers as any Eureka client would.
//!
//! It renews every second under a lease of three, so that its death shows within seconds. It leaves when it is
//! told to (SIGTERM) or when its standard input closes, which is how it notices that its parent is gone.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use koinon_io_net::client::Call;
use koinon_io_net::{Client, ClientError, ClientOptions, Endpoint, ServeOptions, bind, drain, serve};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::output::complain;

const RENEWAL_INTERVAL_S: u64 = 1;
const LEASE_DURATION_S: u64 = 3;

/// How long the farewell may take.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct DemoServiceArgs {
    /// The service's name.
    #[arg(long)]
    name: String,
    /// The instance's id.
    #[arg(long)]
    id: String,
    /// The Eureka API, such as http://127.0.0.1:8761/eureka.
    #[arg(long)]
    eureka: Endpoint,
}

pub(crate) fn run(args: DemoServiceArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(live(&args));
            // The read of standard input cannot be cancelled.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}

async fn live(args: &DemoServiceArgs) -> Result<(), Box<dyn std::error::Error>> {
    // Ctrl-C reaches the whole group; the parent decides what it means.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = bind("demo", SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let me = Registrant::new(args, listener.local_addr());
    let (drain, draining) = drain();
    let greeting = Bytes::from(me.greeting());
    let greet = service_fn(move |_: Request<Incoming>| {
        let answer = Response::new(Full::new(greeting.clone()));
        async { Ok::<_, Infallible>(answer) }
    });
    let serving = tokio::spawn(serve(listener, greet, ServeOptions::default(), draining));
    let mut beats = interval(Duration::from_secs(RENEWAL_INTERVAL_S));
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let parent_gone = async { drain_input().await };
    tokio::pin!(parent_gone);
    loop {
        tokio::select! {
            _ = beats.tick() => {
                if let Err(error) = me.beat().await {
                    complain(&error);
                }
            }
            _ = interrupt.recv() => {}
            _ = terminate.recv() => break,
            () = &mut parent_gone => break,
        }
    }
    // The lease runs out by itself if nobody hears this.
    let _ = timeout(CANCEL_TIMEOUT, me.leave()).await;
    drain.start(CANCEL_TIMEOUT);
    serving.await?;
    Ok(())
}

/// Returns when standard input has ended.
async fn drain_input() {
    let (mut input, mut buffer) = (tokio::io::stdin(), [0_u8; 64]);
    while input.read(&mut buffer).await.is_ok_and(|len| len > 0) {}
}

struct Registrant {
    client: Client,
    app_path: String,
    instance_path: String,
    registration: String,
    name: String,
    id: String,
}

impl Registrant {
    fn new(args: &DemoServiceArgs, addr: SocketAddr) -> Self {
        let app = args.name.to_ascii_uppercase();
        let (host, port) = (addr.ip().to_string(), addr.port());
        let url = format!("http://{addr}/");
        let registration = json!({ "instance": {
            "instanceId": args.id, "app": app, "hostName": host, "ipAddr": host, "status": "UP",
            "port": { "$": port, "@enabled": "true" }, "securePort": { "$": 443, "@enabled": "false" },
            "vipAddress": args.name, "secureVipAddress": args.name,
            "homePageUrl": url, "statusPageUrl": url, "healthCheckUrl": url,
            "dataCenterInfo": {
                "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", "name": "MyOwn"
            },
            "leaseInfo": {
                "renewalIntervalInSecs": RENEWAL_INTERVAL_S, "durationInSecs": LEASE_DURATION_S
            },
            "metadata": { "pid": std::process::id().to_string() },
        }});
        Self {
            client: Client::new(args.eureka.clone(), ClientOptions::default()),
            app_path: format!("/apps/{app}"),
            instance_path: format!("/apps/{app}/{}", args.id),
            registration: registration.to_string(),
            name: args.name.clone(),
            id: args.id.clone(),
        }
    }

    fn greeting(&self) -> String {
        let greeting = json!({ "service": self.name, "instance": self.id, "pid": std::process::id() });
        format!("{greeting}\n")
    }

    /// Renews, and registers if the server does not know this instance (yet, or any more).
    async fn beat(&self) -> Result<(), ClientError> {
        let renewed = self
            .client
            .request(&Call::new(Method::PUT, &self.instance_path))
            .await?;
        if renewed.status == StatusCode::NOT_FOUND {
            let register = Call::new(Method::POST, &self.app_path).json(self.registration.clone());
            self.client.request(&register).await?;
        }
        Ok(())
    }

    async fn leave(&self) -> Result<(), ClientError> {
        self.client
            .request(&Call::new(Method::DELETE, &self.instance_path))
            .await?;
        Ok(())
    }
}
