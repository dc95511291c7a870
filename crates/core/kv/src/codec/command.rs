//! Commands. Version, kind, keyspace, then the kind's fields in the order in which they are declared; numbers in the form of
//! `writer`, lists after their length.

use bytes::Bytes;

use super::CodecError;
use super::reader::Reader;
use super::v2::{read_change, write_change};
use super::writer::Write;
use crate::check::NESTING_MAX;
use crate::request::{
    Command, Compare, CompareTarget, Delete, Keys, LeaseId, Op, Ordering, Put, Range, Sort, SortBy, Txn,
};
use crate::space::SpaceId;

const VERSION: u8 = 1;

impl Command {
    /// Appends the command's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.byte(VERSION);
        match self {
            Self::Txn { space, txn } => {
                head(out, 1, *space);
                write_txn(out, txn);
            }
            Self::Compact { space, revision } => {
                head(out, 2, *space);
                out.signed(*revision);
            }
            Self::LeaseGrant { space, id, ttl_s } => {
                head(out, 3, *space);
                out.signed(id.0);
                out.signed(*ttl_s);
            }
            Self::LeaseRevoke { space, id } => {
                head(out, 4, *space);
                out.signed(id.0);
            }
            Self::V2 {
                space,
                now_unix_ms,
                change,
            } => {
                head(out, 5, *space);
                out.signed(*now_unix_ms);
                write_change(out, change);
            }
        }
    }

    /// The command that `bytes` are, whole. Its keys and values share them.
    ///
    /// # Errors
    /// When they are no command that [`Self::encode`] writes.
    pub fn decode(bytes: Bytes) -> Result<Self, CodecError> {
        let mut from = Reader::new(bytes);
        let version = from.byte("command version")?;
        if version != VERSION {
            return Err(unknown("command version", version));
        }
        let kind = from.byte("command kind")?;
        let space = SpaceId(from.byte("keyspace")?);
        let command = match kind {
            1 => Self::Txn {
                space,
                txn: read_txn(&mut from, NESTING_MAX)?,
            },
            2 => Self::Compact {
                space,
                revision: from.signed("revision")?,
            },
            3 => Self::LeaseGrant {
                space,
                id: LeaseId(from.signed("lease")?),
                ttl_s: from.signed("time to live")?,
            },
            4 => Self::LeaseRevoke {
                space,
                id: LeaseId(from.signed("lease")?),
            },
            5 => Self::V2 {
                space,
                now_unix_ms: from.signed("time")?,
                change: read_change(&mut from)?,
            },
            number => return Err(unknown("command kind", number)),
        };
        from.end()?;
        Ok(command)
    }
}

fn head(out: &mut Vec<u8>, kind: u8, space: SpaceId) {
    out.byte(kind);
    out.byte(space.0);
}

fn unknown(what: &'static str, number: u8) -> CodecError {
    CodecError::Unknown { what, number }
}

fn write_txn(out: &mut Vec<u8>, txn: &Txn) {
    out.unsigned(txn.compare.len() as u64);
    txn.compare.iter().for_each(|compare| write_compare(out, compare));
    for ops in [&txn.then, &txn.or_else] {
        out.unsigned(ops.len() as u64);
        ops.iter().for_each(|op| write_op(out, op));
    }
}

fn read_txn(from: &mut Reader, levels_left: usize) -> Result<Txn, CodecError> {
    let Some(levels_left) = levels_left.checked_sub(1) else {
        return Err(CodecError::OutOfBounds("depth of transactions"));
    };
    Ok(Txn {
        compare: from.list("comparisons", read_compare)?,
        then: from.list("operations", |from| read_op(from, levels_left))?,
        or_else: from.list("operations", |from| read_op(from, levels_left))?,
    })
}

fn write_op(out: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Range(range) => {
            out.byte(1);
            write_range(out, range);
        }
        Op::Put(put) => {
            out.byte(2);
            write_put(out, put);
        }
        Op::Delete(delete) => {
            out.byte(3);
            write_keys(out, &delete.keys);
            out.flag(delete.prev_kv);
        }
        Op::Txn(txn) => {
            out.byte(4);
            write_txn(out, txn);
        }
    }
}

fn read_op(from: &mut Reader, levels_left: usize) -> Result<Op, CodecError> {
    Ok(match from.byte("operation")? {
        1 => Op::Range(read_range(from)?),
        2 => Op::Put(read_put(from)?),
        3 => Op::Delete(Delete {
            keys: read_keys(from)?,
            prev_kv: from.flag("prev_kv")?,
        }),
        4 => Op::Txn(read_txn(from, levels_left)?),
        number => return Err(unknown("operation", number)),
    })
}

