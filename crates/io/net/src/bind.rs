//! Taking an address to listen on, with errors that say which setting to change.
//!
//! A person who starts the binary and reads "address in use" has to guess which of ten listeners was meant and
//! what to do. Every error here carries the listener's name, so it can name the setting instead.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use koinon_base::ErrorKind;
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::net::TcpListener;

use crate::serve::ListenerStats;

/// Connections the kernel queues for us before it refuses: enough for a burst of reconnecting clients; the kernel
/// cuts it to its own limit (`net.core.somaxconn`, 4096 on current Linux).
pub const BACKLOG_LEN_MAX: u16 = 1024;

/// Why an address could not be taken. `name` is the listener's name in the settings (`eureka` in `listen.eureka`).
#[derive(Debug, Error)]
pub enum BindError {
    /// The text is not an address.
    #[error("listen.{name} is {text:?}, which is not an address; write it as \"host:port\", or \"off\"")]
    NotAnAddress {
        /// The listener.
        name: String,
        /// What was given.
        text: String,
        /// What the resolver said, where a host name was tried.
        #[source]
        source: Option<io::Error>,
    },
    /// Somebody else listens there.
    #[error("{addr} is in use; set listen.{name} to another address, or use --port-offset")]
    InUse {
        /// The listener.
        name: String,
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The process may not take it.
    #[error(
        "not allowed to listen on {addr}; set listen.{name} to a port above 1023, or grant the process the right"
    )]
    PermissionDenied {
        /// The listener.
        name: String,
        /// The address asked for.
        addr: SocketAddr,
    },
    /// No interface of this machine has it.
    #[error("{addr} is not an address of this machine; set listen.{name} to one that is")]
    NotOurs {
        /// The listener.
        name: String,
        /// The address asked for.
        addr: SocketAddr,
    },
    /// Anything else the system says.
    #[error("cannot listen on {addr}; check listen.{name}")]
    Other {
        /// The listener.
        name: String,
        /// The address asked for.
        addr: SocketAddr,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl BindError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotAnAddress { .. } | Self::NotOurs { .. } => ErrorKind::Invalid,
            Self::InUse { .. } | Self::Other { .. } => ErrorKind::Unavailable,
            Self::PermissionDenied { .. } => ErrorKind::PermissionDenied,
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the system's error kinds are open-ended"
    )]
    fn from_io(name: &str, addr: SocketAddr, source: io::Error) -> Self {
        let name = name.to_owned();
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { name, addr },
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { name, addr },
            io::ErrorKind::AddrNotAvailable => Self::NotOurs { name, addr },
            _ => Self::Other { name, addr, source },
        }
    }
}

/// A listening socket that nobody serves yet, with its name and counters.
///
/// Connections queue in the kernel from now on, so all listeners can be bound before the first one serves.
#[derive(Debug)]
pub struct BoundListener {
    name: Arc<str>,
    addr: SocketAddr,
    stats: Arc<ListenerStats>,
    pub(crate) listener: TcpListener,
}

impl BoundListener {
    /// The listener's name in the settings.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The real address: where port 0 was asked for, the one the system chose.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.addr.ip().to_canonical().is_loopback()
    }

    /// The counters that [`crate::serve()`] keeps while it runs.
    #[must_use]
    pub fn stats(&self) -> &Arc<ListenerStats> {
        &self.stats
    }
}

/// Reads `"host:port"`; a host name takes its first address. Asks the system's resolver, so it may block: for
/// use at start only.
///
/// # Errors
/// When the text is not an address or the name is unknown.
pub fn resolve(name: &str, text: &str) -> Result<SocketAddr, BindError> {
    if let Ok(addr) = text.parse() {
        return Ok(addr);
    }
    let bad = |source| BindError::NotAnAddress {
        name: name.to_owned(),
        text: text.to_owned(),
        source,
    };
    let mut found = text.to_socket_addrs().map_err(|e| bad(Some(e)))?;
    found.next().ok_or_else(|| bad(None))
}

