//! Looks for requests that our reader reads in two ways, or cannot pass on as they were.

#![no_main]

use koinon_core_http1::laws::{self, message::Kind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| laws::heads_and_bodies(Kind::Request, bytes));
