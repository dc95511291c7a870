//! Sequences of raw requests, sent to Koinon and to the original server: every answer is compared in its status,
//! the headers that clients act on, and its body field by field. What may differ is in the crate's list of allowed
//! differences, each with its reason.
//!
//! Protects: whoever moves a service over gets the answers that his client was written against, the refusals and
//! the oddities included.

#[cfg(test)]
mod needs_java;

const JSON: &str = "application/json";
const XML: &str = "application/xml";
const REPLICATION: &str = "x-netflix-discovery-replication";
