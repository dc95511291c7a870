//! `--demo`: two instances of a sample service as child processes, and a running commentary of what happens to them.
//!
//! A child lives as long as its standard input: the pipe closes when this process ends, however it ends, and the
//! child leaves then. Nothing has to be cleaned up after a kill -9.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use koinon_base::{Namespace, ServiceName};
use koinon_core_registry::{Change, ChangeKind, Instance};
use koinon_core_route::{Extensions, Route};
use koinon_node::Node;
use koinon_service_registry::{Event, ServiceError, Subscription};
use thiserror::Error;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::output::say;

/// The name under which the sample service registers.
const SERVICE: &str = "demo-greeter";

/// How long the children may take to leave.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The route to the sample service: `/demo/x` is its `/x`.
pub(super) fn routes() -> Extensions {
    let route = Route::builder(SERVICE)
        .path("/demo/**")
        .strip_prefix(1)
        .uri(&format!("lb://{SERVICE}"));
    Extensions::default().route(route)
}

#[derive(Debug, Error)]
pub(super) enum DemoError {
    #[error("--demo needs the Eureka listener; leave listen.eureka on")]
    NoListener,
    #[error("the sample service cannot be started")]
    Spawn(#[from] io::Error),
    #[error("the sample service cannot be watched")]
    Watch(#[from] ServiceError),
}

/// The running sample.
pub(super) struct Demo {
    children: Vec<Child>,
    commentary: JoinSet<()>,
}

impl Demo {
    pub(super) fn start(node: &Node) -> Result<Self, DemoError> {
        let eureka = node.addresses().get("eureka").ok_or(DemoError::NoListener)?;
        let service = ServiceName::new(SERVICE).ok();
        let subscription = node.registry().subscribe(&Namespace::default(), service, None)?;
        let mut commentary = JoinSet::new();
        commentary.spawn(comment(subscription));
        let program = std::env::current_exe()?;
        let start = |number: u8| {
            Command::new(&program)
                .args([
                    "demo-service",
                    "--name",
                    SERVICE,
                    "--id",
                    &format!("{SERVICE}-{number}"),
                ])
                .args(["--eureka", &format!("http://{eureka}/eureka")])
                .stdin(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
        };
        let children = (1..=2).map(start).collect::<Result<_, _>>()?;
        Ok(Self { children, commentary })
    }

    /// Lets the children leave; one that does not in time is killed.
    pub(super) async fn stop(mut self) {
        self.children
            .iter_mut()
            .for_each(|child| drop(child.stdin.take()));
        let left = async {
            for child in &mut self.children {
                // A child that is gone already is as good.
                let _ = child.wait().await;
            }
        };
        let _ = timeout(LEAVE_TIMEOUT, left).await;
        self.commentary.shutdown().await;
    }
}

async fn comment(mut subscription: Subscription) {
    while let Some(event) = subscription.next().await {
        match event {
            Event::Snapshot { services, .. } => {
                services
                    .iter()
                    .flat_map(|view| view.instances.values())
                    .for_each(|instance| came(instance));
            }
            Event::Changes { changes, .. } => changes.iter().for_each(tell),
        }
    }
}

fn tell(change: &Change) {
    let instance = &change.instance;
    match change.kind {
        ChangeKind::Added => came(instance),
        ChangeKind::Modified => say(format_args!("demo: {} is {} now", instance.id(), instance.status)),
        ChangeKind::Removed => say(format_args!("demo: {} is gone", instance.id())),
    }
}

fn came(instance: &Instance) {
    let description = &instance.description;
    let (id, address, port) = (instance.id(), &description.address, description.port);
    let pid = description.metadata.get("pid").unwrap_or("?");
    say(format_args!(
        "demo: {id} is {} at http://{address}:{port}/ (kill -9 {pid} and watch)",
        instance.status
    ));
}
