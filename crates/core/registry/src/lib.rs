//! koinon-core-registry
