//! Watchers: what a client wants to follow, and what happened → messages.

use bytes::Bytes;
use koinon_core_kv::{Keys, Record};
use koinon_store::{Event, WatchRequest};
use prost::Message;

use super::request::keys;
use super::response::key_value;
use crate::wire::etcdserverpb::watch_create_request::FilterType;
use crate::wire::etcdserverpb::{WatchCreateRequest, WatchResponse};
use crate::wire::mvccpb;
use crate::wire::mvccpb::event::EventType;

/// The number of no watcher: what concerns all of them, or one that was not made.
pub const NO_WATCHER: i64 = -1;

/// A watcher to make. An empty key is the smallest one, a zero byte.
#[must_use]
pub fn watcher(request: WatchCreateRequest) -> WatchRequest {
    let filtered = |filter: FilterType| request.filters.contains(&filter.into());
    let (no_put, no_delete) = (filtered(FilterType::Noput), filtered(FilterType::Nodelete));
    let key = if request.key.is_empty() {
        Bytes::from_static(b"\0")
    } else {
        request.key
    };
    WatchRequest {
        id: request.watch_id,
        keys: keys(key, request.range_end),
        start_revision: request.start_revision,
        no_put,
        no_delete,
        prev_kv: request.prev_kv,
    }
}

/// Whether a range holds no key at all: etcd refuses to watch those.
#[must_use]
pub fn is_empty_range(keys: &Keys) -> bool {
    matches!(keys, Keys::Between(first, end) if first >= end)
}

/// What happened to a key.
#[must_use]
pub fn event(event: &Event) -> mvccpb::Event {
    let r#type = match &*event.record {
        Record::Put(_) => EventType::Put,
        Record::Tombstone { .. } => EventType::Delete,
    };
    mvccpb::Event {
        r#type: r#type.into(),
        kv: Some(key_value(&event.record)),
        prev_kv: event.prev.as_deref().map(key_value),
    }
}

/// Cuts a response between revisions, so that its pieces are about `size_max` bytes: what one revision changed stays
/// together, and each piece is a whole response.
pub fn by_revision(response: WatchResponse, size_max: usize) -> impl Iterator<Item = WatchResponse> {
    let frame = WatchResponse {
        events: Vec::new(),
        ..response.clone()
    };
    let mut events = response.events.into_iter().peekable();
    std::iter::from_fn(move || {
        let mut piece = WatchResponse {
            events: vec![events.next()?],
            ..frame.clone()
        };
        let mut size = piece.encoded_len();
        let mut last = revision_of(piece.events.first()?);
        while let Some(event) = events.peek() {
            size += event.encoded_len() + 4;
            if size > size_max && revision_of(event) != last {
                break;
            }
            last = revision_of(event);
            piece.events.extend(events.next());
        }
        Some(piece)
    })
}

fn revision_of(event: &mvccpb::Event) -> i64 {
    event.kv.as_ref().map_or(0, |kv| kv.mod_revision)
}

/// Cuts a response into pieces below `size_max` bytes, if its events allow it: a single event is never cut.
pub fn fragments(response: WatchResponse, size_max: usize) -> impl Iterator<Item = WatchResponse> {
    let whole = response.events.len() < 2 || response.encoded_len() < size_max;
    let frame = WatchResponse {
        events: Vec::new(),
        ..response.clone()
    };
    let mut events = response.events.into_iter().peekable();
    let mut first = true;
    std::iter::from_fn(move || {
        if !std::mem::take(&mut first) && events.peek().is_none() {
            return None;
        }
        let mut piece = frame.clone();
        // The flag itself takes two bytes.
        let mut size = frame.encoded_len() + 2;
        while let Some(event) = events.peek() {
            let len = event.encoded_len();
            size += 1 + prost::length_delimiter_len(len) + len;
            if !whole && !piece.events.is_empty() && size >= size_max {
                break;
            }
            piece.events.extend(events.next());
        }
        piece.fragment = events.peek().is_some();
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(values: &[usize]) -> WatchResponse {
        let event = |len: &usize| mvccpb::Event {
            kv: Some(mvccpb::KeyValue {
                value: vec![7; *len].into(),
                ..mvccpb::KeyValue::default()
            }),
            ..mvccpb::Event::default()
        };
        WatchResponse {
            watch_id: 3,
            events: values.iter().map(event).collect(),
            ..WatchResponse::default()
        }
    }

    /// Every event is in exactly one piece, in order; all pieces but the last are marked, and none is too large unless a
    /// single event is.
    #[test]
    fn pieces_put_together_are_the_whole() {
        for values in [
            &[][..],
            &[10],
            &[500],
            &[40, 40, 40, 40],
            &[10, 500, 10],
            &[90, 90, 1, 1, 1, 300],
        ] {
            let whole = response(values);
            let pieces: Vec<_> = fragments(whole.clone(), 128).collect();
            let together: Vec<_> = pieces.iter().flat_map(|piece| piece.events.clone()).collect();
            assert_eq!(together, whole.events, "{values:?}");
            for (at, piece) in pieces.iter().enumerate() {
                assert_eq!(piece.fragment, at + 1 < pieces.len(), "{values:?}");
                assert!(piece.encoded_len() < 128 || piece.events.len() == 1, "{values:?}");
                assert_eq!(piece.watch_id, 3);
            }
        }
        assert_eq!(fragments(response(&[10, 10]), 1 << 20).count(), 1);
    }

    /// A cut never goes through a revision, and loses nothing.
    #[test]
    fn revisions_stay_together() {
        let mut whole = response(&[40, 40, 200, 40, 40, 40]);
        for (event, revision) in whole.events.iter_mut().zip([2, 2, 3, 3, 4, 5]) {
            event.kv.as_mut().expect("an event has a key").mod_revision = revision;
        }
        let pieces: Vec<_> = by_revision(whole.clone(), 128).collect();
        let revisions = |piece: &WatchResponse| piece.events.iter().map(revision_of).collect::<Vec<_>>();
        assert_eq!(
            pieces.iter().map(revisions).collect::<Vec<_>>(),
            [vec![2, 2], vec![3, 3], vec![4, 5]]
        );
        assert_eq!(
            pieces
                .into_iter()
                .flat_map(|piece| piece.events)
                .collect::<Vec<_>>(),
            whole.events
        );
    }

    /// An empty key with the end of all keys watches everything; filters are taken whatever their number.
    #[test]
    fn watchers_are_read_as_etcd_reads_them() {
        let all = watcher(WatchCreateRequest {
            range_end: Bytes::from_static(b"\0"),
            filters: vec![1, 1],
            ..WatchCreateRequest::default()
        });
        assert_eq!(all.keys, Keys::From(Bytes::from_static(b"\0")));
        assert_eq!((all.no_put, all.no_delete), (false, true));
        assert!(is_empty_range(&keys(
            Bytes::from_static(b"b"),
            Bytes::from_static(b"a")
        )));
        assert!(!is_empty_range(&all.keys));
    }
}
