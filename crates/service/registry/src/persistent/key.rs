//! Where an instance is in the store: `instances/NAMESPACE/SERVICE/ID`.
//!
//! Neither a namespace nor a service has a `/` in its name, and the id, which may, comes last: so a key is read in one way
//! only, and the instances of a namespace or a service are a prefix.

use bytes::Bytes;
use koinon_base::{InstanceId, Namespace, ServiceName};
use koinon_core_registry::{Description, RegistryError};

use super::{FORMAT, Problem};
use crate::error::ServiceError;

/// What all keys of instances begin with; other things may have other places.
pub(super) const PREFIX: &str = "instances/";
/// The first key after all of theirs: `0` comes after `/`.
pub(super) const END: &str = "instances0";

/// An instance's whole name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who {
    pub(crate) namespace: Namespace,
    pub(crate) service: ServiceName,
    pub(crate) id: InstanceId,
}

impl Who {
    pub(crate) fn new(namespace: &Namespace, service: &ServiceName, id: &InstanceId) -> Self {
        Self {
            namespace: namespace.clone(),
            service: service.clone(),
            id: id.clone(),
        }
    }

    pub(crate) fn of(namespace: &Namespace, description: &Description) -> Self {
        Self::new(namespace, &description.service, &description.id)
    }

    pub(super) fn key(&self) -> Bytes {
        let Self {
            namespace,
            service,
            id,
        } = self;
        format!("{PREFIX}{namespace}/{service}/{id}").into()
    }

    /// Whose key it is; `None` if it is nobody's.
    pub(super) fn read(key: &[u8]) -> Option<Self> {
        let path = std::str::from_utf8(key).ok()?.strip_prefix(PREFIX)?;
        let (namespace, rest) = path.split_once('/')?;
        let (service, id) = rest.split_once('/')?;
        let who = Self {
            namespace: Namespace::new(namespace).ok()?,
            service: ServiceName::new(service).ok()?,
            id: InstanceId::new(id).ok()?,
        };
        // Names are kept in one form: a second key that reads as the same instance is nobody's.
        (who.key() == key).then_some(who)
    }

    pub(crate) fn not_registered(&self) -> RegistryError {
        RegistryError::NotRegistered {
            service: self.service.clone(),
            id: self.id.clone(),
        }
    }

    pub(crate) fn not_shown(&self) -> ServiceError {
        ServiceError::NotShown {
            service: self.service.clone(),
            id: self.id.clone(),
        }
    }

    pub(crate) fn unreadable(&self, problem: &Problem) -> ServiceError {
        let (service, id) = (self.service.clone(), self.id.clone());
        match problem {
            Problem::Newer(format) => ServiceError::NewerFormat {
                service,
                id,
                format: *format,
                known: FORMAT,
            },
            Problem::NoInstance(_) => ServiceError::Unreadable { service, id },
        }
    }
}

#[cfg(test)]
mod tests {
    use koinon_core_kv::Keys;

    use super::*;

    fn who(namespace: &str, service: &str, id: &str) -> Who {
        Who {
            namespace: Namespace::new(namespace).unwrap(),
            service: ServiceName::new(service).unwrap(),
            id: InstanceId::new(id).unwrap(),
        }
    }

    /// Whatever an id contains, its key leads back to it and to nobody else.
    #[test]
    fn a_key_names_one_instance() {
        for one in [
            who("default", "orders", "host:orders:8080"),
            who("a.b", "Größe & Co", "x/y//z"),
            who("default", "orders", "/"),
        ] {
            assert_eq!(Who::read(&one.key()), Some(one));
        }
    }

    /// Reading everything must end where instances do, no sooner and no later.
    #[test]
    fn all_keys_are_within_the_ends() {
        let (first, end) = (Bytes::from(PREFIX), Bytes::from(END));
        assert_eq!(Keys::prefixed(PREFIX.as_bytes()), Keys::Between(first, end));
    }

    /// What somebody else put beside the instances is not taken for one, nor is one instance found at two keys.
    #[test]
    fn a_foreign_key_is_nobodys() {
        for key in [
            "instances/",
            "instances/default/orders",
            "instances/default/orders/",
            "instances//orders/1",
            "instances/default/ORDERS/1",
            "instances/Default/orders/1",
            "instance/default/orders/1",
        ] {
            assert_eq!(Who::read(key.as_bytes()), None, "{key}");
        }
        assert_eq!(Who::read(b"instances/default/orders/\xff"), None);
    }
}