fn write_put(out: &mut Vec<u8>, put: &Put) {
    out.bytes(&put.key);
    out.flag(put.value.is_some());
    if let Some(value) = &put.value {
        out.bytes(value);
    }
    out.flag(put.lease.is_some());
    if let Some(lease) = put.lease {
        out.signed(lease.0);
    }
    out.flag(put.prev_kv);
}

fn read_put(from: &mut Reader) -> Result<Put, CodecError> {
    let key = from.bytes("key")?;
    let value = if from.flag("value")? {
        Some(from.bytes("value")?)
    } else {
        None
    };
    let lease = if from.flag("lease")? {
        Some(LeaseId(from.signed("lease")?))
    } else {
        None
    };
    Ok(Put {
        key,
        value,
        lease,
        prev_kv: from.flag("prev_kv")?,
    })
}

fn write_keys(out: &mut Vec<u8>, keys: &Keys) {
    match keys {
        Keys::One(key) => {
            out.byte(1);
            out.bytes(key);
        }
        Keys::Between(first, end) => {
            out.byte(2);
            out.bytes(first);
            out.bytes(end);
        }
        Keys::From(first) => {
            out.byte(3);
            out.bytes(first);
        }
    }
}

fn read_keys(from: &mut Reader) -> Result<Keys, CodecError> {
    Ok(match from.byte("keys")? {
        1 => Keys::One(from.bytes("key")?),
        2 => Keys::Between(from.bytes("first key")?, from.bytes("end of keys")?),
        3 => Keys::From(from.bytes("first key")?),
        number => return Err(unknown("keys", number)),
    })
}

fn write_range(out: &mut Vec<u8>, range: &Range) {
    write_keys(out, &range.keys);
    out.signed(range.revision);
    out.signed(range.limit);
    match range.sort {
        None => out.byte(0),
        Some(sort) => {
            out.byte(match sort.by {
                SortBy::Key => 1,
                SortBy::Version => 2,
                SortBy::Create => 3,
                SortBy::Mod => 4,
                SortBy::Value => 5,
            });
            out.flag(sort.descending);
            out.flag(sort.after_limit);
        }
    }
    out.flag(range.keys_only);
    out.flag(range.count_only);
    for (least, most) in [range.mod_revision, range.create_revision] {
        out.signed(least);
        out.signed(most);
    }
}

fn read_range(from: &mut Reader) -> Result<Range, CodecError> {
    Ok(Range {
        keys: read_keys(from)?,
        revision: from.signed("revision")?,
        limit: from.signed("limit")?,
        sort: read_sort(from)?,
        keys_only: from.flag("keys_only")?,
        count_only: from.flag("count_only")?,
        mod_revision: (from.signed("bound")?, from.signed("bound")?),
        create_revision: (from.signed("bound")?, from.signed("bound")?),
    })
}

fn read_sort(from: &mut Reader) -> Result<Option<Sort>, CodecError> {
    let by = match from.byte("field to sort by")? {
        0 => return Ok(None),
        1 => SortBy::Key,
        2 => SortBy::Version,
        3 => SortBy::Create,
        4 => SortBy::Mod,
        5 => SortBy::Value,
        number => return Err(unknown("field to sort by", number)),
    };
    Ok(Some(Sort {
        by,
        descending: from.flag("direction")?,
        after_limit: from.flag("order of limit and sort")?,
    }))
}

fn write_compare(out: &mut Vec<u8>, compare: &Compare) {
    write_keys(out, &compare.keys);
    out.byte(match compare.ordering {
        Ordering::Equal => 1,
        Ordering::Greater => 2,
        Ordering::Less => 3,
        Ordering::NotEqual => 4,
    });
    let (kind, number) = match &compare.target {
        CompareTarget::Version(version) => (1, version),
        CompareTarget::Create(revision) => (2, revision),
        CompareTarget::Mod(revision) => (3, revision),
        CompareTarget::Lease(lease) => (4, lease),
        CompareTarget::Value(value) => {
            out.byte(5);
            return out.bytes(value);
        }
    };
    out.byte(kind);
    out.signed(*number);
}

fn read_compare(from: &mut Reader) -> Result<Compare, CodecError> {
    Ok(Compare {
        keys: read_keys(from)?,
        ordering: match from.byte("ordering")? {
            1 => Ordering::Equal,
            2 => Ordering::Greater,
            3 => Ordering::Less,
            4 => Ordering::NotEqual,
            number => return Err(unknown("ordering", number)),
        },
        target: match from.byte("comparison")? {
            1 => CompareTarget::Version(from.signed("version")?),
            2 => CompareTarget::Create(from.signed("revision")?),
            3 => CompareTarget::Mod(from.signed("revision")?),
            4 => CompareTarget::Lease(from.signed("lease")?),
            5 => CompareTarget::Value(from.bytes("value")?),
            number => return Err(unknown("comparison", number)),
        },
    })
}
