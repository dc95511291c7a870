//! A connection to an endpoint, while a request uses it.

use std::net::SocketAddr;

use crate::io::{Buffer, EndpointStream};

/// A connection to an endpoint.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) stream: EndpointStream,
    pub(super) unread: Buffer,
    pub(super) addr: SocketAddr,
    /// Whether it served a request before: then its endpoint may have closed it in the same moment.
    pub(super) is_reused: bool,
}

impl Link {
    pub(super) fn new(stream: EndpointStream, addr: SocketAddr, is_reused: bool) -> Self {
        Self {
            stream,
            unread: Buffer::default(),
            addr,
            is_reused,
        }
    }
}
