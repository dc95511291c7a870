//! What can be refused.

use koinon_base::{ErrorKind, InstanceId, ServiceName};
use thiserror::Error;

use crate::model::Consistency;

/// Why the registry did not do what was asked; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegistryError {
    /// No such instance.
    #[error("instance {id} of service {service} is not registered")]
    NotRegistered {
        /// The service asked for.
        service: ServiceName,
        /// The instance asked for.
        id: InstanceId,
    },
    /// A persistent instance, and no store to keep it.
    #[error(
        "instance {id} of service {service} is persistent, which needs the store, and this registry has none"
    )]
    NeedsStore {
        /// The service.
        service: ServiceName,
        /// The instance.
        id: InstanceId,
    },
    /// An id is of one class at a time.
    #[error(
        "instance {id} of service {service} is registered as {held}; deregister it before it is registered as {asked}"
    )]
    OtherClass {
        /// The service.
        service: ServiceName,
        /// The instance.
        id: InstanceId,
        /// The class it has.
        held: Consistency,
        /// The class it was to have.
        asked: Consistency,
    },
    /// The store has it: what is changed here only would be lost.
    #[error("instance {id} of service {service} is persistent: it can only be changed in the store")]
    InStore {
        /// The service.
        service: ServiceName,
        /// The instance.
        id: InstanceId,
    },
    /// Metadata that was added bit by bit has become too much.
    #[error(
        "the metadata of instance {id} of service {service} would have {len} bytes, the most is {max}; register it \
         again without what it no longer needs"
    )]
    MetadataTooLarge {
        /// The service.
        service: ServiceName,
        /// The instance.
        id: InstanceId,
        /// Bytes there would be.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The namespace is full.
    #[error("the namespace holds {max} instances, the most it may (registry.instances_max)")]
    Full {
        /// The limit.
        max: usize,
    },
    /// All instances together have become too much.
    #[error(
        "with instance {id} of service {service} the registry would take more than {max} bytes, the most it may \
         (registry.bytes_max)"
    )]
    OutOfBytes {
        /// The service.
        service: ServiceName,
        /// The instance.
        id: InstanceId,
        /// The limit.
        max: usize,
    },
}

impl RegistryError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotRegistered { .. } => ErrorKind::NotFound,
            Self::MetadataTooLarge { .. } => ErrorKind::Invalid,
            Self::NeedsStore { .. } => ErrorKind::Unavailable,
            Self::OtherClass { .. } => ErrorKind::AlreadyExists,
            Self::InStore { .. } => ErrorKind::Conflict,
            Self::Full { .. } | Self::OutOfBytes { .. } => ErrorKind::Overloaded,
        }
    }
}
