//! Reading a database file, whoever wrote it.
//!
//! Invariants:
//! - no more pages are looked at than the file has, however they point at each other;
//! - no more than one page, with those it goes on in, is in memory for each level of a tree.

use std::io;

use super::{ENTRY_LEN, FORMAT, HEAD_LEN, MAGIC, META_SUM_AT, flags, fnv1a};

/// The page sizes that there are.
const PAGE_LEN_MIN: usize = 512;
const PAGE_LEN_MAX: usize = 64 * 1024;
/// The most bytes of a page with those it goes on in: a key and a value, each far larger than any request.
const ITEM_LEN_MAX: usize = 256 << 20;
/// The deepest tree. Pages of 64 entries, eight deep, hold more than any disk.
const DEPTH_MAX: usize = 32;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BoltError {
    /// It cannot be read at all.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// It is no database.
    #[error(
        "neither of the first two pages is a database's: this is not etcd's file, or its beginning is damaged"
    )]
    NoMeta,
    /// A page is not what it should be.
    #[error("page {page} is damaged: {what}")]
    Page {
        /// Which.
        page: u64,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Where the bytes are.
pub trait Source {
    /// How many there are.
    ///
    /// # Errors
    /// When nobody can say.
    fn len(&self) -> io::Result<u64>;

    /// Whether there are none.
    ///
    /// # Errors
    /// As [`Self::len`].
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }

    /// Reads exactly as many bytes as `out` has, from `at` on.
    ///
    /// # Errors
    /// When there are not so many, or they cannot be read.
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()>;
}

impl Source for [u8] {
    fn len(&self) -> io::Result<u64> {
        Ok(<[u8]>::len(self) as u64)
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let found = usize::try_from(at)
            .ok()
            .and_then(|at| self.get(at..at.checked_add(out.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }
}

#[cfg(unix)]
impl Source for std::fs::File {
    fn len(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, out, at)
    }
}

/// A database file.
#[derive(Debug)]
pub struct Database<'a, S: ?Sized> {
    source: &'a S,
    page_len: usize,
    pages: u64,
    root: u64,
}

/// A bucket of it.
#[derive(Debug)]
pub struct Bucket {
    /// Its name.
    pub name: Vec<u8>,
    root: Root,
}

/// Where a bucket's tree is.
#[derive(Debug)]
enum Root {
    Page(u64),
    /// Small ones lie in the entry itself.
    Inline(Vec<u8>),
}

/// A valid meta page.
struct Meta {
    page_len: usize,
    root: u64,
    pages: u64,
    txn: u64,
}

impl<'a, S: Source + ?Sized> Database<'a, S> {
    /// Looks at the first pages.
    ///
    /// # Errors
    /// When it is no database.
    pub fn open(source: &'a S) -> Result<Self, BoltError> {
        let len = source.len()?;
        // The second meta page is one page in, and how long that is only a meta page can say: try what there is.
        let mut found: Option<Meta> = meta_at(source, 0);
        let sizes = (PAGE_LEN_MIN.ilog2()..=PAGE_LEN_MAX.ilog2()).map(|bits| 1_usize << bits);
        let others = match &found {
            Some(meta) => vec![meta.page_len],
            None => sizes.collect(),
        };
        for page_len in others {
            let other = meta_at(source, page_len as u64).filter(|meta| meta.page_len == page_len);
            found = match (found, other) {
                (Some(a), Some(b)) => Some(if b.txn > a.txn { b } else { a }),
                (a, b) => a.or(b),
            };
        }
        let meta = found.ok_or(BoltError::NoMeta)?;
        let pages = meta.pages.min(len / meta.page_len as u64);
        Ok(Self {
            source,
            page_len: meta.page_len,
            pages,
            root: meta.root,
        })
    }

    /// Its buckets, in the order of their names.
    ///
    /// # Errors
    /// When a page of the root tree is damaged.
    pub fn buckets(&self) -> Result<Vec<Bucket>, BoltError> {
        let mut found = Vec::new();
        let mut entries = Entries::new(self, &Root::Page(self.root));
        while let Some((key, value, is_bucket)) = entries.next_of_any_kind()? {
            if !is_bucket {
                continue;
            }
            let damaged = || BoltError::Page {
                page: self.root,
                what: "a bucket has no beginning",
            };
            let root = u64_at(&value, 0).ok_or_else(damaged)?;
            let root = match root {
                0 => Root::Inline(value.get(16..).ok_or_else(damaged)?.to_vec()),
                page => Root::Page(page),
            };
            found.push(Bucket { name: key, root });
        }
        Ok(found)
    }

    /// A bucket's entries, in the order of their keys.
    #[must_use]
    pub fn entries(&self, bucket: &Bucket) -> Entries<'_, S> {
        Entries::new(self, &bucket.root)
    }

    /// A page with those it goes on in.
    fn page(&self, id: u64) -> Result<Vec<u8>, BoltError> {
        let damaged = |what| BoltError::Page { page: id, what };
        if id < 2 || id >= self.pages {
            return Err(damaged("it lies outside of the file"));
        }
        let at = id * self.page_len as u64;
        let mut head = [0; HEAD_LEN];
        self.source.read_at(at, &mut head)?;
        let more = u32_at(&head, 12).unwrap_or(0);
        if u64::from(more) >= self.pages - id {
            return Err(damaged("it goes on outside of the file"));
        }
        let len = (more as usize)
            .checked_add(1)
            .and_then(|pages| pages.checked_mul(self.page_len))
            .filter(|len| *len <= ITEM_LEN_MAX)
            .ok_or_else(|| damaged("it is too long"))?;
        let mut page = vec![0; len];
        self.source.read_at(at, &mut page)?;
        Ok(page)
    }
}

