//! koinon-io-net
