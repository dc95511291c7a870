//! The path of a request: from a client's bytes to an endpoint's and back.
//!
//! A connection is one task, and so is everything that happens on it: reading a head, choosing a route and an endpoint,
//! moving both bodies, and the same again. No channel, no lock and no allocation that grows with the body is in between.
//!
//! Invariant: an endpoint's connection goes back to the pool only when both messages have been read and written whole.
//! Invariant: a response that cannot be passed on whole is never ended as if it were.

mod answer;
mod client;
mod deliver;
mod frame;
mod link;
mod prepare;
mod record;
mod relay;
mod tunnel;
mod upload;

use std::net::SocketAddr;
use std::rc::Rc;

use koinon_core_http1::{RequestHead, RequestPlan};
use koinon_core_route::Exchange;

use crate::fault::Fault;
use crate::head::RequestLens;
use crate::io::{ClientStream, Clock};
use crate::meter::bump;
use crate::worker::Worker;

use answer::{answer_fault, answer_local};
use client::{Client, Next};
use deliver::{Delivered, Undelivered, deliver};
use prepare::{Prepared, prepare};
use record::Record;
use relay::relay;

/// What becomes of a client's connection after an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It takes the next request.
    KeepAlive,
    /// It is closed.
    Close,
    /// It is closed once the client has had a chance to read what was written: bytes of it are still arriving.
    Linger,
}

/// Serves one client to its end.
pub(crate) async fn serve(worker: Rc<Worker>, stream: ClientStream, peer: SocketAddr) {
    let mut client = Client::new(Rc::clone(&worker), stream, peer);
    let mut is_first = true;
    loop {
        let end = match client.next(is_first).await {
            Next::Over => return,
            Next::Refused(fault) => refuse(&worker, &mut client, fault).await,
            Next::Request(mut head, plan) => {
                let end = exchange(&worker, &mut client, &mut head, plan).await;
                worker.keep_request_head(head);
                end
            }
        };
        match end {
            End::KeepAlive => is_first = false,
            End::Close => return,
            End::Linger => return client.linger().await,
        }
    }
}

/// Answers what is no request.
async fn refuse(worker: &Worker, client: &mut Client, fault: Fault) -> End {
    Clock::tick();
    bump(&worker.counts().requests, 1);
    let mut record = Record::of_refused(client.peer);
    answer_fault(client, &mut record, fault, None, false).await;
    record.finish(worker);
    End::Linger
}

/// One request and its response.
async fn exchange(worker: &Worker, client: &mut Client, head: &mut RequestHead, plan: RequestPlan) -> End {
    Clock::tick();
    bump(&worker.counts().requests, 1);
    let mut record = Record::begin(worker, client.peer, head);
    let end = route(worker, client, head, plan, &mut record).await;
    record.finish(worker);
    end
}

async fn route(
    worker: &Worker,
    client: &mut Client,
    head: &mut RequestHead,
    plan: RequestPlan,
    record: &mut Record,
) -> End {
    let snapshot = worker.routes.latest();
    let mut notes = Exchange::default();
    let found = match head.path().is_empty() {
        true => Err(Fault::NotSupported),
        false => snapshot
            .table
            .find(&RequestLens(head), &mut notes.vars)
            .and_then(|route| snapshot.plans.get(route.index))
            .ok_or(Fault::NoRoute),
    };
    let path = match found {
        Ok(path) => path,
        Err(fault) => return fail(client, record, head, plan, fault).await,
    };
    record.route = Some((Rc::clone(&snapshot), path.route.index));
    let request = match prepare(path, &snapshot.forwarded, head, plan, &mut notes, client) {
        Prepared::Forward(request) => request,
        Prepared::Answer(answer) => {
            let keeps = client.skip_body(plan).await;
            return answer_local(client, record, &answer, head, keeps && plan.keep_alive).await;
        }
        Prepared::Fault(fault) => return fail(client, record, head, plan, fault).await,
    };
    match deliver(worker, client, path, head, &request, record).await {
        Ok(Delivered::Response(reply)) => {
            relay(worker, client, path, head, plan, *reply, &notes, record).await
        }
        Ok(Delivered::Upgraded(reply)) => tunnel::run(worker, client, *reply, record).await,
        Err(Undelivered::ClientGone) => {
            bump(&worker.counts().aborted, 1);
            record.status = 499;
            End::Close
        }
        Err(Undelivered::Fault {
            fault,
            body_touched: true,
        }) => {
            answer_fault(client, record, fault, Some(head), false).await;
            End::Linger
        }
        Err(Undelivered::Fault {
            fault,
            body_touched: false,
        }) => {
            let hidden = fault == Fault::NoInstance && snapshot.hides_services;
            let fault = if hidden { Fault::NoService } else { fault };
            fail(client, record, head, plan, fault).await
        }
    }
}

/// Answers a request whose body has not been touched.
async fn fail(
    client: &mut Client,
    record: &mut Record,
    head: &RequestHead,
    plan: RequestPlan,
    fault: Fault,
) -> End {
    let keeps = plan.keep_alive && client.skip_body(plan).await;
    answer_fault(client, record, fault, Some(head), keeps).await
}
