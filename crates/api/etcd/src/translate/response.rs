//! Answers: what the store said → what etcd's clients read.

use koinon_core_kv::{Deleted, KeyValue, OpResponse, PutDone, Ranged, Record, TxnDone};

use super::header::inner;
use crate::wire::etcdserverpb::response_op::Response;
use crate::wire::etcdserverpb::{
    DeleteRangeResponse, PutResponse, RangeResponse, ResponseHeader, ResponseOp, TxnResponse,
};
use crate::wire::mvccpb;

/// The keys that a range found.
#[must_use]
pub fn range(ranged: &Ranged, header: Option<ResponseHeader>) -> RangeResponse {
    RangeResponse {
        header,
        kvs: ranged.records.iter().map(|record| key_value(record)).collect(),
        more: ranged.more,
        count: ranged.count,
    }
}

/// A write that was done.
#[must_use]
pub fn put(done: PutDone, header: Option<ResponseHeader>) -> PutResponse {
    PutResponse {
        header,
        prev_kv: done.prev.map(owned),
    }
}

/// A deletion that was done.
#[must_use]
pub fn delete(done: Deleted, header: Option<ResponseHeader>) -> DeleteRangeResponse {
    DeleteRangeResponse {
        header,
        deleted: done.count,
        prev_kvs: done.prev.into_iter().map(owned).collect(),
    }
}

/// A transaction that was done at `revision`.
///
/// Within it, every answer says the revision that its step saw: the one before until something changed, then its own.
/// Transactions within have an empty header, as etcd's.
#[must_use]
pub fn txn(done: TxnDone, revision: i64, header: Option<ResponseHeader>) -> TxnResponse {
    let mut seen = if changed(&done) { revision - 1 } else { revision };
    branch(done, &mut seen, revision, header)
}

fn branch(done: TxnDone, seen: &mut i64, revision: i64, header: Option<ResponseHeader>) -> TxnResponse {
    let mut answer = |response: OpResponse| {
        let response = match response {
            OpResponse::Range(ranged) => Response::ResponseRange(range(&ranged, inner(*seen))),
            OpResponse::Put(done) => {
                *seen = revision;
                Response::ResponsePut(put(done, inner(*seen)))
            }
            OpResponse::Delete(done) => {
                if done.count > 0 {
                    *seen = revision;
                }
                Response::ResponseDeleteRange(delete(done, inner(*seen)))
            }
            OpResponse::Txn(done) => {
                Response::ResponseTxn(branch(done, seen, revision, Some(ResponseHeader::default())))
            }
        };
        ResponseOp {
            response: Some(response),
        }
    };
    TxnResponse {
        header,
        succeeded: done.succeeded,
        responses: done.responses.into_iter().map(&mut answer).collect(),
    }
}

fn changed(done: &TxnDone) -> bool {
    done.responses.iter().any(|response| match response {
        OpResponse::Range(_) => false,
        OpResponse::Put(_) => true,
        OpResponse::Delete(done) => done.count > 0,
        OpResponse::Txn(done) => changed(done),
    })
}

/// What a record says of its key; of a deletion, only the key and when.
#[must_use]
pub fn key_value(record: &Record) -> mvccpb::KeyValue {
    match record {
        Record::Put(kv) => mvccpb::KeyValue {
            key: kv.key.clone(),
            create_revision: kv.create_revision,
            mod_revision: kv.mod_revision,
            version: kv.version,
            value: kv.value.clone(),
            lease: kv.lease.0,
        },
        Record::Tombstone { key, mod_revision } => mvccpb::KeyValue {
            key: key.clone(),
            mod_revision: *mod_revision,
            ..mvccpb::KeyValue::default()
        },
    }
}

fn owned(kv: KeyValue) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: kv.key,
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        value: kv.value,
        lease: kv.lease.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revisions(response: &TxnResponse) -> Vec<i64> {
        let mut found = Vec::new();
        for op in &response.responses {
            match op.response.as_ref().expect("every answer is of some kind") {
                Response::ResponseRange(range) => {
                    found.push(range.header.as_ref().map_or(-1, |h| h.revision))
                }
                Response::ResponsePut(put) => found.push(put.header.as_ref().map_or(-1, |h| h.revision)),
                Response::ResponseDeleteRange(delete) => {
                    found.push(delete.header.as_ref().map_or(-1, |h| h.revision));
                }
                Response::ResponseTxn(txn) => found.extend(revisions(txn)),
            }
        }
        found
    }

    /// A step before the first change saw the revision before; a transaction that changed nothing made no revision.
    #[test]
    fn steps_say_the_revision_that_they_saw() {
        let range = || OpResponse::Range(Ranged::default());
        let none = || OpResponse::Delete(Deleted::default());
        let done = |responses| TxnDone {
            succeeded: true,
            responses,
        };
        let changing = done(vec![
            range(),
            none(),
            OpResponse::Txn(done(vec![range(), OpResponse::Put(PutDone::default())])),
            range(),
            none(),
        ]);
        assert_eq!(revisions(&txn(changing, 9, None)), [8, 8, 8, 9, 9, 9]);
        assert_eq!(revisions(&txn(done(vec![range(), none()]), 9, None)), [9, 9]);
    }
}
