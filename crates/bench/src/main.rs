//! koinon-bench
fn main() {}
