//! The watch call: many watchers on one stream, told in order.
//!
//! Invariants:
//! - a watcher's events come after the message that says it was made, and none after the one that says it ended;
//! - nothing is taken from the store while the client has no room for it: a client that does not read costs one message
//!   here and its bounded queue there.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use koinon_base::Rng;
use koinon_store::{WatchMessage, WatchRefused, WatchStream};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::calls::read;
use super::door::Inner;
use super::gate::Gate;
use super::pipe::{Incoming, Outgoing, send};
use super::stats::Opened;
use crate::translate::told::Told;
use crate::translate::watch::{NO_WATCHER, event, fragments, is_empty_range, watcher};
use crate::translate::{DoorError, watch};
use crate::wire::etcdserverpb::watch_request::RequestUnion;
use crate::wire::etcdserverpb::{WatchCreateRequest, WatchRequest, WatchResponse};
use crate::wire::status::Status;

/// A message is cut between two revisions when it is larger than this: clients of some languages take no more than 4 MiB.
const MESSAGE_BYTES_SOFT_MAX: usize = 1 << 20;

/// What the client asked of a watcher beside its keys.
struct Wishes<'a> {
    fragment: bool,
    progress_notify: bool,
    /// Something was told since the last look: no need to say that nothing happened.
    told: bool,
    _open: Opened<'a>,
}

/// One client's watch call.
struct Session<'a, O> {
    door: &'a Inner,
    answers: &'a mut O,
    stream: WatchStream,
    watchers: BTreeMap<i64, Wishes<'a>>,
    /// The client wants to know how far everything was told.
    progress_wanted: bool,
}

/// What a watch call goes on with.
enum Turn {
    /// The client wants something, or will want nothing more.
    Asked(Option<Bytes>),
    Happened(WatchMessage),
    /// It is time to see who heard nothing for long.
    Look,
}

impl Inner {
    pub(super) async fn watch(
        &self,
        mut requests: impl Incoming,
        answers: &mut impl Outgoing,
    ) -> Result<(), Status> {
        let mut session = Session {
            door: self,
            stream: self.space.watch_stream(),
            answers,
            watchers: BTreeMap::new(),
            progress_wanted: false,
        };
        let mut looks = interval_at(Instant::now() + self.progress_pause(), self.progress_pause());
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Events come often; for the others it is looked only when they woke this.
        let (asking, looking) = (Gate::new(), Gate::new());
        // A client that has said everything may still listen.
        let mut asks = true;
        loop {
            let turn = poll_fn(|cx| {
                if asks {
                    let request = asking.poll(cx, |cx| pin!(requests.next()).poll(cx));
                    if let Poll::Ready(request) = request {
                        return Poll::Ready(request.map(Turn::Asked));
                    }
                } else if let Poll::Ready(status) = pin!(session.answers.closed()).poll(cx) {
                    return Poll::Ready(Err(status));
                }
                if let Poll::Ready(message) = session.stream.poll_next(cx) {
                    let message = message.map_err(|error| DoorError::from(error).into());
                    return Poll::Ready(message.map(Turn::Happened));
                }
                looking.poll(cx, |cx| looks.poll_tick(cx)).map(|_| Ok(Turn::Look))
            });
            match turn.await? {
                Turn::Asked(Some(message)) => session.asked(read(message)?).await?,
                Turn::Asked(None) => asks = false,
                Turn::Happened(message) => session.happened(message).await?,
                Turn::Look => session.look().await?,
            }
            session.tell_progress().await?;
        }
    }

    /// A tenth more by chance: clients that came together do not all have to be told together.
    fn progress_pause(&self) -> Duration {
        let pause = self.limits.progress_interval.max(Duration::from_millis(100));
        let tenth_ms = usize::try_from(pause.as_millis() / 10).unwrap_or(usize::MAX);
        pause + Duration::from_millis(Rng::from_entropy().below(tenth_ms) as u64)
    }
}

