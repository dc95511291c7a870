//! Requests: what a client asks → what the store is asked, with etcd's checks.

use bytes::{Bytes, BytesMut};
use koinon_core_kv::{Delete, Keys, LeaseId, Put, Range, Sort, SortBy};
use koinon_store::Consistency;

use super::error::Refused;
use crate::wire::etcdserverpb::range_request::{SortOrder, SortTarget};
use crate::wire::etcdserverpb::{DeleteRangeRequest, LeaseGrantRequest, PutRequest, RangeRequest};

/// The longest that a lease may live, in seconds: etcd's bound, some 285 years.
const LEASE_TTL_MAX_S: i64 = 9_000_000_000;

/// Which keys a pair of `key` and `range_end` means.
#[must_use]
pub fn keys(key: Bytes, range_end: Bytes) -> Keys {
    match &range_end[..] {
        [] => Keys::One(key),
        [0] => Keys::From(key),
        _ => Keys::Between(key, range_end),
    }
}

/// Whether a range may be answered from what this member has.
#[must_use]
pub fn consistency(serializable: bool) -> Consistency {
    if serializable {
        Consistency::Serializable
    } else {
        Consistency::Linearizable
    }
}

/// A read.
///
/// # Errors
/// When the key is empty, or the order is none.
pub fn range(request: RangeRequest) -> Result<Range, Refused> {
    if request.key.is_empty() {
        return Err(Refused::EmptyKey);
    }
    let sort = sort(request.sort_order, request.sort_target)?;
    Ok(Range {
        keys: keys(request.key, request.range_end),
        revision: request.revision,
        limit: request.limit,
        sort,
        keys_only: request.keys_only,
        count_only: request.count_only,
        mod_revision: (request.min_mod_revision, request.max_mod_revision),
        create_revision: (request.min_create_revision, request.max_create_revision),
    })
}

/// A read whose answer comes in pieces.
///
/// # Errors
/// As [`range`]; and when pieces could not be made without having the whole.
pub fn range_stream(request: RangeRequest) -> Result<Range, Refused> {
    let range = range(request)?;
    if range.sort.is_some() {
        return Err(Refused::StreamSort);
    }
    if range.mod_revision != (0, 0) || range.create_revision != (0, 0) {
        return Err(Refused::StreamFilter);
    }
    Ok(range)
}

/// An order without a target goes by key, a target without an order ascends (but what the limit leaves only), and keys
/// ascend anyway.
fn sort(order: i32, target: i32) -> Result<Option<Sort>, Refused> {
    let order = SortOrder::try_from(order).map_err(|_| Refused::InvalidSort)?;
    let target = SortTarget::try_from(target).map_err(|_| Refused::InvalidSort)?;
    let by = match target {
        SortTarget::Key if order != SortOrder::Descend => return Ok(None),
        SortTarget::Key => SortBy::Key,
        SortTarget::Version => SortBy::Version,
        SortTarget::Create => SortBy::Create,
        SortTarget::Mod => SortBy::Mod,
        SortTarget::Value => SortBy::Value,
    };
    Ok(Some(Sort {
        by,
        descending: order == SortOrder::Descend,
        after_limit: order == SortOrder::None,
    }))
}

/// A write.
///
/// # Errors
/// When the key is empty, or something is given that is to be kept.
pub fn put(request: PutRequest) -> Result<Put, Refused> {
    if request.key.is_empty() {
        return Err(Refused::EmptyKey);
    }
    if request.ignore_value && !request.value.is_empty() {
        return Err(Refused::ValueProvided);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(Refused::LeaseProvided);
    }
    let (key, value) = own(&request.key, &request.value);
    Ok(Put {
        key,
        value: (!request.ignore_value).then_some(value),
        lease: (!request.ignore_lease).then_some(LeaseId(request.lease)),
        prev_kv: request.prev_kv,
    })
}

/// What is kept gets a buffer of its own: the request's bytes are a part of what came over the network together, and a
/// small record that outlives its neighbours would keep all of that in memory.
fn own(key: &[u8], value: &[u8]) -> (Bytes, Bytes) {
    let mut both = BytesMut::with_capacity(key.len() + value.len());
    both.extend_from_slice(key);
    both.extend_from_slice(value);
    let mut value = both.freeze();
    (value.split_to(key.len()), value)
}

/// A deletion.
///
/// # Errors
/// When the key is empty.
pub fn delete(request: DeleteRangeRequest) -> Result<Delete, Refused> {
    if request.key.is_empty() {
        return Err(Refused::EmptyKey);
    }
    Ok(Delete {
        keys: keys(request.key, request.range_end),
        prev_kv: request.prev_kv,
    })
}

