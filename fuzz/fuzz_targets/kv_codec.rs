//! Looks for bytes that make a decoder of commands or records panic, or that decode to what has another encoding.

#![no_main]

use bytes::Bytes;
use koinon_core_kv::{Command, Record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let bytes = Bytes::copy_from_slice(input);
    if let Ok(command) = Command::decode(bytes.clone()) {
        let mut again = Vec::new();
        command.encode(&mut again);
        assert_eq!(again, input, "{command:?}");
    }
    if let Ok(record) = Record::decode(bytes) {
        let mut again = Vec::new();
        record.encode(&mut again);
        assert_eq!(again, input, "{record:?}");
        assert_eq!(record.encoded_len(), input.len(), "{record:?}");
    }
});
