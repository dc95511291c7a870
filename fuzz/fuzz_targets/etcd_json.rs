//! Looks for a body of the JSON gateway that harms it, or whose message is not read as it was written.

#![no_main]

use koinon_api_etcd::wire::json::{Piece, Shapes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    // Reads and answers of one type, so that what was read can be written as an answer, and read again.
    let shapes = Shapes::of("etcdserverpb.KV", "Txn").expect("a method");
    let Ok(Piece::Message(message, taken)) = shapes.read(body) else {
        return;
    };
    assert!(taken <= body.len());
    let mut out = Vec::new();
    // Another message's bytes may be no answer; they must do no harm.
    drop(shapes.write(message, &mut out));
});
