//! One try: the request's way to one endpoint, and the wait for its response's head.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use koinon_core_http1::scan::HeadEnd;
use koinon_core_http1::{BodyLength, BodyReader, HeadScan, RequestHead, ResponseHead, ResponsePlan, Version};

use super::super::client::{Client, write_all};
use super::super::link::Link;
use super::super::prepare::Outgoing;
use super::super::upload::Upload;
use super::buffered;
use crate::fault::Fault;
use crate::head::strip_hop_by_hop;
use crate::io::{BUFFER_LEN, Clock, Scratch};
use crate::pace::Pace;
use crate::pump::{Pump, PumpError};
use crate::snapshot::RoutePlan;
use crate::worker::Worker;

/// Interim responses (1xx) of one request.
const INTERIMS_MAX: usize = 8;
/// A response of at most this length is passed on when it is there as a whole: until then, the request can still be sent
/// to another endpoint. It fills no more than the buffer that it needs anyway.
const HELD_LEN_MAX: u64 = (BUFFER_LEN / 2) as u64;

/// A response's head, and the state of everything around it.
#[derive(Debug)]
pub(in crate::proxy) struct Arrived {
    pub(in crate::proxy) link: Link,
    pub(in crate::proxy) head: ResponseHead,
    pub(in crate::proxy) plan: ResponsePlan,
    /// The request's body, if it is still on its way.
    pub(in crate::proxy) sending: Option<Upload>,
    /// Bytes at the front of the client's buffer that were sent as the request's body.
    pub(in crate::proxy) sent_from_buffer: usize,
    /// The endpoint goes on in another protocol.
    pub(in crate::proxy) upgraded: bool,
}

/// Why a try failed.
pub(super) enum TripError {
    ClientGone,
    OfClient(Fault),
    OfEndpoint {
        why: Fault,
        /// Some of the request was written.
        sent: bool,
        /// Some of its body is gone.
        touched: bool,
    },
}

pub(super) struct Trip<'a> {
    worker: &'a Worker,
    client: &'a mut Client,
    path: &'a RoutePlan,
    request: &'a Outgoing,
    total: Instant,
    /// Some of the request's body is gone from the client's buffer.
    touched: bool,
}

impl<'a> Trip<'a> {
    pub(super) fn new(
        worker: &'a Worker,
        client: &'a mut Client,
        path: &'a RoutePlan,
        request: &'a Outgoing,
        total: Instant,
    ) -> Self {
        Self {
            worker,
            client,
            path,
            request,
            total,
            touched: false,
        }
    }

    pub(super) async fn run(&mut self, head: &RequestHead, mut link: Link) -> Result<Arrived, TripError> {
        let mut text = Scratch::new();
        head.write(&mut text);
        let whole = buffered(self.request.body, self.client.unread.unread().len());
        let mut sending = match whole {
            Some(len) => {
                self.send_whole(&mut link, &text, len).await?;
                None
            }
            None => {
                let reader = BodyReader::new(self.request.body);
                let pump = Pump::new(reader, self.request.framing, text);
                Some(Upload::new(pump, self.pace(), self.request.expects_continue))
            }
        };
        let (response, plan) = self.response(&mut link, &mut sending, head).await?;
        let upgraded = response.status() == 101;
        if sending.is_none()
            && self.request.is_idempotent
            && let BodyLength::Known(len) = plan.body
            && len <= HELD_LEN_MAX
        {
            self.wait_whole(&mut link, len).await?;
        }
        Ok(Arrived {
            link,
            head: response,
            plan,
            sending,
            sent_from_buffer: whole.unwrap_or(0),
            upgraded,
        })
    }

    async fn send_whole(&mut self, link: &mut Link, text: &[u8], len: usize) -> Result<(), TripError> {
        let idle = self.worker.node.settings.timeouts.idle;
        let Client { unread, timer, .. } = &mut *self.client;
        let body = unread.unread().get(..len).unwrap_or_default();
        let written = write_all(&mut link.stream, timer, [text, body], idle).await;
        written.map_err(|(_, written)| TripError::OfEndpoint {
            why: Fault::UpstreamClosed,
            sent: written > 0,
            touched: false,
        })
    }

    /// The head of the final response. Interim ones go to the client on the way.
    async fn response(
        &mut self,
        link: &mut Link,
        sending: &mut Option<Upload>,
        head: &RequestHead,
    ) -> Result<(ResponseHead, ResponsePlan), TripError> {
        let mut response = self.worker.response_head();
        for _ in 0..INTERIMS_MAX {
            let found = self.wait_head(link, sending).await?;
            let bytes = link
                .unread
                .unread()
                .get(found.start..found.end)
                .unwrap_or_default();
            let limits = &self.worker.node.settings.limits;
            let parsed = response.parse(bytes, self.request.answers_head, limits);
            link.unread.take(found.end);
            let plan = parsed.map_err(|_| self.malformed(sending.as_ref()))?;
            match response.status() {
                // A tunnel begins behind the request, so not before its end.
                101 if !self.request.upgrades || sending.is_some() => {
                    return Err(self.malformed(sending.as_ref()));
                }
                101 | 200.. => return Ok((response, plan)),
                _ if head.version() == Version::Http10 => {}
                status => {
                    if let (100, Some(upload)) = (status, &mut *sending) {
                        upload.invite();
                    }
                    self.pass_interim(&mut response).await?;
                }
            }
        }
        Err(self.malformed(sending.as_ref()))
    }

