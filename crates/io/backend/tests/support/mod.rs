//! A model of a backend, and disks that are unkind.

#![allow(dead_code, reason = "every test file uses a part of it")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use koinon_base::{ErrorKind, Rng};
use koinon_core_kv::{LeaseId, Revision, SpaceId};
use koinon_io_backend::{
    Applied, BackendError, BackendSettings, Batch, Held, HeldSpace, RedbBackend, SpaceMarks, View,
};
use koinon_io_disk::{Disk, DiskFile};
use koinon_sim::SimDisk;

pub(crate) const PATH: &str = "/data/state.redb";
pub(crate) const SPACES: [SpaceId; 2] = [SpaceId::ETCD, SpaceId::REGISTRY];

/// A disk with the folder that backends lie in.
pub(crate) fn sim(sector: usize, seed: u64) -> SimDisk {
    let disk = SimDisk::new(sector, seed);
    disk.create_dir(Path::new("/data")).unwrap();
    disk
}

/// Small memory, no reserve: what a test's disk is about to run out of is what it says.
pub(crate) fn settings() -> BackendSettings {
    BackendSettings {
        cache_bytes: 256 << 10,
        reserve_bytes: 0,
    }
}

pub(crate) fn open(disk: &SimDisk) -> Result<RedbBackend, BackendError> {
    open_on(Arc::new(disk.clone()))
}

pub(crate) fn open_on(disk: Arc<dyn Disk>) -> Result<RedbBackend, BackendError> {
    RedbBackend::open(disk, Path::new(PATH), settings())
}

/// What a backend should hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Model {
    pub(crate) held: Held,
    pub(crate) records: BTreeMap<(SpaceId, Revision), Bytes>,
}

impl Model {
    pub(crate) fn apply(&mut self, batch: &Batch) {
        self.held.applied = batch.applied;
        for (space, at, bytes) in &batch.put {
            self.space(*space);
            self.records.insert((*space, *at), bytes.clone());
        }
        for (space, at) in &batch.remove {
            self.records.remove(&(*space, *at));
        }
        for (space, marks) in &batch.spaces {
            self.space(*space).marks = Some(*marks);
        }
        for (space, id, ttl_s) in &batch.leases {
            match ttl_s {
                Some(ttl_s) => self.held.leases.insert((*space, *id), *ttl_s),
                None => self.held.leases.remove(&(*space, *id)),
            };
        }
        for (name, value) in &batch.meta {
            match value {
                Some(value) => self.held.meta.insert(name.clone(), value.clone()),
                None => self.held.meta.remove(name),
            };
        }
        for (space, held) in &mut self.held.spaces {
            let of_space = || self.records.iter().filter(|((of, _), _)| of == space);
            held.figures.records = of_space().count() as u64;
            held.figures.bytes = of_space().map(|(_, bytes)| bytes.len() as u64).sum();
        }
    }

    fn space(&mut self, space: SpaceId) -> &mut HeldSpace {
        self.held.spaces.entry(space).or_default()
    }

    /// Everything that `view` shows is what it should be.
    pub(crate) fn check(&self, view: &dyn View) {
        assert_eq!(view.load().unwrap(), self.held);
        assert_eq!(all_records(view).unwrap(), self.records);
        for ((space, at), bytes) in &self.records {
            assert_eq!(view.get(*space, *at).unwrap().as_ref(), Some(bytes));
        }
    }

    /// What `view` answers is right, or that it cannot answer.
    pub(crate) fn check_honest(&self, view: &dyn View) -> usize {
        let mut answered = 0;
        for ((space, at), bytes) in &self.records {
            match view.get(*space, *at) {
                Ok(got) => {
                    assert_eq!(got.as_ref(), Some(bytes), "{space} {at}");
                    answered += 1;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
            }
        }
        answered
    }
}

/// All records, in scans of a few.
pub(crate) fn all_records(view: &dyn View) -> Result<BTreeMap<(SpaceId, Revision), Bytes>, BackendError> {
    let mut records = BTreeMap::new();
    for space in view.load()?.spaces.keys() {
        let mut from = Some(Revision::new(i64::MIN, 0));
        while let Some(start) = from {
            let scanned = view.scan(*space, start, None, 7)?;
            assert!(
                !scanned.records.is_empty() || scanned.next.is_none(),
                "a scan that does not move on"
            );
            records.extend(
                scanned
                    .records
                    .into_iter()
                    .map(|(at, bytes)| ((*space, at), bytes)),
            );
            from = scanned.next;
        }
    }
    Ok(records)
}

/// The batch that takes a backend to log index `index`: it writes, and removes and ends some of what is there.
pub(crate) fn batch(index: u64, model: &Model, rng: &mut Rng) -> Batch {
    let mut batch = Batch {
        applied: Applied {
            index,
            term: index / 5 + 1,
        },
        ..Batch::default()
    };
    let main = index.cast_signed() + 1;
    for space in SPACES {
        for sub in 0..rng.below(4) {
            let at = Revision::new(main, u32::try_from(sub).unwrap());
            let len = [0, 10, 300, 300, 5_000][rng.below(5)];
            batch.put.push((space, at, value(index, len)));
        }
        let marks = SpaceMarks {
            revision: main,
            compacted: main / 2,
        };
        batch.spaces.push((space, marks));
    }
    for key in model.records.keys() {
        if rng.below(6) == 0 {
            batch.remove.push(*key);
        }
    }
    let lease = LeaseId(1 + i64::try_from(rng.below(5)).unwrap());
    let ttl_s = (rng.below(3) > 0).then_some(main);
    batch.leases.push((SpaceId::ETCD, lease, ttl_s));
    batch.meta.push(("last".to_owned(), Some(value(index, 20))));
    batch.meta.push((
        format!("note {}", rng.below(4)),
        (rng.below(2) > 0).then(|| value(index, 100)),
    ));
    batch
}

/// Bytes that no other index has.
pub(crate) fn value(index: u64, len: usize) -> Bytes {
    let mut rng = Rng::from_seed(index);
    let block: Vec<u8> = (0..251).map(|_| u8::try_from(rng.below(256)).unwrap()).collect();
    block.into_iter().cycle().take(len).collect()
}

/// A disk that says it has space whatever it has: what is met then is met in the middle of a commit.
#[derive(Debug, Clone)]
pub(crate) struct Boastful(pub(crate) SimDisk);

impl Disk for Boastful {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.0.open(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.0.create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        self.0.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.sync_dir(dir)
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}
