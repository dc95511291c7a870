//! Answers kept per registry version: a full fetch costs handing out bytes, not writing them.
//!
//! An answer is put together from one piece per application. A piece carries a stamp that changes whenever the
//! application does, so after a change only that application is written (and compressed) again. There is one
//! table of pieces for each way an answer can be asked for, and a table that nobody has asked for is empty.
//!
//! Invariants:
//! - the hash code and the instances of an answer come from the same snapshot (else clients, which compare the
//!   two, would fetch everything for ever);
//! - of the callers that miss the same table at once, one builds and the others wait for it, and a build whose
//!   caller has gone still counts (else asking and hanging up would start any number of them);
//! - a caller never gets an answer older than the registry was when it asked.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use koinon_base::{Namespace, ServiceName};
use koinon_core_registry::{Instance, ServiceView, StatusCounts};
use koinon_io_net::Payload;
use koinon_service_registry::RegistryHandle;

use super::gzip::{self, Deflated};
use crate::translate::{app_name, to_wire, wire_status};
use crate::wire::{Encoder, Frame};

/// Payload that nobody asked for this long are dropped: three intervals of Eureka's clients and some.
const IDLE: Duration = Duration::from_secs(100);

/// A gzip list of at most so many instances is compressed as a whole: a millisecond's work, and several times smaller
/// than pieces that each begin without a history. Deltas are such lists.
const WHOLE_MAX: usize = 100;

/// An answer of at most so many bytes is kept in one piece besides: sending one is cheaper than sending many.
const JOINED_LEN_MAX: u64 = 256 * 1024;

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum List {
    /// All applications.
    Full,
    /// What changed lately.
    Delta,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Variant {
    pub(super) encoder: Encoder,
    pub(super) gzip: bool,
}

/// What identifies the contents of an answer. Both parts only grow.
type Version = (u64, u64);

/// What identifies the contents of a piece: the newest and the oldest revision in it, and how many there are.
type Stamp = (u64, u64, usize);

/// One application's part of an answer that is to be built.
struct Group {
    name: ServiceName,
    stamp: Stamp,
    members: Members,
}

enum Members {
    All(Arc<ServiceView>),
    Some(Vec<Arc<Instance>>),
}

impl Members {
    fn len(&self) -> usize {
        match self {
            Self::All(view) => view.instances.len(),
            Self::Some(some) => some.len(),
        }
    }

    fn for_each_in<T>(&self, then: impl FnOnce(&mut dyn Iterator<Item = &Instance>) -> T) -> T {
        match self {
            Self::All(view) => then(&mut view.instances.values().map(Arc::as_ref)),
            Self::Some(some) => then(&mut some.iter().map(Arc::as_ref)),
        }
    }
}

/// Everything that an answer is built from, of one moment.
struct Source {
    version: Version,
    counts: StatusCounts,
    groups: Vec<Group>,
}

#[derive(Clone)]
enum Piece {
    Plain(Bytes),
    Gzip(Deflated),
}

impl Piece {
    fn is_gzip(&self) -> bool {
        matches!(self, Self::Gzip(_))
    }
}

#[derive(Default)]
struct Table {
    pieces: HashMap<ServiceName, (Stamp, Piece)>,
    answer: Option<(Version, Payload)>,
    used: Option<Instant>,
}

#[derive(Default)]
struct Slot {
    table: Mutex<Table>,
    building: Arc<tokio::sync::Mutex<()>>,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, at_least: Version) -> Option<Payload> {
        let mut table = self.lock();
        table.used = Some(Instant::now());
        let (version, answer) = table.answer.as_ref()?;
        (version.0 >= at_least.0 && version.1 >= at_least.1).then(|| answer.clone())
    }
}

