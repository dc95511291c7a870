//! koinon-base
