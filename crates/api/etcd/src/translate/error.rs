//! Every error of this door, and the one table from errors to etcd's codes and texts.
//!
//! Clients compare the texts: they are part of the protocol, to the letter.

use std::borrow::Cow;

use koinon_core_kv::KvError;
use koinon_store::StoreError;

use crate::wire::status::{Code, Status};

/// What the door refuses before it asks the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A key is empty.
    #[error("etcdserver: key is not provided")]
    EmptyKey,
    /// The order asked for does not exist.
    #[error("etcdserver: invalid sort option")]
    InvalidSort,
    /// Keep the value, and here is another one.
    #[error("etcdserver: value is provided")]
    ValueProvided,
    /// Keep the lease, and here is another one.
    #[error("etcdserver: lease is provided")]
    LeaseProvided,
    /// A list of a transaction is too long.
    #[error("etcdserver: too many operations in txn request")]
    TooManyOps,
    /// A step of a transaction that asks for nothing. etcd has no better word for it.
    #[error("etcdserver: key not found")]
    EmptyOp,
    /// The request is larger than the door takes.
    #[error("etcdserver: request is too large")]
    TooLarge,
    /// A lease may not live so long.
    #[error("etcdserver: too large lease TTL")]
    LeaseTooLong,
    /// The stream of keys comes in the order of keys only.
    #[error("RangeStream does not support custom sort orders")]
    StreamSort,
    /// The stream of keys is not filtered.
    #[error("RangeStream does not support revision filters")]
    StreamFilter,
    /// A request about an election does not say which.
    #[error("\"leader\" field must be provided")]
    NoLeaderKey,
    /// Nobody is elected.
    #[error("election: no leader")]
    NoLeader,
    /// Somebody else is elected.
    #[error("election: not leader")]
    NotLeader,
    /// The lease ended while its lock was waited for.
    #[error("mutex: session is expired")]
    SessionExpired,
    /// No member has this number.
    #[error("etcdserver: member not found")]
    NoSuchMember,
    /// Leadership cannot go there.
    #[error("etcdserver: bad leader transferee")]
    BadTransferee,
    /// The process is ending.
    #[error("etcdserver: server stopped")]
    Stopped,
    /// Nothing in Koinon does this yet.
    #[error("koinon: {0} is not implemented")]
    NotImplemented(&'static str),
}

impl Refused {
    fn code(&self) -> Code {
        match self {
            Self::EmptyKey
            | Self::InvalidSort
            | Self::ValueProvided
            | Self::LeaseProvided
            | Self::TooManyOps
            | Self::EmptyOp
            | Self::TooLarge => Code::InvalidArgument,
            Self::LeaseTooLong => Code::OutOfRange,
            Self::NoSuchMember => Code::NotFound,
            Self::BadTransferee => Code::FailedPrecondition,
            Self::Stopped => Code::Unavailable,
            Self::StreamSort | Self::StreamFilter | Self::NotImplemented(_) => Code::Unimplemented,
            // etcd's recipes are clients within its server: their errors have no codes of their own.
            Self::NoLeaderKey | Self::NoLeader | Self::NotLeader | Self::SessionExpired => Code::Unknown,
        }
    }
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The door refused it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store did, or cannot say.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<KvError> for DoorError {
    fn from(error: KvError) -> Self {
        Self::Store(error.into())
    }
}

impl DoorError {
    /// The code and the text that etcd's clients expect.
    #[must_use]
    pub fn parts(&self) -> (Code, Cow<'static, str>) {
        match self {
            Self::Refused(refused) => (refused.code(), refused.to_string().into()),
            Self::Store(error) => store_parts(error),
        }
    }
}

impl From<DoorError> for Status {
    fn from(error: DoorError) -> Self {
        let (code, text) = error.parts();
        Self::new(code, text)
    }
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        DoorError::from(refused).into()
    }
}