/// The kept answers of one namespace.
pub(super) struct Cache {
    registry: RegistryHandle,
    namespace: Namespace,
    slots: HashMap<(List, Variant), Arc<Slot>>,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl Cache {
    pub(super) fn new(registry: RegistryHandle, namespace: Namespace) -> Self {
        let variants = Encoder::ALL
            .into_iter()
            .flat_map(|encoder| [false, true].map(|gzip| Variant { encoder, gzip }));
        let slots = variants
            .flat_map(|variant| [(List::Full, variant), (List::Delta, variant)])
            .map(|key| (key, Arc::default()))
            .collect();
        Self {
            registry,
            namespace,
            slots,
        }
    }

    /// The present answer.
    pub(super) async fn list(&self, list: List, variant: Variant) -> Payload {
        let Some(slot) = self.slots.get(&(list, variant)).map(Arc::clone) else {
            let source = Source::of(&self.registry, &self.namespace, list);
            return write(&Slot::default(), list, source, variant);
        };
        let asked = self.version(list);
        if let Some(answer) = slot.answer(asked) {
            return answer;
        }
        let building = Arc::clone(&slot.building).lock_owned().await;
        if let Some(answer) = slot.answer(asked) {
            return answer;
        }
        let build = {
            let (registry, namespace) = (self.registry.clone(), self.namespace.clone());
            move || {
                // Held by the work, not by the caller, who may hang up before it is done.
                let _building = building;
                write(&slot, list, Source::of(&registry, &namespace, list), variant)
            }
        };
        // Much work must not keep a thread of the runtime from everybody else's heartbeats. A panic in it is ours.
        match tokio::task::spawn_blocking(build).await {
            Ok(answer) => answer,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    /// Drops what nobody has asked for lately.
    pub(super) fn drop_idle(&self) {
        for slot in self.slots.values() {
            let mut table = slot.lock();
            if table.used.is_some_and(|used| used.elapsed() > IDLE) {
                *table = Table::default();
            }
        }
    }

    fn version(&self, list: List) -> Version {
        match list {
            List::Full => (self.registry.revision(&self.namespace), 0),
            List::Delta => self.registry.delta_version(&self.namespace).unwrap_or((0, 0)),
        }
    }
}

impl Source {
    fn of(registry: &RegistryHandle, namespace: &Namespace, list: List) -> Self {
        match list {
            List::Full => Self::full(registry, namespace),
            List::Delta => Self::delta(registry, namespace),
        }
    }

    fn full(registry: &RegistryHandle, namespace: &Namespace) -> Self {
        let Some(snapshot) = registry.snapshot(namespace) else {
            return Self::empty();
        };
        let group = |view: &Arc<ServiceView>| Group {
            name: view.name.clone(),
            stamp: (view.revision, 0, view.instances.len()),
            members: Members::All(Arc::clone(view)),
        };
        Self {
            version: (snapshot.revision, 0),
            counts: snapshot.counts,
            groups: snapshot.services().map(group).collect(),
        }
    }

    fn delta(registry: &RegistryHandle, namespace: &Namespace) -> Self {
        let Some(delta) = registry.delta(namespace) else {
            return Self::empty();
        };
        let mut groups: Vec<Group> = Vec::new();
        let mut place: HashMap<ServiceName, usize> = HashMap::new();
        for change in delta.changes {
            let name = change.instance.service().clone();
            let at = *place.entry(name.clone()).or_insert_with(|| {
                let stamp = (0, change.revision, 0);
                groups.push(Group {
                    name,
                    stamp,
                    members: Members::Some(Vec::new()),
                });
                groups.len() - 1
            });
            let Some(group) = groups.get_mut(at) else { continue };
            group.stamp = (change.revision, group.stamp.1, group.stamp.2 + 1);
            if let Members::Some(some) = &mut group.members {
                some.push(change.instance);
            }
        }
        Self {
            version: (delta.revision, delta.floor),
            counts: delta.counts,
            groups,
        }
    }

    fn empty() -> Self {
        Self {
            version: (0, 0),
            counts: StatusCounts::default(),
            groups: Vec::new(),
        }
    }
}

/// Puts the answer together from kept pieces and new ones, and keeps it.
fn write(slot: &Slot, list: List, source: Source, variant: Variant) -> Payload {
    let count: usize = source.groups.iter().map(|group| group.members.len()).sum();
    let whole = variant.gzip && count <= WHOLE_MAX;
    let written = Variant {
        gzip: variant.gzip && !whole,
        ..variant
    };
    let mut kept = std::mem::take(&mut slot.lock().pieces);
    let mut pieces = Vec::with_capacity(source.groups.len());
    // One buffer for all pieces: a piece that is kept has then exactly the memory it needs.
    let mut draft = Vec::new();
    for group in source.groups {
        let piece = match kept.remove(&group.name) {
            Some((stamp, piece)) if stamp == group.stamp && piece.is_gzip() == written.gzip => piece,
            _ => write_piece(&group, written, &mut draft),
        };
        pieces.push((group.name, group.stamp, piece));
    }
    let answer = put_together(&pieces, source.counts, list, source.version, written);
    let answer = joined(match whole {
        true => gzip::member([gzip::deflate(&answer.to_vec())].iter()).into(),
        false => answer,
    });
    let mut table = slot.lock();
    table.pieces = pieces
        .into_iter()
        .map(|(name, stamp, piece)| (name, (stamp, piece)))
        .collect();
    table.answer = Some((source.version, answer.clone()));
    answer
}

/// In one piece, if it is short.
fn joined(answer: Payload) -> Payload {
    match answer.len() {
        ..=JOINED_LEN_MAX => answer.to_vec().into(),
        _ => answer,
    }
}

fn write_piece(group: &Group, variant: Variant, draft: &mut Vec<u8>) -> Piece {
    let app = app_name(&group.name);
    draft.clear();
    group.members.for_each_in(|instances| {
        variant
            .encoder
            .write_application(draft, &app, instances.map(|instance| to_wire(&app, instance)));
    });
    if variant.gzip {
        Piece::Gzip(gzip::deflate(draft))
    } else {
        Piece::Plain(Bytes::copy_from_slice(draft))
    }
}

fn put_together(
    pieces: &[(ServiceName, Stamp, Piece)],
    counts: StatusCounts,
    list: List,
    version: Version,
    variant: Variant,
) -> Payload {
    let hash = hash_code(counts);
    let versions_delta = match list {
        // Eureka numbers its deltas; its full lists are all the first.
        List::Full => 1,
        List::Delta => i64::try_from(version.0).unwrap_or(i64::MAX),
    };
    let frame = Frame {
        versions_delta,
        apps_hashcode: &hash,
        empty: pieces.is_empty(),
    };
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    variant.encoder.write_applications_head(&mut head, frame);
    variant.encoder.write_applications_tail(&mut tail, frame);
    let separator = variant.encoder.application_separator();
    let piece = |bytes: &[u8]| match variant.gzip {
        true => Piece::Gzip(gzip::store(bytes)),
        false => Piece::Plain(Bytes::copy_from_slice(bytes)),
    };
    let mut all = vec![piece(&head)];
    for (n, (_, _, application)) in pieces.iter().enumerate() {
        if n > 0 && !separator.is_empty() {
            all.push(piece(separator));
        }
        all.push(application.clone());
    }
    all.push(piece(&tail));
    join(&all)
}

fn join(pieces: &[Piece]) -> Payload {
    let compressed = pieces.iter().filter_map(|piece| match piece {
        Piece::Gzip(piece) => Some(piece),
        Piece::Plain(_) => None,
    });
    let plain = pieces.iter().filter_map(|piece| match piece {
        Piece::Plain(piece) => Some(piece.clone()),
        Piece::Gzip(_) => None,
    });
    if matches!(pieces.first(), Some(Piece::Gzip(_))) {
        gzip::member(compressed).into()
    } else {
        plain.collect::<Vec<_>>().into()
    }
}

/// `DOWN_1_UP_12_`: the statuses that occur, by name, each with its count. (Source: Netflix/eureka,
/// `Applications.getReconcileHashCode`.)
pub(super) fn hash_code(counts: StatusCounts) -> String {
    let mut parts: Vec<(&str, usize)> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| (wire_status(status).as_str(), count))
        .collect();
    parts.sort_unstable();
    parts
        .iter()
        .map(|(status, count)| format!("{status}_{count}_"))
        .collect()
}
