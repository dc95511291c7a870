//! etcd's database: which buckets there are, and what their keys and values mean.
//!
//! | bucket | key | value |
//! |---|---|---|
//! | `key` | revision: main, `_`, sub, both in eight big-endian bytes; behind them a `t` for a deletion | `mvccpb.KeyValue` |
//! | `lease` | the lease's number in eight big-endian bytes | `leasepb.Lease` |
//! | `meta` | `consistent_index`, `term`, `scheduledCompactRev`, `finishedCompactRev`, `storageVersion` | numbers in eight big-endian bytes, revisions as above, text |
//!
//! etcd finds out the rest by itself: its index from `key`, the members from how it is started.

use std::io;

use bytes::Bytes;
use koinon_core_kv::{KeyValue, LeaseId, Record, Revision};
use prost::Message;
use sha2::{Digest, Sha256};

use super::bolt::{BoltError, Bucket, Database, Entries, Plan, Source, TreePlan};
use super::mvccpb;

/// The version of etcd's database that is written here.
pub const STORAGE_VERSION: &str = "3.6.0";
const KEYS: &str = "key";
const LEASES: &str = "lease";
const META: &str = "meta";
/// Behind the revision of a deletion.
const DELETED: u8 = b't';
const REVISION_LEN: usize = 17;
/// Bytes of a SHA-256.
const SUM_LEN: usize = 32;

/// etcd's lease.
#[derive(Clone, PartialEq, Message)]
struct Lease {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(int64, tag = "2")]
    ttl: i64,
    #[prost(int64, tag = "3")]
    remaining: i64,
}

/// What a database says beside its records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// How far the log was applied.
    pub index: u64,
    /// In which term.
    pub term: u64,
    /// The oldest revision that can be read; 0 if all can.
    pub compacted: i64,
    /// Leases with the seconds they were granted for.
    pub leases: Vec<(LeaseId, i64)>,
}

/// A record's key in the database.
#[must_use]
pub fn key_of(at: Revision, record: &Record) -> Vec<u8> {
    let mut key = revision_bytes(at.main, i64::from(at.sub));
    if matches!(record, Record::Tombstone { .. }) {
        key.push(DELETED);
    }
    key
}

fn revision_bytes(main: i64, sub: i64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(REVISION_LEN + 1);
    bytes.extend_from_slice(&main.to_be_bytes());
    bytes.push(b'_');
    bytes.extend_from_slice(&sub.to_be_bytes());
    bytes
}

/// A record's value in the database. Of a deletion, only the key.
#[must_use]
pub fn value_of(record: &Record) -> mvccpb::KeyValue {
    match record {
        Record::Put(kv) => mvccpb::KeyValue {
            key: kv.key.clone(),
            create_revision: kv.create_revision,
            mod_revision: kv.mod_revision,
            version: kv.version,
            value: kv.value.clone(),
            lease: kv.lease.0,
        },
        Record::Tombstone { key, .. } => mvccpb::KeyValue {
            key: key.clone(),
            ..mvccpb::KeyValue::default()
        },
    }
}

/// An entry of a small bucket.
pub type Entry = (Vec<u8>, Vec<u8>);

/// The shape of a database, made from its records.
#[derive(Debug, Default)]
pub struct Shape {
    records: TreePlan,
}

impl Shape {
    /// Takes notice of a record. They come in the order of their revisions.
    pub fn add(&mut self, at: Revision, record: &Record) {
        self.records
            .add(&key_of(at, record), value_of(record).encoded_len());
    }

    /// The plan of the file, and the entries that follow the records in it.
    #[must_use]
    pub fn finish(self, head: &Head) -> (Plan, Vec<Entry>) {
        let (leases, meta) = (lease_entries(head), meta_entries(head));
        let planned = |entries: &[Entry]| {
            let mut tree = TreePlan::default();
            for (key, value) in entries {
                tree.add(key, value.len());
            }
            tree
        };
        let plan = Plan::new(vec![
            (KEYS.to_owned(), self.records),
            (LEASES.to_owned(), planned(&leases)),
            (META.to_owned(), planned(&meta)),
        ]);
        let mut rest = leases;
        rest.extend(meta);
        (plan, rest)
    }
}

fn lease_entries(head: &Head) -> Vec<Entry> {
    let entry = |(id, ttl): &(LeaseId, i64)| {
        let lease = Lease {
            id: id.0,
            ttl: *ttl,
            remaining: 0,
        };
        (id.0.to_be_bytes().to_vec(), lease.encode_to_vec())
    };
    let mut entries: Vec<Entry> = head.leases.iter().map(entry).collect();
    // As bytes, negative numbers come last.
    entries.sort();
    entries
}

fn meta_entries(head: &Head) -> Vec<Entry> {
    let mut entries = vec![
        (b"consistent_index".to_vec(), head.index.to_be_bytes().to_vec()),
        (b"storageVersion".to_vec(), STORAGE_VERSION.as_bytes().to_vec()),
        (b"term".to_vec(), head.term.to_be_bytes().to_vec()),
    ];
    if head.compacted > 0 {
        let revision = revision_bytes(head.compacted, 0);
        entries.push((b"finishedCompactRev".to_vec(), revision.clone()));
        entries.push((b"scheduledCompactRev".to_vec(), revision));
    }
    entries.sort();
    entries
}

