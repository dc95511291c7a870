//! All stories: each is told to the original server, too.

mod delta;
mod dirty;
mod eviction_cap;
mod expiry;
mod overrides;
mod preservation;
