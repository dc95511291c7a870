//! Looks for responses that our reader reads in two ways, or cannot pass on as they were.

#![no_main]

use koinon_core_http1::laws;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (kind, bytes) = laws::responses_of(input);
    laws::heads_and_bodies(kind, bytes);
});