/// A new lease: the number wanted, and the seconds. Too short a life is lengthened by the store, as etcd does.
///
/// # Errors
/// When it would live too long.
pub fn lease_grant(request: &LeaseGrantRequest) -> Result<(Option<LeaseId>, i64), Refused> {
    if request.ttl > LEASE_TTL_MAX_S {
        return Err(Refused::LeaseTooLong);
    }
    let id = Some(LeaseId(request.id)).filter(|id| id.is_some());
    Ok((id, request.ttl.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    /// The four ways in which etcd's clients name keys.
    #[test]
    fn range_ends_are_read_as_etcd_reads_them() {
        assert_eq!(keys(bytes("a"), bytes("")), Keys::One(bytes("a")));
        assert_eq!(
            keys(bytes("a"), bytes("b")),
            Keys::Between(bytes("a"), bytes("b"))
        );
        assert_eq!(keys(bytes("a"), bytes("\0")), Keys::From(bytes("a")));
        assert_eq!(keys(bytes("\0"), bytes("\0")), Keys::From(bytes("\0")));
        assert_eq!(
            keys(bytes("a"), bytes("\0\0")),
            Keys::Between(bytes("a"), bytes("\0\0"))
        );
    }

    /// A target without an order ascends; keys in ascending order need no sorting; numbers that mean nothing are refused.
    #[test]
    fn orders_are_read_as_etcd_reads_them() {
        let by = |by, descending| {
            Ok(Some(Sort {
                by,
                descending,
                after_limit: false,
            }))
        };
        let late = |by| {
            Ok(Some(Sort {
                by,
                descending: false,
                after_limit: true,
            }))
        };
        let table = [
            (SortOrder::None, SortTarget::Key, Ok(None)),
            (SortOrder::Ascend, SortTarget::Key, Ok(None)),
            (SortOrder::Descend, SortTarget::Key, by(SortBy::Key, true)),
            (SortOrder::None, SortTarget::Version, late(SortBy::Version)),
            (SortOrder::Ascend, SortTarget::Create, by(SortBy::Create, false)),
            (SortOrder::Descend, SortTarget::Mod, by(SortBy::Mod, true)),
            (SortOrder::Descend, SortTarget::Value, by(SortBy::Value, true)),
        ];
        for (order, target, wanted) in table {
            assert_eq!(sort(order.into(), target.into()), wanted, "{order:?} {target:?}");
        }
        assert_eq!(sort(3, 0), Err(Refused::InvalidSort));
        assert_eq!(sort(0, 5), Err(Refused::InvalidSort));
        assert_eq!(sort(-1, 0), Err(Refused::InvalidSort));
    }

    /// A request with two faults gets the answer that etcd gives: the empty key first.
    #[test]
    fn faults_are_found_in_etcd_s_order() {
        let bad = RangeRequest {
            sort_order: 9,
            ..RangeRequest::default()
        };
        assert_eq!(range(bad), Err(Refused::EmptyKey));
        let mut bad = PutRequest {
            value: bytes("v"),
            lease: 5,
            ignore_value: true,
            ignore_lease: true,
            ..PutRequest::default()
        };
        assert_eq!(put(bad.clone()), Err(Refused::EmptyKey));
        bad.key = bytes("k");
        assert_eq!(put(bad.clone()), Err(Refused::ValueProvided));
        bad.value = Bytes::new();
        assert_eq!(put(bad.clone()), Err(Refused::LeaseProvided));
        bad.lease = 0;
        let kept = put(bad).expect("nothing is given that is to be kept");
        assert_eq!((kept.value, kept.lease), (None, None));
        assert_eq!(delete(DeleteRangeRequest::default()), Err(Refused::EmptyKey));
    }

    /// An empty value and no lease are values too: they are not "keep what is there".
    #[test]
    fn a_plain_put_replaces_value_and_lease() {
        let plain = put(PutRequest {
            key: bytes("k"),
            ..PutRequest::default()
        })
        .expect("a put");
        assert_eq!(
            (plain.value, plain.lease),
            (Some(Bytes::new()), Some(LeaseId::NONE))
        );
    }

    /// A record must not keep the network's buffer in memory.
    #[test]
    fn a_put_owns_its_bytes() {
        let input = Bytes::from(vec![b'x'; 64]);
        let request = PutRequest {
            key: input.slice(..8),
            value: input.slice(8..16),
            ..PutRequest::default()
        };
        let kept = put(request).expect("a put");
        assert_eq!(
            (&kept.key[..], kept.value.as_deref()),
            (&input[..8], Some(&input[8..16]))
        );
        assert!(input.is_unique(), "nothing else points into it");
    }

    /// The stream cannot sort or filter, and says so.
    #[test]
    fn a_stream_of_keys_is_neither_sorted_nor_filtered() {
        let key = || RangeRequest {
            key: bytes("k"),
            ..RangeRequest::default()
        };
        assert!(range_stream(key()).is_ok());
        let sorted = RangeRequest {
            sort_order: SortOrder::Descend.into(),
            ..key()
        };
        assert_eq!(range_stream(sorted), Err(Refused::StreamSort));
        let filtered = RangeRequest {
            max_create_revision: 4,
            ..key()
        };
        assert_eq!(range_stream(filtered), Err(Refused::StreamFilter));
    }

    /// Lives of any length are granted, up to etcd's bound; number 0 leaves the choice to the server.
    #[test]
    fn leases_are_bounded_above_only() {
        let grant = |id, ttl| lease_grant(&LeaseGrantRequest { id, ttl });
        assert_eq!(grant(0, -5), Ok((None, 1)));
        assert_eq!(grant(7, 9_000_000_000), Ok((Some(LeaseId(7)), 9_000_000_000)));
        assert_eq!(grant(7, 9_000_000_001), Err(Refused::LeaseTooLong));
    }
}
