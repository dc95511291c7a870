//! Transactions: conditions and steps, nested, checked on the way down as etcd does.

use koinon_core_kv::{Compare, CompareTarget, Op, Ordering, Txn};
use koinon_store::Consistency;

use super::error::{DoorError, Refused};
use super::request;
use crate::wire::etcdserverpb::compare::{CompareResult, CompareTarget as Target, TargetUnion};
use crate::wire::etcdserverpb::request_op::Request;
use crate::wire::etcdserverpb::{self as pb, RequestOp, TxnRequest};

/// A transaction of at most `ops_max` operations in each list, those of the transactions around it counted in, and how
/// fresh it must be if it only reads.
///
/// # Errors
/// The first fault that etcd would find.
pub fn txn(request: TxnRequest, ops_max: usize) -> Result<(Txn, Consistency), DoorError> {
    // A read without any step is, in etcd, serializable.
    let serializable = request
        .success
        .iter()
        .chain(&request.failure)
        .all(reads_serializably);
    let txn = level(request, ops_max)?;
    txn.check_duplicates()?;
    Ok((txn, request::consistency(serializable)))
}

fn reads_serializably(op: &RequestOp) -> bool {
    matches!(&op.request, Some(Request::RequestRange(range)) if range.serializable)
}

fn level(request: TxnRequest, ops_max: usize) -> Result<Txn, Refused> {
    let ops = request
        .compare
        .len()
        .max(request.success.len())
        .max(request.failure.len());
    let Some(ops_left) = ops_max.checked_sub(ops) else {
        return Err(Refused::TooManyOps);
    };
    if request.compare.iter().any(|compare| compare.key.is_empty()) {
        return Err(Refused::EmptyKey);
    }
    let steps = |ops: Vec<RequestOp>| {
        ops.into_iter()
            .map(|op| step(op, ops_left))
            .collect::<Result<_, _>>()
    };
    let (then, or_else) = (steps(request.success)?, steps(request.failure)?);
    let compare = request.compare.into_iter().filter_map(compare).collect();
    Ok(Txn {
        compare,
        then,
        or_else,
    })
}

fn step(op: RequestOp, ops_left: usize) -> Result<Op, Refused> {
    Ok(match op.request.ok_or(Refused::EmptyOp)? {
        Request::RequestRange(range) => Op::Range(request::range(range)?),
        Request::RequestPut(put) => Op::Put(request::put(put)?),
        Request::RequestDeleteRange(delete) => Op::Delete(request::delete(delete)?),
        Request::RequestTxn(txn) => Op::Txn(level(txn, ops_left)?),
    })
}

/// A condition; `None` for one that always holds.
fn compare(compare: pb::Compare) -> Option<Compare> {
    // etcd takes a comparison that it does not know for one that holds.
    let ordering = match CompareResult::try_from(compare.result).ok()? {
        CompareResult::Equal => Ordering::Equal,
        CompareResult::Greater => Ordering::Greater,
        CompareResult::Less => Ordering::Less,
        CompareResult::NotEqual => Ordering::NotEqual,
    };
    let Ok(target) = Target::try_from(compare.target) else {
        return unknown_target(compare, ordering);
    };
    Some(Compare {
        keys: request::keys(compare.key, compare.range_end),
        ordering,
        target: compared(target, compare.target_union),
    })
}

/// What a key has of `target` is compared with the value of that name; any other value counts as none.
fn compared(target: Target, value: Option<TargetUnion>) -> CompareTarget {
    match (target, value) {
        (Target::Version, Some(TargetUnion::Version(version))) => CompareTarget::Version(version),
        (Target::Version, _) => CompareTarget::Version(0),
        (Target::Create, Some(TargetUnion::CreateRevision(revision))) => CompareTarget::Create(revision),
        (Target::Create, _) => CompareTarget::Create(0),
        (Target::Mod, Some(TargetUnion::ModRevision(revision))) => CompareTarget::Mod(revision),
        (Target::Mod, _) => CompareTarget::Mod(0),
        (Target::Value, Some(TargetUnion::Value(value))) => CompareTarget::Value(value),
        (Target::Value, _) => CompareTarget::Value(bytes::Bytes::new()),
        (Target::Lease, Some(TargetUnion::Lease(lease))) => CompareTarget::Lease(lease),
        (Target::Lease, _) => CompareTarget::Lease(0),
    }
}

