//! The names of things, as types, checked once where they enter.
//!
//! A clone shares the text. Service names are one name in any case (Eureka's `ORDERS`, Consul's and DNS's
//! `orders`), so they are kept in ASCII lower case and a front door writes them as its protocol does.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::error::ErrorKind;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("{what} is empty; give at least one character")]
    Empty {
        /// Which name.
        what: &'static str,
    },
    /// Longer than names may be.
    #[error("{what} has {len} bytes; at most {max} are allowed")]
    TooLong {
        /// Which name.
        what: &'static str,
        /// Bytes given.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A character that would not survive a URL, a header or a log line.
    #[error("{what} contains {found:?}, which is not allowed there")]
    BadCharacter {
        /// Which name.
        what: &'static str,
        /// The first such character.
        found: char,
    },
}

impl NameError {
    /// Always [`ErrorKind::Invalid`]: the caller must send another name.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

fn check(what: &'static str, text: &str, max: usize, allowed: fn(char) -> bool) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > max {
        return Err(NameError::TooLong {
            what,
            len: text.len(),
            max,
        });
    }
    match text.chars().find(|c| !allowed(*c)) {
        Some(found) => Err(NameError::BadCharacter { what, found }),
        None => Ok(()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $max:literal, $allowed:expr, $canonical:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The most bytes such a name may have.
            pub const LEN_MAX: usize = $max;

            /// Checks `text` and takes it as a name.
            ///
            /// # Errors
            /// When it is empty, longer than [`Self::LEN_MAX`] bytes or has a character that is not allowed.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check($what, text, $max, $allowed)?;
                let canonical: fn(&str) -> Arc<str> = $canonical;
                Ok(Self(canonical(text)))
            }

            /// The name's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// A set of services that does not see the others: `default` unless something else is asked for.
    /// Lower-case letters, digits, `-`, `_` and `.`.
    Namespace, "the namespace", 64,
    |c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '.'), |text| Arc::from(text)
}

name! {
    /// A service's name, kept in ASCII lower case: `Orders` and `ORDERS` are the service `orders`.
    /// Anything but control characters, `/`, `?` and `#`.
    ServiceName, "the service name", 255,
    |c| !c.is_control() && !matches!(c, '/' | '?' | '#'), lower_case
}

name! {
    /// An instance's identity within its service, kept exactly as it was given. Anything but control characters.
    InstanceId, "the instance id", 512,
    |c| !c.is_control(), |text| Arc::from(text)
}

fn lower_case(text: &str) -> Arc<str> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        Arc::from(text.to_ascii_lowercase())
    } else {
        Arc::from(text)
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self(Arc::from("default"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One service must not appear as two because two protocols write it in different case.
    #[test]
    fn a_service_is_one_in_any_case() {
        assert_eq!(ServiceName::new("ORDERS"), ServiceName::new("orders"));
        assert_eq!(ServiceName::new("Straße").unwrap().as_str(), "straße");
    }

    /// Ids written by clients come back byte for byte, with their colons and case.
    #[test]
    fn an_instance_id_is_kept_as_given() {
        assert_eq!(
            InstanceId::new("Host-1:Orders:8080").unwrap().as_str(),
            "Host-1:Orders:8080"
        );
    }

    /// A bad name says which name it is and what is wrong with it.
    #[test]
    fn bad_names_say_why() {
        let text = |r: Result<ServiceName, NameError>| r.unwrap_err().to_string();
        assert_eq!(
            text(ServiceName::new("")),
            "the service name is empty; give at least one character"
        );
        assert_eq!(
            text(ServiceName::new("a/b")),
            "the service name contains '/', which is not allowed there"
        );
        assert_eq!(
            text(ServiceName::new(&"x".repeat(256))),
            "the service name has 256 bytes; at most 255 are allowed"
        );
        assert!(InstanceId::new("a\r\nb").is_err());
        assert!(Namespace::new("Prod").is_err());
    }
}
