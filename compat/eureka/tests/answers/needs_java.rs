//! All scripts: each is sent to the original server, too.

mod beginnings;
mod headers;
mod heartbeat;
mod lists;
mod metadata;
mod paths;
mod refused;
mod registered_json;
mod registered_xml;
mod status;
