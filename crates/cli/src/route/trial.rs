//! `koinon route try`: which route would take a request, and why.

use std::path::PathBuf;

use clap::Args;
use http::Method;
use koinon_api_admin::wire::{ErrorBody, Header, Tried, TryRequest};
use koinon_api_admin::{owned_request, tried};
use koinon_base::ErrorKind;
use koinon_io_net::client::Call;

use super::{check, table};
use crate::remote::{CommandError, Output, Remote, RemoteArgs, read, write_line};

#[derive(Debug, Args)]
pub(super) struct TryArgs {
    /// The method, such as GET.
    method: String,
    /// The URL, such as `http://shop.example/orders/7`, or only its path.
    url: String,
    /// A header. May be given several times.
    #[arg(long = "header", short = 'H', value_parser = header, value_name = "NAME: VALUE")]
    headers: Vec<Header>,
    /// Ask this file of routes, not the running node.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

fn header(text: &str) -> Result<Header, &'static str> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    Ok(Header {
        name: name.to_owned(),
        value: value.trim().to_owned(),
    })
}

pub(super) async fn run(args: TryArgs, remote: &RemoteArgs) -> Result<(), CommandError> {
    let TryArgs {
        method,
        url,
        headers,
        file,
    } = args;
    let asked = TryRequest { method, url, headers };
    let answer = match file {
        Some(file) => {
            let request = owned_request(&asked).map_err(|details| {
                CommandError::Refused(ErrorBody {
                    code: ErrorKind::Invalid.as_str().to_owned(),
                    message: "the request cannot be tried".to_owned(),
                    details,
                })
            })?;
            let routes = check::checked(&file).map_err(CommandError::Routes)?.routes;
            tried(routes.explain(&request))
        }
        None => ask(&asked, remote).await?,
    };
    match remote.output {
        Output::Json => write_line(&serde_json::to_vec(&answer).map_err(CommandError::Unreadable)?)?,
        Output::Table => write_line(table::tried(&asked.method, &answer).as_bytes())?,
    }
    match answer.taken {
        Some(_) => Ok(()),
        None => Err(CommandError::NoRoute),
    }
}

async fn ask(asked: &TryRequest, remote: &RemoteArgs) -> Result<Tried, CommandError> {
    let body = serde_json::to_vec(asked).map_err(CommandError::Unreadable)?;
    let call = Call::new(Method::POST, "/v1/routes/try").json(body);
    read(&Remote::new(remote).ask(call).await?)
}
