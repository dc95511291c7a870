//! Binding all listeners before any serves, so that a node either starts whole or says what is in the way.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use koinon_base::ErrorKind;
use koinon_gateway::GatewayListener;
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
    pub(crate) etcd: Option<Open>,
    pub(crate) eureka: Option<Open>,
    pub(crate) gateway: Option<GatewayListener>,
}

impl Listeners {
    /// Binds them, the gateway's with a socket for each of its `workers`. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// The first that cannot be bound; the others are closed again.
    pub fn bind(settings: &Listen, workers: usize) -> Result<Self, ListenError> {
        let gateway = place("gateway", &settings.gateway, settings)?;
        let bind_gateway = |addr| GatewayListener::bind("gateway", addr, workers);
        Ok(Self {
            admin: open("admin", &settings.admin, settings)?,
            etcd: open("etcd", &settings.etcd, settings)?,
            eureka: open("eureka", &settings.eureka, settings)?,
            gateway: gateway.map(bind_gateway).transpose()?,
        })
    }

    /// Where they really are, by name.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        let doors = [&self.admin, &self.etcd, &self.eureka].into_iter().flatten();
        let doors = doors.map(|open| (open.listener.name().to_string(), open.listener.local_addr()));
        let gateway = self.gateway.iter();
        doors
            .chain(gateway.map(|listener| ("gateway".to_owned(), listener.local_addr())))
            .collect()
    }
}

/// Where to listen, if at all and if the operator may want that.
fn place(name: &'static str, text: &str, settings: &Listen) -> Result<Option<SocketAddr>, ListenError> {
    if text == "off" {
        return Ok(None);
    }
    let addr = resolve(name, text)?;
    if !is_loopback(addr) && !settings.allow_insecure {
        return Err(ListenError::Insecure { name, addr });
    }
    Ok(Some(addr))
}

fn is_loopback(addr: SocketAddr) -> bool {
    addr.ip().to_canonical().is_loopback()
}

fn open(name: &'static str, text: &str, settings: &Listen) -> Result<Option<Open>, ListenError> {
    let Some(addr) = place(name, text, settings)? else {
        return Ok(None);
    };
    let guard = if is_loopback(addr) {
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
