//! Looks for a JSON body that breaks a law of Eureka's wire formats.

#![no_main]

use koinon_api_eureka::wire::{Format, laws};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| laws::check(Format::Json, body));