/// etcd takes both sides of a target that it does not know for equal.
fn unknown_target(compare: pb::Compare, ordering: Ordering) -> Option<Compare> {
    if ordering == Ordering::Equal {
        return None;
    }
    Some(Compare {
        keys: request::keys(compare.key, compare.range_end),
        ordering: Ordering::Less,
        target: CompareTarget::Version(i64::MIN),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use koinon_core_kv::Keys;

    use super::*;
    use crate::wire::etcdserverpb::{DeleteRangeRequest, PutRequest, RangeRequest};

    fn put(key: &'static str) -> RequestOp {
        let key = Bytes::from_static(key.as_bytes());
        op(Request::RequestPut(PutRequest {
            key,
            ..PutRequest::default()
        }))
    }

    fn range(key: &'static str, serializable: bool) -> RequestOp {
        let key = Bytes::from_static(key.as_bytes());
        op(Request::RequestRange(RangeRequest {
            key,
            serializable,
            ..RangeRequest::default()
        }))
    }

    fn nested(txn: TxnRequest) -> RequestOp {
        op(Request::RequestTxn(txn))
    }

    fn op(request: Request) -> RequestOp {
        RequestOp {
            request: Some(request),
        }
    }

    fn then(success: Vec<RequestOp>) -> TxnRequest {
        TxnRequest {
            success,
            ..TxnRequest::default()
        }
    }

    fn refused(request: TxnRequest, ops_max: usize) -> String {
        txn(request, ops_max).expect_err("a fault").parts().1.into_owned()
    }

    /// The number of operations is counted along a path, and looked at before anything else.
    #[test]
    fn too_many_operations_are_found_first() {
        let text = "etcdserver: too many operations in txn request";
        assert_eq!(refused(then(vec![put(""), put("")]), 1), text);
        assert_eq!(
            refused(then(vec![put("a"), nested(then(vec![put("b"), put("c")]))]), 3),
            text
        );
        assert!(txn(then(vec![put("a"), nested(then(vec![put("b"), put("c")]))]), 4).is_ok());
    }

    /// Keys are looked at in the order of conditions, then steps; a step that asks for nothing has etcd's odd answer.
    #[test]
    fn steps_are_checked_one_by_one() {
        assert_eq!(refused(then(vec![put("")]), 8), "etcdserver: key is not provided");
        assert_eq!(
            refused(then(vec![RequestOp::default(), put("")]), 8),
            "etcdserver: key not found"
        );
        let odd = TxnRequest {
            compare: vec![pb::Compare::default()],
            ..then(vec![RequestOp::default()])
        };
        assert_eq!(refused(odd, 8), "etcdserver: key is not provided");
        assert_eq!(
            refused(then(vec![put("a"), put("a")]), 8),
            "etcdserver: duplicate key given in txn request"
        );
        let delete = Request::RequestDeleteRange(DeleteRangeRequest {
            key: Bytes::from_static(b"a"),
            range_end: Bytes::from_static(b"c"),
            prev_kv: false,
        });
        assert_eq!(
            refused(then(vec![put("b"), op(delete)]), 8),
            "etcdserver: duplicate key given in txn request"
        );
    }

    /// Only a transaction whose every step is a serializable read may be answered from what is here.
    #[test]
    fn a_transaction_is_as_fresh_as_its_freshest_read() {
        let of = |ops| txn(then(ops), 8).expect("a transaction").1;
        assert_eq!(
            of(vec![range("a", true), range("b", true)]),
            Consistency::Serializable
        );
        assert_eq!(
            of(vec![range("a", true), range("b", false)]),
            Consistency::Linearizable
        );
        assert_eq!(of(vec![]), Consistency::Serializable);
    }

    /// Each target is compared with the value of its own name; a value under another name counts as none.
    #[test]
    fn conditions_keep_their_meaning() {
        let with = |result, target, target_union| pb::Compare {
            result,
            target,
            key: Bytes::from_static(b"k"),
            target_union,
            range_end: Bytes::new(),
        };
        let one = compare(with(1, 2, Some(TargetUnion::ModRevision(5)))).expect("a condition");
        assert_eq!(one.keys, Keys::One(Bytes::from_static(b"k")));
        assert_eq!(
            (one.ordering, one.target),
            (Ordering::Greater, CompareTarget::Mod(5))
        );
        let other = compare(with(0, 0, Some(TargetUnion::ModRevision(5)))).expect("a condition");
        assert_eq!(other.target, CompareTarget::Version(0));
        assert_eq!(compare(with(9, 0, None)), None, "an unknown comparison holds");
        assert_eq!(compare(with(0, 9, None)), None, "unknown targets are equal");
        let never = compare(with(3, 9, None)).expect("a condition");
        assert_eq!(
            (never.ordering, never.target),
            (Ordering::Less, CompareTarget::Version(i64::MIN))
        );
    }
}
