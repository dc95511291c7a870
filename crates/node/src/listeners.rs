//! Binding all listeners before any serves, so that a node either starts whole or says what is in the way.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use koinon_base::ErrorKind;
use koinon_io_net::guard::BadAllowedHost;
use koinon_io_net::{BindError, BoundListener, HostGuard, bind, resolve};
use thiserror::Error;

use crate::settings::Listen;

/// Why a listener cannot be opened.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The address cannot be taken.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Other machines could reach it, and nobody would be asked who they are.
    #[error(
        "listen.{name} is {addr}, which other machines reach without credentials; use a loopback address, or set \
         listen.allow_insecure = true"
    )]
    Insecure {
        /// The listener.
        name: &'static str,
        /// Its address.
        addr: SocketAddr,
    },
    /// `listen.allowed_hosts` has something that is not a host.
    #[error("{0}")]
    AllowedHosts(BadAllowedHost),
}

impl ListenError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Bind(error) => error.kind(),
            Self::Insecure { .. } | Self::AllowedHosts(_) => ErrorKind::Invalid,
        }
    }
}

/// A listener and who may speak to it.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) listener: BoundListener,
    pub(crate) guard: HostGuard,
}

/// All listeners that are not off.
#[derive(Debug)]
pub struct Listeners {
    pub(crate) admin: Option<Open>,
    pub(crate) eureka: Option<Open>,
}

impl Listeners {
    /// Binds them. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// The first that cannot be bound; the others are closed again.
    pub fn bind(settings: &Listen) -> Result<Self, ListenError> {
        Ok(Self {
            admin: open("admin", &settings.admin, settings)?,
            eureka: open("eureka", &settings.eureka, settings)?,
        })
    }

    /// Where they really are, by name.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        let all = [&self.admin, &self.eureka].into_iter().flatten();
        all.map(|open| (open.listener.name().to_string(), open.listener.local_addr()))
            .collect()
    }
}

fn open(name: &'static str, text: &str, settings: &Listen) -> Result<Option<Open>, ListenError> {
    if text == "off" {
        return Ok(None);
    }
    let addr = resolve(name, text)?;
    let loopback = addr.ip().to_canonical().is_loopback();
    if !loopback && !settings.allow_insecure {
        return Err(ListenError::Insecure { name, addr });
    }
    let guard = if loopback {
        HostGuard::loopback_and(&settings.allowed_hosts).map_err(|bad| {
            ListenError::AllowedHosts(
                bad.into_iter()
                    .next()
                    .unwrap_or_else(|| BadAllowedHost(String::new())),
            )
        })?
    } else {
        HostGuard::off()
    };
    Ok(Some(Open {
        listener: bind(name, addr)?,
        guard,
    }))
}
