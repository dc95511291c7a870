//! One listening socket for each worker, all on one address.
//!
//! With `SO_REUSEPORT` the kernel spreads connections over the sockets, so that workers share no accept queue. It also
//! lets another process of the same user take a share unnoticed; so the address is first taken without it, and a port in
//! use is the error that it should be.

use std::net::{SocketAddr, TcpListener};

use koinon_io_net::bind::{BindError, bind_shared};

/// Bound sockets that nobody serves yet.
#[derive(Debug)]
pub struct GatewayListener {
    pub(crate) sockets: Vec<TcpListener>,
    addr: SocketAddr,
}

impl GatewayListener {
    /// Listens on `addr` with `workers` sockets, for the listener called `name` in the settings.
    ///
    /// # Errors
    /// When the system refuses; the error's text names the setting to change.
    pub fn bind(name: &str, addr: SocketAddr, workers: usize) -> Result<Self, BindError> {
        let (sockets, addr) = bind_shared(name, addr, workers.max(1))?;
        Ok(Self { sockets, addr })
    }

    /// The real address: where port 0 was asked for, the one the system chose.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}
