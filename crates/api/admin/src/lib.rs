//! koinon-api-admin