    async fn pass_interim(&mut self, response: &mut ResponseHead) -> Result<(), TripError> {
        strip_hop_by_hop(response.fields_mut(), |_| false);
        response.fields_mut().remove("content-length");
        let mut text = Scratch::new();
        response.write(&mut text);
        self.client
            .write([&text, &[]])
            .await
            .map_err(|_| TripError::ClientGone)
    }

    async fn wait_head(
        &mut self,
        link: &mut Link,
        sending: &mut Option<Upload>,
    ) -> Result<HeadEnd, TripError> {
        let mut scan = HeadScan::for_response();
        let mut deadline = self.deadline(sending.is_some());
        let limits = self.worker.node.settings.limits;
        poll_fn(|cx| {
            if let Some(found) = self.poll_sending(cx, link, sending, &mut deadline) {
                return Poll::Ready(Err(found));
            }
            loop {
                match scan.find(link.unread.unread(), &limits) {
                    Ok(None) => {}
                    Ok(Some(found)) => return Poll::Ready(Ok(found)),
                    Err(_) => return Poll::Ready(Err(self.malformed(sending.as_ref()))),
                }
                match link.unread.poll_fill(cx, &mut link.stream) {
                    Poll::Ready(Ok(0) | Err(_)) => {
                        return Poll::Ready(Err(self.of_endpoint(Fault::UpstreamClosed, sending.as_ref())));
                    }
                    Poll::Ready(Ok(_)) => {}
                    Poll::Pending => break,
                }
            }
            if sending.is_none() && self.client.poll_gone(cx).is_ready() {
                return Poll::Ready(Err(TripError::ClientGone));
            }
            let slow_at = sending
                .as_mut()
                .and_then(|upload| upload.slow_at(Clock::coarse()));
            let end = slow_at.map_or(deadline, |at| at.min(deadline)).min(self.total);
            let over = self.client.timer.poll(cx, end);
            over.map(|()| Err(self.timed_out(sending.as_ref())))
        })
        .await
    }

    /// Moves the request's body on, and the deadline with it; an error when it cannot go on.
    fn poll_sending(
        &mut self,
        cx: &mut Context<'_>,
        link: &mut Link,
        sending: &mut Option<Upload>,
        deadline: &mut Instant,
    ) -> Option<TripError> {
        let upload = sending.as_mut()?;
        let mut moved = false;
        let polled = upload.poll(cx, self.client, link, &mut moved);
        self.touched |= upload.has_taken();
        if moved {
            *deadline = Clock::tick() + self.worker.node.settings.timeouts.idle;
        }
        match polled {
            Poll::Pending => None,
            Poll::Ready(Ok(())) => {
                *sending = None;
                Clock::tick();
                *deadline = self.deadline(false);
                None
            }
            Poll::Ready(Err(PumpError::Source(Some(refusal)))) => {
                Some(TripError::OfClient(Fault::Refused(refusal)))
            }
            Poll::Ready(Err(PumpError::Source(None))) => Some(TripError::ClientGone),
            // It may have answered before it stopped reading; its end is noticed where its answer is read.
            Poll::Ready(Err(PumpError::Sink)) if upload.has_begun() => None,
            Poll::Ready(Err(PumpError::Sink)) => {
                Some(self.of_endpoint(Fault::UpstreamClosed, sending.as_ref()))
            }
        }
    }

    /// Waits until so much of the response's body is here.
    async fn wait_whole(&mut self, link: &mut Link, len: u64) -> Result<(), TripError> {
        let mut deadline = self.deadline(false);
        poll_fn(|cx| {
            while (link.unread.unread().len() as u64) < len {
                match link.unread.poll_fill(cx, &mut link.stream) {
                    Poll::Ready(Ok(0) | Err(_)) => {
                        return Poll::Ready(Err(self.of_endpoint(Fault::UpstreamClosed, None)));
                    }
                    Poll::Ready(Ok(_)) => {
                        Clock::tick();
                        deadline = self.deadline(false);
                    }
                    Poll::Pending => {
                        if self.client.poll_gone(cx).is_ready() {
                            return Poll::Ready(Err(TripError::ClientGone));
                        }
                        let over = self.client.timer.poll(cx, deadline.min(self.total));
                        return over.map(|()| Err(self.timed_out(None)));
                    }
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    fn pace(&self) -> Pace {
        Pace::new(self.path.client_pace, self.worker.node.settings.timeouts.idle)
    }

    fn deadline(&self, sending: bool) -> Instant {
        let timeouts = &self.worker.node.settings.timeouts;
        let time = match sending {
            true => Some(timeouts.idle),
            false => self.path.response_timeout,
        };
        time.map_or(self.total, |time| Clock::coarse() + time)
    }

    fn timed_out(&self, sending: Option<&Upload>) -> TripError {
        if Clock::coarse() >= self.total {
            return self.of_endpoint(Fault::TotalTimeout, sending);
        }
        match sending {
            Some(upload) if upload.is_slow(Clock::coarse()) => TripError::OfClient(Fault::BodyTooSlow),
            Some(upload) if !upload.is_held_up() => TripError::OfClient(Fault::BodyTimeout),
            _ => self.of_endpoint(Fault::ResponseTimeout, sending),
        }
    }

    fn malformed(&self, sending: Option<&Upload>) -> TripError {
        self.of_endpoint(Fault::UpstreamMalformed, sending)
    }

    fn of_endpoint(&self, why: Fault, sending: Option<&Upload>) -> TripError {
        TripError::OfEndpoint {
            why,
            sent: sending.is_none_or(Upload::has_begun),
            touched: self.touched,
        }
    }
}