fn store_parts(error: &StoreError) -> (Code, Cow<'static, str>) {
    let known = |code, text: &'static str| (code, Cow::Borrowed(text));
    match error {
        StoreError::Kv(error) => kv_parts(error),
        StoreError::Overloaded { .. } => known(Code::ResourceExhausted, "etcdserver: too many requests"),
        StoreError::NoWrites { .. } => (Code::Unavailable, error.to_string().into()),
        StoreError::Stopping => known(Code::Unavailable, "etcdserver: server stopped"),
        // etcd's word for a write of which nobody knows whether it was done.
        StoreError::OutcomeUnknown => known(Code::Unavailable, "etcdserver: request timed out"),
        // And what the store may learn to say.
        StoreError::Broken | _ => (Code::Unknown, error.to_string().into()),
    }
}

fn kv_parts(error: &KvError) -> (Code, Cow<'static, str>) {
    let known = |code, text: &'static str| (code, Cow::Borrowed(text));
    match error {
        KvError::Compacted { .. } => known(
            Code::OutOfRange,
            "etcdserver: mvcc: required revision has been compacted",
        ),
        KvError::FutureRevision { .. } => known(
            Code::OutOfRange,
            "etcdserver: mvcc: required revision is a future revision",
        ),
        KvError::KeyNotFound => known(Code::InvalidArgument, "etcdserver: key not found"),
        KvError::EmptyKey => known(Code::InvalidArgument, "etcdserver: key is not provided"),
        KvError::DuplicateKey => known(
            Code::InvalidArgument,
            "etcdserver: duplicate key given in txn request",
        ),
        KvError::TooManyOps(_) => known(
            Code::InvalidArgument,
            "etcdserver: too many operations in txn request",
        ),
        KvError::LeaseNotFound(_) => known(Code::NotFound, "etcdserver: requested lease not found"),
        KvError::LeaseExists(_) => known(Code::FailedPrecondition, "etcdserver: lease already exists"),
        KvError::LeaseTtl(_) => known(Code::OutOfRange, "etcdserver: too large lease TTL"),
        KvError::NoSpace { .. } => known(
            Code::ResourceExhausted,
            "etcdserver: mvcc: database space exceeded",
        ),
        KvError::Records(_) => known(Code::DataLoss, "etcdserver: corrupt cluster"),
        // And what the machine may learn to say.
        KvError::UnknownSpace(_) | _ => (Code::Unknown, error.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use koinon_core_kv::{LeaseId, SpaceId};

    use super::*;

    /// Clients tell errors apart by these texts and codes: a changed letter breaks them.
    #[test]
    fn the_store_s_refusals_have_etcd_s_words() {
        let space = SpaceId::ETCD;
        let table = [
            (
                KvError::Compacted {
                    asked: 1,
                    compacted: 2,
                },
                Code::OutOfRange,
                "etcdserver: mvcc: required revision has been compacted",
            ),
            (
                KvError::FutureRevision { asked: 3, current: 2 },
                Code::OutOfRange,
                "etcdserver: mvcc: required revision is a future revision",
            ),
            (
                KvError::LeaseNotFound(LeaseId(7)),
                Code::NotFound,
                "etcdserver: requested lease not found",
            ),
            (
                KvError::LeaseExists(LeaseId(7)),
                Code::FailedPrecondition,
                "etcdserver: lease already exists",
            ),
            (
                KvError::NoSpace {
                    space,
                    used: 2,
                    quota: 1,
                },
                Code::ResourceExhausted,
                "etcdserver: mvcc: database space exceeded",
            ),
            (
                KvError::DuplicateKey,
                Code::InvalidArgument,
                "etcdserver: duplicate key given in txn request",
            ),
        ];
        for (error, code, text) in table {
            let status = Status::from(DoorError::from(error));
            assert_eq!((status.code, &*status.text), (code, text));
        }
    }

    /// A write that may have been done must look like etcd's time-out, not like a refusal that a client may repeat blindly.
    #[test]
    fn an_unknown_outcome_is_a_time_out() {
        let (code, text) = DoorError::from(StoreError::OutcomeUnknown).parts();
        assert_eq!(
            (code, &*text),
            (Code::Unavailable, "etcdserver: request timed out")
        );
        let (code, text) = DoorError::from(StoreError::Overloaded { waiting: 1, max: 1 }).parts();
        assert_eq!(
            (code, &*text),
            (Code::ResourceExhausted, "etcdserver: too many requests")
        );
    }
}
