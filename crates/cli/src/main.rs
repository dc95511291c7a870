//! koinon-cli
fn main() {}
