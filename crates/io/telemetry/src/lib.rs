//! koinon-io-telemetry