/// Why a database cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file is damaged, or another kind of file.
    #[error(transparent)]
    File(#[from] BoltError),
    /// It cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// An entry of a bucket is not what etcd writes.
    #[error("bucket {bucket:?} has an entry that etcd does not write: {what}")]
    Entry {
        /// The bucket.
        bucket: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// The sum behind the pages is another one.
    #[error("the file's check sum is wrong: it was changed since it was saved, or not saved to its end")]
    WrongSum,
    /// There are no records at all.
    #[error("the file has no bucket {0:?}: it is a database, but not etcd's")]
    NoBucket(&'static str),
}

/// Whether a file has a sum behind its pages, as `etcdctl snapshot save` writes one. A copy of a database that a server
/// works on has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// It has, and it is right.
    Right,
    /// It has none.
    Absent,
}

/// Checks the sum behind the pages, if there is one.
///
/// # Errors
/// When it is wrong, or the file cannot be read.
pub fn check_sum<S: Source + ?Sized>(source: &S) -> Result<Sum, DatabaseError> {
    let len = source.len()?;
    // Pages are a multiple of 512 bytes, the sum has 32.
    let pages = match len.checked_sub(SUM_LEN as u64) {
        Some(pages) if pages % 512 == 0 => pages,
        _ => return Ok(Sum::Absent),
    };
    let (mut sum, mut at, mut piece) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    while at < pages {
        let take = usize::try_from(pages - at).unwrap_or(usize::MAX).min(piece.len());
        let piece = piece.get_mut(..take).unwrap_or_default();
        source.read_at(at, piece)?;
        sum.update(&*piece);
        at += take as u64;
    }
    let mut written = [0; SUM_LEN];
    source.read_at(pages, &mut written)?;
    if sum.finalize()[..] == written {
        Ok(Sum::Right)
    } else {
        Err(DatabaseError::WrongSum)
    }
}

/// A database file that was opened.
#[derive(Debug)]
pub struct Opened<'a, S: ?Sized> {
    file: Database<'a, S>,
    buckets: Vec<Bucket>,
}

impl<'a, S: Source + ?Sized> Opened<'a, S> {
    /// Opens the file.
    ///
    /// # Errors
    /// When it is no database.
    pub fn open(source: &'a S) -> Result<Self, DatabaseError> {
        let file = Database::open(source)?;
        let buckets = file.buckets()?;
        Ok(Self { file, buckets })
    }

    fn entries(&self, name: &str) -> Option<Entries<'_, S>> {
        let bucket = self
            .buckets
            .iter()
            .find(|bucket| bucket.name == name.as_bytes())?;
        Some(self.file.entries(bucket))
    }

    /// What it says beside its records.
    ///
    /// # Errors
    /// When an entry is not what etcd writes.
    pub fn head(&self) -> Result<Head, DatabaseError> {
        let mut head = Head::default();
        if let Some(mut meta) = self.entries(META) {
            while let Some((key, value)) = meta.next_entry()? {
                let what = "a number must have eight bytes";
                let bad = || DatabaseError::Entry { bucket: META, what };
                match &key[..] {
                    b"consistent_index" => head.index = u64::from_be_bytes(eight(&value).ok_or_else(bad)?),
                    b"term" => head.term = u64::from_be_bytes(eight(&value).ok_or_else(bad)?),
                    // A compaction that was decided is carried out when the records are taken over.
                    b"finishedCompactRev" | b"scheduledCompactRev" => {
                        let (main, _, _) = revision_of(&value, META)?;
                        head.compacted = head.compacted.max(main);
                    }
                    _ => {}
                }
            }
        }
        if let Some(mut leases) = self.entries(LEASES) {
            while let Some((_, value)) = leases.next_entry()? {
                let what = "it is no lease";
                let lease =
                    Lease::decode(&value[..]).map_err(|_| DatabaseError::Entry { bucket: LEASES, what })?;
                head.leases.push((LeaseId(lease.id), lease.ttl));
            }
        }
        Ok(head)
    }

    /// Its records, in the order of their revisions.
    ///
    /// # Errors
    /// When there are none.
    pub fn records(&self) -> Result<OpenedRecords<'_, S>, DatabaseError> {
        let entries = self.entries(KEYS).ok_or(DatabaseError::NoBucket(KEYS))?;
        Ok(OpenedRecords(entries))
    }
}

/// A database's records; see [`Opened::records`].
#[derive(Debug)]
pub struct OpenedRecords<'a, S: ?Sized>(Entries<'a, S>);