fn meta_at<S: Source + ?Sized>(source: &S, at: u64) -> Option<Meta> {
    let mut bytes = [0; HEAD_LEN + META_SUM_AT + 8];
    source.read_at(at, &mut bytes).ok()?;
    let meta = bytes.get(HEAD_LEN..)?;
    let page_len = u32_at(meta, 8)? as usize;
    let valid = u32_at(meta, 0)? == MAGIC
        && u32_at(meta, 4)? == FORMAT
        && u64_at(meta, META_SUM_AT)? == fnv1a(meta.get(..META_SUM_AT)?)
        && page_len.is_power_of_two()
        && (PAGE_LEN_MIN..=PAGE_LEN_MAX).contains(&page_len);
    valid.then_some(Meta {
        page_len,
        root: u64_at(meta, 16)?,
        pages: u64_at(meta, 40)?,
        txn: u64_at(meta, 48)?,
    })
}

/// A bucket's entries; see [`Database::entries`].
#[derive(Debug)]
pub struct Entries<'a, S: ?Sized> {
    database: &'a Database<'a, S>,
    /// Where to go on: pages on the way down, and the next entry of each.
    path: Vec<Step>,
    /// Where to begin.
    begin: Option<Step>,
    begin_at: Option<u64>,
    /// Pages that may still be looked at.
    pages_left: u64,
    last: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Step {
    id: u64,
    page: Vec<u8>,
    next: usize,
}

/// An entry's key and value.
pub type KeyAndValue = (Vec<u8>, Vec<u8>);

/// An entry of any kind: its key, its value, and whether it is a bucket.
type Entry = (Vec<u8>, Vec<u8>, bool);

impl<'a, S: Source + ?Sized> Entries<'a, S> {
    fn new(database: &'a Database<'a, S>, root: &Root) -> Self {
        let (begin, begin_at) = match root {
            Root::Page(id) => (None, Some(*id)),
            Root::Inline(page) => (
                Some(Step {
                    id: 0,
                    page: page.clone(),
                    next: 0,
                }),
                None,
            ),
        };
        Self {
            database,
            path: Vec::new(),
            begin,
            begin_at,
            pages_left: database.pages,
            last: None,
        }
    }

    /// The next entry that is no bucket; `None` after the last.
    ///
    /// # Errors
    /// When a page is damaged. Nothing follows then.
    pub fn next_entry(&mut self) -> Result<Option<KeyAndValue>, BoltError> {
        while let Some((key, value, is_bucket)) = self.next_of_any_kind()? {
            if !is_bucket {
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }

    fn next_of_any_kind(&mut self) -> Result<Option<Entry>, BoltError> {
        let next = self.walk();
        if next.is_err() {
            self.path.clear();
        }
        next
    }

    fn walk(&mut self) -> Result<Option<Entry>, BoltError> {
        if let Some(step) = self.begin.take() {
            self.path.push(step);
        }
        if let Some(id) = self.begin_at.take() {
            self.descend(id)?;
        }
        loop {
            let Some(step) = self.path.last_mut() else {
                return Ok(None);
            };
            let damaged = |what| BoltError::Page { page: step.id, what };
            let count = u16_at(&step.page, 10).ok_or_else(|| damaged("it has no head"))?;
            if step.next >= usize::from(count) {
                self.path.pop();
                continue;
            }
            let at = HEAD_LEN + step.next * ENTRY_LEN;
            step.next += 1;
            match u16_at(&step.page, 8) {
                Some(flags::LEAF) => {
                    let entry =
                        leaf_entry(&step.page, at).ok_or_else(|| damaged("an entry lies outside of it"))?;
                    if self.last.as_ref().is_some_and(|last| *last >= entry.0) {
                        return Err(damaged("its keys are not in order"));
                    }
                    self.last = Some(entry.0.clone());
                    return Ok(Some(entry));
                }
                Some(flags::BRANCH) if step.id != 0 => {
                    let child =
                        u64_at(&step.page, at + 8).ok_or_else(|| damaged("an entry lies outside of it"))?;
                    self.descend(child)?;
                }
                _ => return Err(damaged("it is neither a leaf nor leads to one")),
            }
        }
    }

    fn descend(&mut self, id: u64) -> Result<(), BoltError> {
        let page = self.database.page(id)?;
        let damaged = |what| BoltError::Page { page: id, what };
        self.pages_left = self
            .pages_left
            .checked_sub((page.len() / self.database.page_len) as u64)
            .ok_or_else(|| damaged("the tree has more pages than the file"))?;
        if self.path.len() >= DEPTH_MAX {
            return Err(damaged("the tree is too deep"));
        }
        self.path.push(Step { id, page, next: 0 });
        Ok(())
    }
}

fn leaf_entry(page: &[u8], at: usize) -> Option<Entry> {
    let number = |place| u32_at(page, at + place).map(|number| number as usize);
    let key_at = at.checked_add(number(4)?)?;
    let value_at = key_at.checked_add(number(8)?)?;
    let end = value_at.checked_add(number(12)?)?;
    let key = page.get(key_at..value_at)?.to_vec();
    let value = page.get(value_at..end)?.to_vec();
    Some((key, value, u32_at(page, at)? & flags::BUCKET != 0))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
