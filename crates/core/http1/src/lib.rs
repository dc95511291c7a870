//! HTTP/1.0 and 1.1 without sockets: heads, framing and bodies, strict on both sides.
