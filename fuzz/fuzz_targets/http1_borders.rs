//! Looks for bytes in which our reader and a strict one see different messages.

#![no_main]

use koinon_core_http1::laws::{self, message::Kind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| match input.split_first() {
    Some((2.., bytes)) => laws::borders(Kind::Request, bytes),
    _ => {
        let (kind, bytes) = laws::responses_of(input);
        laws::borders(kind, bytes);
    }
});
