//! Laws about segments, for fuzzing: they look at frames from the inside, which no caller can.

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use koinon_io_disk::{Disk, DiskFile};

use crate::entries::Entry;

use crate::frame::{self, Place};
use crate::record::{BATCH, Batch, HEAD, Record};
use crate::scan::{Scan, Step};
use crate::segment::{self, Head};
use crate::settings::{Identity, Settings};
use crate::wal::{Recovered, Wal};

/// Makes a segment: a head of the log's first segment, then these frames (kind and payload), rightly chained. A payload
/// for the beginning of a batch is made, whatever is given.
#[must_use]
pub fn segment(identity: Identity, frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let head = Head {
        identity,
        sequence: 1,
        next_index: 1,
        hard_state: crate::HardState::default(),
        chain: 0,
    };
    let mark = segment::mark(identity, 1, 0);
    let mut out = Vec::new();
    let mut chain = frame::encode(
        &mut out,
        Place {
            mark,
            offset: 0,
            chain: 0,
        },
        HEAD,
        &[&head.bytes()],
    );
    for (kind, payload) in frames {
        let place = Place {
            mark,
            offset: out.len() as u64,
            chain,
        };
        let batch = Batch {
            durable: place.offset,
            chain,
        }
        .bytes();
        let payload: &[u8] = if *kind == BATCH { &batch } else { payload };
        chain = frame::encode(&mut out, place, *kind, &[payload]);
    }
    out
}

/// Makes a segment out of any bytes: as they are, or, so that checksums do not keep a fuzzer out, read as a list of
/// frames (kind, length, payload) that are rightly chained, followed by what is left.
#[must_use]
pub fn image(identity: Identity, input: &[u8]) -> Vec<u8> {
    let (mode, mut rest) = input
        .split_first()
        .map_or((0, input), |(mode, rest)| (*mode, rest));
    if mode % 2 == 0 {
        return rest.to_vec();
    }
    let mut frames = Vec::new();
    while let [kind, len, payload @ ..] = rest {
        if *kind == 0 {
            rest = payload;
            break;
        }
        let (payload, behind) = payload.split_at(payload.len().min(usize::from(*len)));
        frames.push((*kind, payload.to_vec()));
        rest = behind;
    }
    let mut bytes = segment(identity, &frames);
    bytes.extend_from_slice(rest);
    bytes
}

/// The law: a log that is opened answers entries without a gap, opens again the same and without a cut, and what is
/// appended to it then is there in its next life. Answers whether it was opened.
///
/// # Panics
/// When the law is broken.
#[expect(clippy::expect_used, reason = "a law that is broken panics")]
pub fn opening(disk: &Arc<dyn Disk>, dir: &Path, identity: Identity) -> bool {
    let settings = Settings {
        identity,
        background: false,
        first_segment_bytes: 4_096,
        segment_bytes: 16_384,
        first_index: 1,
    };
    let open = || Wal::open(disk.clone(), dir, settings.clone());
    let Ok((wal, recovered)) = open() else {
        return false;
    };
    let read = |wal: &Wal, from: u64| -> Vec<Entry> {
        let entries = wal.entries(from).expect("the log begins there");
        entries
            .collect::<Result<_, _>>()
            .expect("what was verified is verified again")
    };
    let entries = read(&wal, recovered.first_index);
    let indexes = entries.iter().map(|entry| entry.index);
    assert!(
        indexes.eq(recovered.first_index..=recovered.last_index),
        "entries are consecutive"
    );
    drop(wal);
    let (mut wal, again) = open().expect("what was opened opens again");
    assert_eq!(
        again,
        Recovered {
            cut: None,
            ..recovered
        },
        "and is the same"
    );
    let index = again.last_index + 1;
    if wal
        .append(&[Record::Entry {
            term: 1,
            index,
            payload: b"next",
        }])
        .is_err()
    {
        assert_eq!(index, u64::MAX, "only the last index of all cannot be appended");
        return true;
    }
    wal.sync().expect("nothing fails here");
    drop(wal);
    let (wal, last) = open().expect("what was appended to opens");
    assert_eq!(
        (last.first_index, last.last_index),
        (again.first_index, index),
        "with what was appended"
    );
    let mut wanted = entries;
    wanted.push(Entry {
        term: 1,
        index,
        payload: b"next".to_vec(),
    });
    assert!(
        read(&wal, last.first_index) == wanted,
        "and with all that was there"
    );
    true
}

/// The law: whatever frames are found in a segment, encoding them gives the very bytes they were read from. Answers
/// how many bytes were frames.
///
/// # Panics
/// When the law is broken.
pub fn what_is_read_is_what_is_written(bytes: &[u8]) -> usize {
    let file: Arc<dyn DiskFile> = Arc::new(Image(bytes.to_vec()));
    let Ok(mut scan) = Scan::new(file) else { return 0 };
    let (mut again, mut place) = (
        Vec::new(),
        Place {
            mark: 0,
            offset: 0,
            chain: 0,
        },
    );
    loop {
        let (kind, payload) = match scan.next() {
            Ok(Step::Head(head)) => {
                place = Place {
                    mark: head.mark(),
                    offset: 0,
                    chain: head.chain,
                };
                (HEAD, head.bytes().to_vec())
            }
            Ok(Step::Frame(frame)) => (frame.kind, frame.payload.to_vec()),
            Ok(Step::End | Step::Bad(_)) | Err(_) => break,
        };
        place.chain = frame::encode(&mut again, place, kind, &[&payload]);
        place.offset = again.len() as u64;
        assert_eq!(
            place.offset,
            scan.offset(),
            "frames are read and written in the same steps"
        );
        assert_eq!(
            place.chain,
            scan.chain(),
            "the chain goes through what is written"
        );
    }
    assert_eq!(again, bytes[..again.len()], "what is read is what is written");
    again.len()
}

/// A file that holds these bytes and is not written to.
#[derive(Debug)]
struct Image(Vec<u8>);

impl DiskFile for Image {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let at = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let len = buffer.len().min(self.0.len() - at);
        buffer[..len].copy_from_slice(&self.0[at..at + len]);
        Ok(len)
    }

    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn write_vectored_at(&self, _parts: &mut [IoSlice<'_>], _offset: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn set_len(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn allocate(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn try_lock(&self) -> io::Result<()> {
        Ok(())
    }
}
