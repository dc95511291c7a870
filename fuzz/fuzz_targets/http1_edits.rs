//! Looks for edits of a head after which it says something else than was meant.

#![no_main]

use koinon_core_http1::laws::edits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| edits::check(script));
