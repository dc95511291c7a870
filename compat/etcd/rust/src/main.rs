//! Tells stories to one server through the crate `etcd-client` and prints a verdict for each: `PASS name` or
//! `FAIL name: why`. The argument is an endpoint.

use std::process::ExitCode;
use std::time::Duration;

use etcd_client::{Client, Error};
use tokio::time::timeout;

mod keys;
mod services;
mod streams;

/// A story that takes longer has hung.
const WITHIN: Duration = Duration::from_secs(30);

/// Why a story failed.
pub type Told = Result<(), String>;

/// What the client's calls fail with, as a story's failure.
pub fn why(error: Error) -> String {
    error.to_string()
}

/// Fails when two things that must be the same are not.
pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, wanted: T) -> Told {
    if got == wanted {
        return Ok(());
    }
    Err(format!("{what}: got {got:?}, wanted {wanted:?}"))
}

/// The code and the words of a refusal.
pub fn refusal<T>(answer: Result<T, Error>) -> String {
    match answer {
        Ok(_) => "not refused".to_owned(),
        Err(Error::GRpcStatus(status)) => format!("{:?}: {}", status.code(), status.message()),
        Err(other) => other.to_string(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(endpoint) = std::env::args().nth(1) else {
        println!("FAIL usage: stories ENDPOINT");
        return ExitCode::FAILURE;
    };
    let mut failed = false;
    macro_rules! tell {
        ($($module:ident :: $story:ident),* $(,)?) => {$(
            let name = stringify!($story).replace('_', " ");
            let told = timeout(WITHIN, async {
                let client = Client::connect([&endpoint], None).await.map_err(why)?;
                $module::$story(client, &format!("/{name}/")).await
            });
            match told.await.unwrap_or_else(|_| Err("hung".to_owned())) {
                Ok(()) => println!("PASS {name}"),
                Err(why) => {
                    failed = true;
                    println!("FAIL {name}: {why}");
                }
            }
        )*};
    }
    tell!(
        keys::put_and_get,
        keys::ranges,
        keys::deletes,
        keys::transactions,
        keys::history_and_compaction,
        keys::refusals,
        streams::watch_history,
        streams::watch_live,
        streams::watch_compacted,
        streams::lease_kept_alive,
        streams::lease_runs_out,
        services::locks,
        services::elections,
        services::maintenance,
    );
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
