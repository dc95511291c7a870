//! What happened, written as a watch response without making the response first.
//!
//! A response that is put together holds its keys and values, and every watcher's task would count up and down the same
//! counters on other cores. Here the records are only looked at.
//!
//! Invariant: the bytes are those that the message in `watch` would be encoded to.

use bytes::{Bytes, BytesMut};
use koinon_core_kv::Record;
use koinon_store::Event;
use prost::Message;
use prost::encoding::{WireType, bytes as blob, encode_key, encode_varint, encoded_len_varint, int32, int64};

use crate::wire::etcdserverpb::ResponseHeader;
use crate::wire::frame;
use crate::wire::mvccpb::event::EventType;

// Numbers of fields.
const HEADER: u32 = 1;
const WATCH_ID: u32 = 2;
const EVENTS: u32 = 11;
const TYPE: u32 = 1;
const KV: u32 = 2;
const PREV_KV: u32 = 3;
const KEY: u32 = 1;
const VALUE: u32 = 5;

/// A watcher's events, ready to be written.
#[derive(Debug)]
pub struct Told<'a> {
    header: Option<ResponseHeader>,
    watch_id: i64,
    events: &'a [Event],
    len: usize,
}

impl<'a> Told<'a> {
    /// Looks how long the response is.
    #[must_use]
    pub fn new(header: Option<ResponseHeader>, watch_id: i64, events: &'a [Event]) -> Self {
        let header_len = header
            .as_ref()
            .map_or(0, |header| field_len(header.encoded_len()));
        let events_len: usize = events.iter().map(|event| field_len(event_len(event))).sum();
        let watch_len = if watch_id == 0 {
            0
        } else {
            int64::encoded_len(WATCH_ID, &watch_id)
        };
        Self {
            header,
            watch_id,
            events,
            len: header_len + watch_len + events_len,
        }
    }

    /// The length of the response.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it is of no length.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The framed response.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        frame::encode_with(self.len, |out| {
            if let Some(header) = &self.header {
                begin(HEADER, header.encoded_len(), out);
                header.encode_raw(out);
            }
            if self.watch_id != 0 {
                int64::encode(WATCH_ID, &self.watch_id, out);
            }
            for event in self.events {
                begin(EVENTS, event_len(event), out);
                put_event(event, out);
            }
        })
    }
}

/// The length of a message that is a field of a number below 16.
fn field_len(len: usize) -> usize {
    1 + encoded_len_varint(len as u64) + len
}

fn begin(field: u32, len: usize, out: &mut BytesMut) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(len as u64, out);
}

fn kind(event: &Event) -> i32 {
    match &*event.record {
        Record::Put(_) => EventType::Put.into(),
        Record::Tombstone { .. } => EventType::Delete.into(),
    }
}

fn event_len(event: &Event) -> usize {
    let kind = kind(event);
    let kind_len = if kind == 0 {
        0
    } else {
        int32::encoded_len(TYPE, &kind)
    };
    let prev_len = event
        .prev
        .as_deref()
        .map_or(0, |prev| field_len(record_len(prev)));
    kind_len + field_len(record_len(&event.record)) + prev_len
}

fn put_event(event: &Event, out: &mut BytesMut) {
    let kind = kind(event);
    if kind != 0 {
        int32::encode(TYPE, &kind, out);
    }
    begin(KV, record_len(&event.record), out);
    put_record(&event.record, out);
    if let Some(prev) = event.prev.as_deref() {
        begin(PREV_KV, record_len(prev), out);
        put_record(prev, out);
    }
}

/// The numbers of a record with those of their fields: create revision, mod revision and version, then the lease behind
/// the value.
fn numbers(record: &Record) -> ([(u32, i64); 3], (u32, i64)) {
    match record {
        Record::Put(kv) => (
            [(2, kv.create_revision), (3, kv.mod_revision), (4, kv.version)],
            (6, kv.lease.0),
        ),
        Record::Tombstone { mod_revision, .. } => ([(2, 0), (3, *mod_revision), (4, 0)], (6, 0)),
    }
}

fn value(record: &Record) -> Option<&Bytes> {
    match record {
        Record::Put(kv) => Some(&kv.value).filter(|value| !value.is_empty()),
        Record::Tombstone { .. } => None,
    }
}

fn record_len(record: &Record) -> usize {
    let (numbers, lease) = numbers(record);
    let number_len = |(field, number): (u32, i64)| {
        if number == 0 {
            0
        } else {
            int64::encoded_len(field, &number)
        }
    };
    let key_len = if record.key().is_empty() {
        0
    } else {
        field_len(record.key().len())
    };
    let value_len = value(record).map_or(0, |value| blob::encoded_len(VALUE, value));
    key_len + numbers.into_iter().map(number_len).sum::<usize>() + value_len + number_len(lease)
}

fn put_record(record: &Record, out: &mut BytesMut) {
    let (numbers, lease) = numbers(record);
    let number = |(field, number): (u32, i64), out: &mut BytesMut| {
        if number != 0 {
            int64::encode(field, &number, out);
        }
    };
    if !record.key().is_empty() {
        begin(KEY, record.key().len(), out);
        out.extend_from_slice(record.key());
    }
    for each in numbers {
        number(each, out);
    }
    if let Some(value) = value(record) {
        blob::encode(VALUE, value, out);
    }
    number(lease, out);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use koinon_core_kv::{KeyValue, LeaseId};
    use proptest::prelude::*;

    use super::*;
    use crate::translate::watch::event;
    use crate::wire::etcdserverpb::WatchResponse;

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![Just(0), 1..200i64, any::<i64>()]
    }

    fn text(max: usize) -> impl Strategy<Value = Bytes> {
        prop::collection::vec(any::<u8>(), 0..max).prop_map(Bytes::from)
    }

    fn record() -> impl Strategy<Value = Arc<Record>> {
        let put = (text(40), text(300), number(), number(), number(), number()).prop_map(
            |(key, value, create_revision, mod_revision, version, lease)| {
                Record::Put(KeyValue {
                    key,
                    value,
                    create_revision,
                    mod_revision,
                    version,
                    lease: LeaseId(lease),
                })
            },
        );
        let deleted =
            (text(40), number()).prop_map(|(key, mod_revision)| Record::Tombstone { key, mod_revision });
        prop_oneof![put, deleted].prop_map(Arc::new)
    }

    proptest! {
        /// Whatever happened, a client reads the same as from the message.
        #[test]
        fn the_bytes_are_the_messages(
            records in prop::collection::vec((record(), prop::option::of(record())), 0..4),
            watch_id in number(),
            revision in prop::option::of(number()),
        ) {
            let header = revision.map(|revision| ResponseHeader { revision, member_id: 7, ..ResponseHeader::default() });
            let events: Vec<_> = records.into_iter().map(|(record, prev)| Event { record, prev }).collect();
            let message = WatchResponse {
                header,
                watch_id,
                events: events.iter().map(event).collect(),
                ..WatchResponse::default()
            };
            let told = Told::new(header, watch_id, &events);
            prop_assert_eq!(told.len(), message.encoded_len());
            prop_assert_eq!(told.encode(), frame::encode(&message));
        }
    }
}
