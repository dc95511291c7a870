//! Looks for a database file that harms its reader, or that is not what it was when it is written again.

#![no_main]

use koinon_api_etcd::wire::bolt::laws::what_is_read_can_be_written;
use koinon_api_etcd::wire::database::Opened;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    what_is_read_can_be_written(file);
    // Whatever its entries are, reading them ends.
    let Ok(opened) = Opened::open(file) else { return };
    drop(opened.head());
    if let Ok(mut records) = opened.records() {
        while let Ok(Some(_)) = records.next_record() {}
    }
});