impl<O: Outgoing> Session<'_, O> {
    async fn asked(&mut self, request: WatchRequest) -> Result<(), Status> {
        match request.request_union {
            Some(RequestUnion::CreateRequest(request)) => self.create(request).await,
            Some(RequestUnion::CancelRequest(request)) => self.cancel(request.watch_id).await,
            Some(RequestUnion::ProgressRequest(_)) => {
                self.progress_wanted = true;
                Ok(())
            }
            // What it does not know, etcd passes over.
            None => Ok(()),
        }
    }

    async fn create(&mut self, request: WatchCreateRequest) -> Result<(), Status> {
        let (fragment, progress_notify) = (request.fragment, request.progress_notify);
        if request.start_revision < 0 {
            let reason = "etcdserver: mvcc: required revision has been compacted";
            return self.not_created(reason).await;
        }
        let wanted = watcher(request);
        if is_empty_range(&wanted.keys) {
            return self.not_created("mvcc: watcher range is empty").await;
        }
        let made = match self.stream.watch(&wanted) {
            Ok(made) => made,
            Err(WatchRefused::IdTaken(_)) => {
                return self
                    .not_created("mvcc: duplicate watch ID provided on the WatchStream")
                    .await;
            }
            Err(WatchRefused::TooMany(max)) => {
                return self
                    .not_created(&format!("koinon: a stream has at most {max} watchers"))
                    .await;
            }
        };
        let wishes = Wishes {
            fragment,
            progress_notify,
            told: true,
            _open: self.door.stats.open_watcher(),
        };
        self.watchers.insert(made.id, wishes);
        let created = WatchResponse {
            header: self.door.header(made.revision),
            watch_id: made.id,
            created: true,
            ..WatchResponse::default()
        };
        send(self.answers, &created).await
    }

    /// A watcher that could not be made ends as it begins.
    async fn not_created(&mut self, reason: &str) -> Result<(), Status> {
        let refusal = WatchResponse {
            header: self.door.header(self.stream.revision()),
            watch_id: NO_WATCHER,
            created: true,
            canceled: true,
            cancel_reason: reason.to_owned(),
            ..WatchResponse::default()
        };
        send(self.answers, &refusal).await
    }

    /// A watcher that there is not is no fault.
    async fn cancel(&mut self, id: i64) -> Result<(), Status> {
        if !self.stream.cancel(id) {
            return Ok(());
        }
        self.watchers.remove(&id);
        let canceled = WatchResponse {
            header: self.door.header(self.stream.revision()),
            watch_id: id,
            canceled: true,
            ..WatchResponse::default()
        };
        send(self.answers, &canceled).await
    }

    async fn happened(&mut self, message: WatchMessage) -> Result<(), Status> {
        match message {
            WatchMessage::Events {
                watch,
                revision,
                events,
            } => {
                self.door.stats.count_events(events.len());
                let fragment = self.watchers.get_mut(&watch).is_some_and(|wishes| {
                    wishes.told = true;
                    wishes.fragment
                });
                let header = self.door.header(revision);
                let told = Told::new(header, watch, &events);
                if events.len() == 1 || told.len() <= MESSAGE_BYTES_SOFT_MAX {
                    return self.answers.send(told.encode()).await;
                }
                let whole = WatchResponse {
                    header,
                    watch_id: watch,
                    events: events.iter().map(event).collect(),
                    ..WatchResponse::default()
                };
                self.tell_in_pieces(whole, fragment).await
            }
            WatchMessage::Compacted {
                watch,
                compact_revision,
                revision: _,
            } => {
                self.watchers.remove(&watch);
                let ended = WatchResponse {
                    // etcd leaves the revision out here, and so do we.
                    header: self.door.header(0),
                    watch_id: watch,
                    canceled: true,
                    compact_revision,
                    ..WatchResponse::default()
                };
                send(self.answers, &ended).await
            }
        }
    }

    async fn tell_in_pieces(&mut self, whole: WatchResponse, fragment: bool) -> Result<(), Status> {
        for message in watch::by_revision(whole, MESSAGE_BYTES_SOFT_MAX) {
            if fragment {
                for piece in fragments(message, self.door.limits.message_bytes_max()) {
                    send(self.answers, &piece).await?;
                }
            } else {
                send(self.answers, &message).await?;
            }
        }
        Ok(())
    }

    /// Answers the wish to know how far everything was told, once there is nothing more to tell first.
    async fn tell_progress(&mut self) -> Result<(), Status> {
        if !self.progress_wanted || self.watchers.is_empty() {
            return Ok(());
        }
        let Some(revision) = self.stream.progress() else {
            return Ok(());
        };
        self.progress_wanted = false;
        self.nothing_happened(NO_WATCHER, revision).await
    }

    /// Tells those who asked for it, and heard nothing for long, how far history was seen.
    async fn look(&mut self) -> Result<(), Status> {
        let progress = self.stream.progress();
        let mut silent = Vec::new();
        for (id, wishes) in &mut self.watchers {
            if wishes.progress_notify && !std::mem::take(&mut wishes.told) {
                silent.push(*id);
            }
        }
        for id in silent {
            if let Some(revision) = progress {
                self.nothing_happened(id, revision).await?;
            }
        }
        Ok(())
    }

    async fn nothing_happened(&mut self, watch_id: i64, revision: i64) -> Result<(), Status> {
        let message = WatchResponse {
            header: self.door.header(revision),
            watch_id,
            ..WatchResponse::default()
        };
        send(self.answers, &message).await
    }
}
