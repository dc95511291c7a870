//! Why the registry did not do something, or does not know whether it did.

use koinon_base::{ErrorKind, InstanceId, Namespace, ServiceName};
use koinon_core_registry::RegistryError;
use koinon_store::StoreError;
use thiserror::Error;

/// Why an operation has no good answer. Nothing has changed, unless [`Self::kind`] is [`ErrorKind::OutcomeUnknown`].
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The state machine refused it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// One namespace too many.
    #[error("namespace {namespace} would be one more than the {max} there may be (registry.namespaces_max)")]
    TooManyNamespaces {
        /// The namespace asked for.
        namespace: Namespace,
        /// The limit.
        max: usize,
    },
    /// The store did not do it, or does not know.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store has not answered.
    #[error("the store has not answered within {waited_s} s; look whether it was done before you repeat it")]
    TimedOut {
        /// How long it was waited for.
        waited_s: u64,
    },
    /// The store has done it, and this node does not show it.
    #[error(
        "the store has done what was asked with instance {id} of service {service}, but this node does not show it \
         yet; look again before you repeat it"
    )]
    NotShown {
        /// The service.
        service: ServiceName,
        /// The instance.
        id: InstanceId,
    },
    /// Others were always quicker.
    #[error("instance {id} of service {service} is being changed by others all the time; try again")]
    Contended {
        /// The service.
        service: ServiceName,
        /// The instance.
        id: InstanceId,
    },
    /// A persistent instance that the store should not have to carry.
    #[error("instance {id} of service {service} would take {len} bytes in the store, the most is {max}")]
    TooLarge {
        /// The service.
        service: ServiceName,
        /// The instance.
        id: InstanceId,
        /// Bytes it would take.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// A newer Koinon wrote it, and changing it would lose what this one does not understand.
    #[error(
        "instance {id} of service {service} was stored in format {format} by a newer Koinon; this one knows formats \
         up to {known}"
    )]
    NewerFormat {
        /// The service.
        service: ServiceName,
        /// The instance.
        id: InstanceId,
        /// The format it is in.
        format: u32,
        /// The newest one known here.
        known: u32,
    },
    /// What the store has is no instance.
    #[error("what the store has of instance {id} of service {service} cannot be read; register it again")]
    Unreadable {
        /// The service.
        service: ServiceName,
        /// The instance.
        id: InstanceId,
    },
}

impl ServiceError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Registry(error) => error.kind(),
            Self::TooManyNamespaces { .. } => ErrorKind::Overloaded,
            Self::Store(error) => error.kind(),
            Self::TimedOut { .. } | Self::NotShown { .. } => ErrorKind::OutcomeUnknown,
            Self::Contended { .. } | Self::NewerFormat { .. } => ErrorKind::Conflict,
            Self::TooLarge { .. } => ErrorKind::Invalid,
            Self::Unreadable { .. } => ErrorKind::Corrupt,
        }
    }
}
