//! All stories: each is told to every server that the run drives, and every server must say what is recorded.
//!
//! Protects: whoever points an etcd client at Koinon gets the answers that the client was written against, the
//! refusals and the oddities included.

#[cfg(test)]
mod needs_etcd;
