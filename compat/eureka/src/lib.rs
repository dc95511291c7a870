//! The Eureka compatibility suite: real foreign clients, unmodified, and raw requests, driven against Koinon and
//! against a real Spring Cloud Eureka server, which is the oracle.
//!
//! Why both: what a client expects is not what a description of the protocol says but what the original does. A
//! test here states what must happen *and* checks that it happens on the original too, so a wrong belief of ours
//! fails on the original and a wrong answer of ours fails on Koinon.
//!
//! What the tests need (JVM applications, npm and Python packages) is prepared by `cargo xtask test compat`;
//! a missing piece fails the test with its name. `KOINON_COMPAT_ONLY=koinon` or `=original` runs the tests that
//! work with one server against that one alone, for development.

mod allowed;
mod application;
mod compare;
mod driver;
mod instance;
mod prepared;
mod script;
mod server;
mod tree;

pub use allowed::{ALLOWED, Allowed};
pub use application::Application;
pub use compare::{Difference, differences};
pub use driver::Driver;
pub use instance::{DATA_CENTER, DIRTY, instance, now_ms, with, without};
pub use prepared::{jar, java, node, node_driver, node_modules, python, python_driver};
pub use script::{Answer, Script, Step};
pub use server::{Eureka, Kind, Settings, on_both};
pub use tree::{canonical, parse_xml};
