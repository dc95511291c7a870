//! A file that etcd itself saved is read as what etcd had.
//!
//! `data/etcd-3.6.db` was saved with `etcdctl snapshot save` from etcd 3.6.16 after: a lease 7 of 600 s; `key/1` to `key/5` put;
//! `leased` put under the lease; `key/1` put again; `key/2` deleted; a compaction at 5; `key/3` deleted. Its `endpoint
//! hashkv` said 4152944747.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use koinon_api_etcd::wire::crc32c::Crc32c;
use koinon_api_etcd::wire::database::{Head, Opened, Sum, check_sum, key_of, value_of};
use koinon_core_kv::{LeaseId, Record, Revision};
use prost::Message;

const COMPACTED: i64 = 5;
const HASH: u32 = 4_152_944_747;

fn saved() -> File {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/etcd-3.6.db");
    File::open(path).expect("the file is committed")
}

fn records(opened: &Opened<'_, File>) -> Vec<(Revision, Record)> {
    let (mut reader, mut found) = (opened.records().expect("records"), Vec::new());
    while let Some(record) = reader.next_record().expect("etcd wrote it") {
        found.push(record);
    }
    found
}

/// Records, deletions, the compaction and the lease are found, and the sum behind the file is right.
#[test]
fn etcd_s_own_file_is_read() {
    let file = saved();
    assert_eq!(check_sum(&file).expect("a file"), Sum::Right);
    let opened = Opened::open(&file).expect("etcd's database");
    let Head {
        compacted,
        leases,
        index,
        term,
    } = opened.head().expect("a head");
    assert_eq!((compacted, leases), (COMPACTED, vec![(LeaseId(7), 600)]));
    assert!(index > 0 && term > 0);
    let records = records(&opened);
    let mains: Vec<i64> = records.iter().map(|(at, _)| at.main).collect();
    assert_eq!(mains, (2..=10).collect::<Vec<_>>());
    let Record::Put(again) = &records[6].1 else {
        panic!("a put");
    };
    assert_eq!((&again.key[..], &again.value[..]), (&b"key/1"[..], &b"again"[..]));
    assert_eq!(
        (again.create_revision, again.mod_revision, again.version),
        (2, 8, 2)
    );
    let Record::Put(leased) = &records[5].1 else {
        panic!("a put");
    };
    assert_eq!(leased.lease, LeaseId(7));
    assert!(matches!(&records[8].1, Record::Tombstone { key, .. } if key == "key/3"));
}

/// Written anew, every record has the same bytes that etcd has: the sum over them is the one that etcd told.
#[test]
fn records_have_etcd_s_bytes() {
    let file = saved();
    let records = records(&Opened::open(&file).expect("etcd's database"));
    let changed: HashSet<_> = records
        .iter()
        .filter(|(at, _)| at.main > COMPACTED)
        .map(|(_, record)| record.key().clone())
        .collect();
    let mut sum = Crc32c::default();
    sum.add(b"key");
    for (at, record) in &records {
        // What compaction left counts only while it is not replaced.
        if at.main > COMPACTED || !changed.contains(record.key()) {
            sum.add(&key_of(*at, record));
            sum.add(&value_of(record).encode_to_vec());
        }
    }
    assert_eq!(sum.sum(), HASH);
}
