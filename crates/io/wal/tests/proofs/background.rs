//! The log as it runs in a node: on the real disk, with its own thread.

use std::sync::Arc;

use koinon_io_disk::OsDisk;
use koinon_io_wal::{Record, Settings, Wal};

use crate::workload::IDENTITY;

/// Protects: with segments made and recycled by the thread beside it, the log writes, purges and finds everything again; and
/// it ends its thread when it is dropped, or the second opening would be locked out.
#[test]
fn the_thread_beside_does_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/wal");
    let settings = Settings {
        identity: IDENTITY,
        first_segment_bytes: 16 * 1_024,
        segment_bytes: 64 * 1_024,
        first_index: 1,
        background: true,
    };
    let mut index = 0;
    for life in 0..5_u64 {
        let (mut wal, recovered) = Wal::open(Arc::new(OsDisk), &path, settings.clone()).unwrap();
        assert_eq!((recovered.last_index, recovered.cut), (index, None));
        let read: Vec<_> = wal
            .entries(recovered.first_index)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(read.len() as u64, index + 1 - recovered.first_index);
        assert!(
            read.iter()
                .all(|entry| entry.payload == entry.index.to_le_bytes().repeat(30))
        );
        for _ in 0..300 {
            for _ in 0..5 {
                index += 1;
                let payload = index.to_le_bytes().repeat(30);
                wal.append(&[Record::Entry {
                    term: life,
                    index,
                    payload: &payload,
                }])
                .unwrap();
            }
            wal.sync().unwrap();
            wal.purge(index.saturating_sub(100)).unwrap();
        }
        let figures = wal.figures();
        assert!(figures.segments_recycled > 0, "{figures:?}");
        assert!(figures.segments <= 3, "{figures:?}");
    }
}
