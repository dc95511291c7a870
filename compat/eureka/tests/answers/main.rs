//! Sequences of raw requests, sent to Koinon and to the original server: every answer is compared in its status,
//! the headers that clients act on, and its body field by field. What may differ is in the crate's list of allowed
//! differences, each with its reason.
//!
//! Protects: whoever moves a service over gets the answers that his client was written against, the refusals and
//! the oddities included.

#[cfg(test)]
mod beginnings;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod heartbeat;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod registered_json;
#[cfg(test)]
mod registered_xml;
#[cfg(test)]
mod status;

const JSON: &str = "application/json";
const XML: &str = "application/xml";
const REPLICATION: &str = "x-netflix-discovery-replication";