/// Listens on `addr` for the listener called `name` in the settings. Must run inside a tokio runtime.
///
/// # Errors
/// When the system refuses; the error's text names the setting to change.
pub fn bind(name: &str, addr: SocketAddr) -> Result<BoundListener, BindError> {
    let open = || -> io::Result<(TcpListener, SocketAddr)> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        // A restart must not wait for the old connections' TIME_WAIT; on Linux this does not share a live port.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(i32::from(BACKLOG_LEN_MAX))?;
        let listener = TcpListener::from_std(socket.into())?;
        let addr = listener.local_addr()?;
        Ok((listener, addr))
    };
    let (listener, addr) = open().map_err(|e| BindError::from_io(name, addr, e))?;
    Ok(BoundListener {
        name: Arc::from(name),
        addr,
        stats: Arc::default(),
        listener,
    })
}

/// Listens on `addr` with `count` sockets that share it, for the listener called `name` in the settings. The sockets are
/// not blocking.
///
/// # Errors
/// When the system refuses; the error's text names the setting to change.
pub fn bind_shared(
    name: &str,
    addr: SocketAddr,
    count: usize,
) -> Result<(Vec<std::net::TcpListener>, SocketAddr), BindError> {
    let open = |addr: SocketAddr, shares: bool| -> io::Result<std::net::TcpListener> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(shares)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        if shares {
            socket.listen(i32::from(BACKLOG_LEN_MAX))?;
        }
        Ok(socket.into())
    };
    let open_all = || {
        if addr.port() != 0 {
            // A socket that shares is given a port that another process shares already; one that does not is refused.
            open(addr, false)?;
        }
        let first = open(addr, true)?;
        let addr = first.local_addr()?;
        let mut sockets = vec![first];
        for _ in 1..count {
            sockets.push(open(addr, true)?);
        }
        Ok((sockets, addr))
    };
    open_all().map_err(|error| BindError::from_io(name, addr, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A taken port tells the reader which setting to change, and a free one (port 0) reports its real address.
    #[tokio::test]
    async fn a_port_in_use_names_the_setting() {
        let first = bind("eureka", "127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = first.local_addr();
        assert_ne!(addr.port(), 0);
        assert!(first.is_loopback());

        let error = bind("eureka", addr).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{addr} is in use; set listen.eureka to another address, or use --port-offset")
        );
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }

    /// Workers share a port among themselves, and with nobody else: a second process must be told, not given a share.
    #[test]
    fn sockets_share_a_port_with_each_other_only() {
        let (sockets, addr) = bind_shared("gateway", "127.0.0.1:0".parse().unwrap(), 3).unwrap();
        assert_eq!(sockets.len(), 3);
        assert!(sockets.iter().all(|socket| socket.local_addr().unwrap() == addr));
        let error = bind_shared("gateway", addr, 3).unwrap_err();
        assert!(matches!(error, BindError::InUse { .. }), "{error}");
        drop(sockets);
        assert!(bind_shared("gateway", addr, 1).is_ok());
    }

    /// An address of another machine is a wrong setting, not a passing trouble.
    #[tokio::test]
    async fn a_foreign_address_is_invalid() {
        let error = bind("admin", "192.0.2.1:0".parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "192.0.2.1:0 is not an address of this machine; set listen.admin to one that is"
        );
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }

    /// A permission problem says what would help; simulated, because tests may run as root.
    #[test]
    fn a_missing_right_is_told_apart() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = BindError::from_io("dns", "127.0.0.1:53".parse().unwrap(), denied);
        assert!(
            error
                .to_string()
                .starts_with("not allowed to listen on 127.0.0.1:53; set listen.dns"),
            "{error}"
        );
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    }

    /// Host names are resolved, texts that are no addresses are shown back.
    #[test]
    fn addresses_are_read_and_bad_ones_shown() {
        assert!(resolve("admin", "localhost:7070").unwrap().ip().is_loopback());
        assert_eq!(resolve("admin", "[::1]:7070").unwrap().port(), 7070);
        for bad in ["", "7070", "localhost", "127.0.0.1:99999"] {
            let error = resolve("admin", bad).unwrap_err();
            assert!(
                error.to_string().contains(&format!("listen.admin is {bad:?}")),
                "{error}"
            );
        }
    }
}
