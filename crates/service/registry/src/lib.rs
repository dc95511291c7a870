//! koinon-service-registry
