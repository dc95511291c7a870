//! Nothing: this package exists so that cargo fetches the crate that its manifest names, at the version in its lock.