impl<S: Source + ?Sized> OpenedRecords<'_, S> {
    /// The next record; `None` after the last.
    ///
    /// # Errors
    /// When it is not what etcd writes.
    pub fn next_record(&mut self) -> Result<Option<(Revision, Record)>, DatabaseError> {
        let Some((key, value)) = self.0.next_entry()? else {
            return Ok(None);
        };
        let bad = |what| DatabaseError::Entry { bucket: KEYS, what };
        let (main, sub, deleted) = revision_of(&key, KEYS)?;
        let sub = u32::try_from(sub).map_err(|_| bad("a transaction has too many changes"))?;
        let kv =
            mvccpb::KeyValue::decode(Bytes::from(value)).map_err(|_| bad("it is no key with a value"))?;
        if kv.key.is_empty() {
            return Err(bad("its key is empty"));
        }
        let record = if deleted {
            Record::Tombstone {
                key: kv.key,
                mod_revision: main,
            }
        } else {
            Record::Put(KeyValue {
                key: kv.key,
                value: kv.value,
                create_revision: kv.create_revision,
                mod_revision: kv.mod_revision,
                version: kv.version,
                lease: LeaseId(kv.lease),
            })
        };
        Ok(Some((Revision::new(main, sub), record)))
    }
}

fn eight(bytes: &[u8]) -> Option<[u8; 8]> {
    bytes.try_into().ok()
}

/// Main and sub revision, and whether it is a deletion.
fn revision_of(bytes: &[u8], bucket: &'static str) -> Result<(i64, i64, bool), DatabaseError> {
    let bad = |what| DatabaseError::Entry { bucket, what };
    let (revision, mark) = bytes
        .split_at_checked(REVISION_LEN)
        .ok_or_else(|| bad("a revision is too short"))?;
    let deleted = match mark {
        [] => false,
        [DELETED] => true,
        _ => return Err(bad("a revision is too long")),
    };
    let number = |bytes: Option<&[u8]>| bytes.and_then(eight).map(i64::from_be_bytes);
    match (
        number(revision.get(..8)),
        revision.get(8),
        number(revision.get(9..)),
    ) {
        (Some(main), Some(b'_'), Some(sub)) if main >= 0 && sub >= 0 => Ok((main, sub, deleted)),
        _ => Err(bad("a revision is not written as one")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bolt::Writer;
    use super::*;

    fn records() -> Vec<(Revision, Record)> {
        let put = |main, key: &str, lease| {
            let kv = KeyValue {
                key: key.to_owned().into(),
                value: "value".into(),
                create_revision: main,
                mod_revision: main,
                version: 1,
                lease: LeaseId(lease),
            };
            (Revision::new(main, 0), Record::Put(kv))
        };
        let mut records: Vec<_> = (2..3000)
            .map(|main| put(main, &format!("key/{main}"), main % 2))
            .collect();
        let key = Bytes::from_static(b"key/7");
        records.push((
            Revision::new(3000, 0),
            Record::Tombstone {
                key,
                mod_revision: 3000,
            },
        ));
        records
    }

    fn file(records: &[(Revision, Record)], head: &Head) -> Vec<u8> {
        let mut shape = Shape::default();
        for (at, record) in records {
            shape.add(*at, record);
        }
        let (plan, rest) = shape.finish(head);
        let mut writer = Writer::new(plan).expect("short keys");
        for (at, record) in records {
            writer
                .add(&key_of(*at, record), &value_of(record).encode_to_vec())
                .expect("as planned");
        }
        for (key, value) in rest {
            writer.add(&key, &value).expect("as planned");
        }
        writer.finish().expect("all is written")
    }

    /// What is written as etcd's database is read as the same records, leases and figures.
    #[test]
    fn a_database_comes_back_as_it_went() {
        let head = Head {
            index: 77,
            term: 3,
            compacted: 12,
            leases: vec![(LeaseId(1), 60), (LeaseId(5), 9)],
        };
        let written = records();
        let file = file(&written, &head);
        let opened = Opened::open(&file[..]).expect("a database");
        assert_eq!(opened.head().expect("a head"), head);
        let (mut reader, mut found) = (opened.records().expect("records"), Vec::new());
        while let Some(record) = reader.next_record().expect("well-formed") {
            found.push(record);
        }
        assert_eq!(found, written);
    }

    /// A file that was cut or changed since it was saved is told from a whole one, and from one without a sum.
    #[test]
    fn sums_are_checked() {
        let mut file = file(&records(), &Head::default());
        assert!(matches!(check_sum(&file[..]), Ok(Sum::Absent)));
        let sum = Sha256::digest(&file);
        file.extend_from_slice(&sum);
        assert!(matches!(check_sum(&file[..]), Ok(Sum::Right)));
        file[5000] ^= 1;
        assert!(matches!(check_sum(&file[..]), Err(DatabaseError::WrongSum)));
    }

    /// An empty keyspace is a database too, without records; anything else is refused with what is wrong.
    #[test]
    fn what_is_not_etcd_s_is_refused() {
        let empty = file(&[], &Head::default());
        let opened = Opened::open(&empty[..]).expect("a database");
        assert!(matches!(opened.records(), Err(DatabaseError::NoBucket("key"))));
        assert!(matches!(
            Opened::open(&b"not a database"[..]),
            Err(DatabaseError::File(BoltError::NoMeta))
        ));
        for bad in [&b"short"[..], &[0; 17], &[0; 19]] {
            assert!(revision_of(bad, KEYS).is_err());
        }
    }
}
