//! Looks for bytes in a segment that make opening the log panic, or that it takes without keeping its laws.

#![no_main]

use std::path::Path;
use std::sync::Arc;

use koinon_io_disk::Disk;
use koinon_io_wal::{Identity, laws};
use koinon_sim::SimDisk;
use libfuzzer_sys::fuzz_target;

const IDENTITY: Identity = Identity {
    cluster: 1,
    member: 2,
};

fuzz_target!(|input: &[u8]| {
    let bytes = laws::image(IDENTITY, input);
    laws::what_is_read_is_what_is_written(&bytes);
    let disk = SimDisk::new(512, 1);
    disk.poke(Path::new("/wal/0000000000000001.wal"), &bytes);
    let disk: Arc<dyn Disk> = Arc::new(disk);
    laws::opening(&disk, Path::new("/wal"), IDENTITY);
});
