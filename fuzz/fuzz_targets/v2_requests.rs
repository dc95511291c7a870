//! Looks for a request of the v2 keys that panics, or of which the laws do not hold.

#![no_main]

use koinon_api_etcd::translate::v2::laws;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| laws::whatever_is_asked(input));
