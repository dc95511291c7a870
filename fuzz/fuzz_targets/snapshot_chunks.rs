//! Looks for snapshot chunks that panic, that we would have written otherwise, or of which something comes out twice.

#![no_main]

use koinon_io_backend::laws;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| laws::snapshot_chunks(bytes));
