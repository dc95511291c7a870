//! Opening what is there: every frame is verified, the torn end is cut, everything else that is wrong is refused.
//!
//! What was found is made durable before it is told: a process that was killed may have left bytes that no sync
//! ever covered, and whoever reads them here will rely on them.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use koinon_io_disk::Disk;

use crate::error::WalError;
use crate::log::{Log, Position};
use crate::record::Record;
use crate::scan::{Bad, Scan, Step};
use crate::segment::{self, Head, Role, Segment, VERSION};
use crate::settings::Settings;
use crate::tail::{self, Tail};
use crate::window;
use crate::zeros::zero;

/// The end of a write that a crash cut off, which was taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub file: PathBuf,
    /// Where the last whole frame ends.
    pub offset: u64,
    /// How many bytes behind it were taken away, zeros between them included.
    pub bytes: u64,
}

/// What the directory holds.
#[derive(Debug)]
pub(crate) struct Found {
    /// Segments with frames, oldest first.
    pub(crate) segments: VecDeque<Segment>,
    /// Prepared ones behind them.
    pub(crate) unused: VecDeque<Segment>,
    /// Purged segments that wait to be used again.
    pub(crate) old: Vec<PathBuf>,
    pub(crate) log: Log,
    /// Where the next frame goes in the last segment, and the checksum before it.
    pub(crate) offset: u64,
    pub(crate) chain: u32,
    pub(crate) cut: Option<Cut>,
}

/// Where the frames of a segment end, and why.
struct Stop {
    offset: u64,
    chain: u32,
    mark: u32,
    bad: bool,
}

/// Reads the whole log.
pub(crate) fn recover(disk: &dyn Disk, dir: &Path, settings: &Settings) -> Result<Found, WalError> {
    let io = |source| WalError::Io {
        dir: dir.to_path_buf(),
        source,
    };
    let (mut segments, old) = files(disk, dir)?;
    let (used, used_end) = last_used(&segments).map_err(io)?;
    let mut unused = segments.split_off(used);
    let mut reader = Reader {
        dir,
        settings,
        log: Log::new(settings.first_index),
        before: None,
    };
    let mut cut = None;
    for (at, segment) in segments.iter_mut().enumerate() {
        let stop = reader.read(segment)?;
        if at + 1 == used {
            cut = reader.end(segment, &stop, used_end)?;
        } else if stop.bad || stop.offset == 0 {
            return Err(corrupt(
                &segment.path,
                stop.offset,
                "a frame does not verify, and segments follow",
            ));
        }
        if stop.offset > 0 {
            reader.before = Some((segment.clone(), stop));
        }
    }
    if let Some(segment) = segments.back() {
        if let Some(cut) = &cut {
            zero(segment.file.as_ref(), cut.offset, cut.offset + cut.bytes).map_err(io)?;
        }
        segment.file.sync_data().map_err(io)?;
    }
    disk.sync_dir(dir).map_err(io)?;
    if cut.as_ref().is_some_and(|cut| cut.offset == 0) {
        // Not even the head was whole, so nothing in it counts: it is a prepared segment again.
        unused.extend(segments.pop_back());
        unused.rotate_right(1);
    }
    if let (None, Some(first)) = (segments.front(), unused.front())
        && first.sequence != 1
    {
        return Err(corrupt(&first.path, 0, "the log's oldest segment is empty"));
    }
    let (offset, chain) = reader
        .before
        .map_or((0, 0), |(_, stop)| (stop.offset, stop.chain));
    Ok(Found {
        segments,
        unused,
        old,
        log: reader.log,
        offset,
        chain,
        cut,
    })
}

/// Opens the segments, which must be consecutive; removes what was half made.
fn files(disk: &dyn Disk, dir: &Path) -> Result<(VecDeque<Segment>, Vec<PathBuf>), WalError> {
    let io = |source| WalError::Io {
        dir: dir.to_path_buf(),
        source,
    };
    let (mut segments, mut old) = (VecDeque::<Segment>::new(), Vec::new());
    for name in disk.list(dir).map_err(io)? {
        let Some((sequence, role)) = name.to_str().and_then(segment::parse_name) else {
            continue;
        };
        let path = segment::path(dir, sequence, role);
        match role {
            Role::New => disk.remove(&path).map_err(io)?,
            Role::Old => old.push(path),
            Role::Live => {
                if let Some(before) = segments.back()
                    && before.sequence + 1 != sequence
                {
                    let missing = segment::path(dir, before.sequence + 1, Role::Live);
                    return Err(corrupt(&missing, 0, "the segment is missing"));
                }
                let file = disk.open(&path).map_err(io)?;
                segments.push_back(Segment {
                    sequence,
                    path,
                    len: file.len().map_err(io)?,
                    file,
                    next_index: 0,
                    chain: 0,
                    indexes: None,
                });
            }
        }
    }
    Ok((segments, old))
}

/// How many segments have been written to, and where the last of these ends.
fn last_used(segments: &VecDeque<Segment>) -> io::Result<(usize, u64)> {
    for (at, segment) in segments.iter().enumerate().rev() {
        let end = window::used_end(segment.file.as_ref())?;
        if end > 0 {
            return Ok((at + 1, end));
        }
    }
    Ok((0, 0))
}

struct Reader<'a> {
    dir: &'a Path,
    settings: &'a Settings,
    log: Log,
    /// The segment before, and where its frames end.
    before: Option<(Segment, Stop)>,
}

impl Reader<'_> {
    /// Takes in the frames of one segment, up to the first that is none.
    fn read(&mut self, segment: &mut Segment) -> Result<Stop, WalError> {
        let io = |source| WalError::Io {
            dir: self.dir.to_path_buf(),
            source,
        };
        let mut scan = Scan::new(segment.file.clone()).map_err(io)?;
        let chain = self.before.as_ref().map_or(0, |(_, stop)| stop.chain);
        let mut mark = segment::mark(self.settings.identity, segment.sequence, chain);
        loop {
            let offset = scan.offset();
            let bad = match scan.next().map_err(io)? {
                Step::Head(head) => {
                    mark = head.mark();
                    self.head(segment, &head)?;
                    continue;
                }
                Step::Frame(frame) => {
                    let at = Position {
                        sequence: segment.sequence,
                        offset,
                    };
                    match self.frame(segment, frame.kind, frame.payload, at) {
                        Ok(()) => continue,
                        Err(what) => return Err(corrupt(&segment.path, offset, what)),
                    }
                }
                Step::Bad(Bad::Contradiction(what)) => return Err(corrupt(&segment.path, offset, what)),
                Step::Bad(Bad::Version(version)) => {
                    return Err(WalError::Version {
                        file: segment.path.clone(),
                        version,
                        known: VERSION,
                    });
                }
                Step::Bad(Bad::Unverified) => true,
                Step::End => false,
            };
            let chain = scan.chain();
            return Ok(Stop {
                offset,
                chain,
                mark,
                bad,
            });
        }
    }

    fn head(&mut self, segment: &mut Segment, head: &Head) -> Result<(), WalError> {
        if head.identity != self.settings.identity {
            return Err(WalError::Foreign {
                file: segment.path.clone(),
                cluster: head.identity.cluster,
                member: head.identity.member,
            });
        }
        if head.sequence != segment.sequence || head.next_index == 0 {
            return Err(corrupt(&segment.path, 0, "the head is another segment's"));
        }
        if let Some((before, stop)) = &self.before {
            if head.chain != stop.chain {
                return Err(corrupt(
                    &before.path,
                    stop.offset,
                    "the next segment follows on other frames than these",
                ));
            }
            if head.next_index != self.log.last + 1 {
                return Err(corrupt(&segment.path, 0, "the head continues another log"));
            }
        } else {
            self.log = Log::new(head.next_index);
        }
        self.log.hard_state = head.hard_state;
        segment.next_index = head.next_index;
        segment.chain = head.chain;
        Ok(())
    }

    fn frame(
        &mut self,
        segment: &mut Segment,
        kind: u8,
        payload: &[u8],
        at: Position,
    ) -> Result<(), &'static str> {
        if kind == crate::record::BATCH {
            return Ok(());
        }
        match Record::parse(kind, payload).ok_or("a record of a kind that this version does not know")? {
            Record::HardState(state) => self.log.hard_state = state,
            Record::Entry { index, .. } => {
                if !self.log.entry(index, at) {
                    return Err("an entry that does not follow the one before");
                }
                segment.note(index);
            }
        }
        Ok(())
    }

    /// Judges the end of the last segment that was written to.
    fn end(&self, segment: &Segment, stop: &Stop, used_end: u64) -> Result<Option<Cut>, WalError> {
        let io = |source| WalError::Io {
            dir: self.dir.to_path_buf(),
            source,
        };
        let tail = tail::judge(segment.file.as_ref(), stop.mark, stop.offset, used_end).map_err(io)?;
        match tail {
            Tail::Clean => return Ok(None),
            Tail::Rotten(what) => return Err(corrupt(&segment.path, stop.offset, what)),
            Tail::Cut => {}
        }
        if stop.offset == 0 {
            self.headless(segment)?;
        }
        Ok(Some(Cut {
            file: segment.path.clone(),
            offset: stop.offset,
            bytes: used_end - stop.offset,
        }))
    }

    /// A segment's very first write was cut, so its head does not vouch for the segment before. That must be whole.
    fn headless(&self, segment: &Segment) -> Result<(), WalError> {
        let Some((before, stop)) = &self.before else {
            // Purging leaves no segment first whose head is not durable; only a new log begins with none.
            let new = segment.sequence == 1;
            return if new {
                Ok(())
            } else {
                Err(corrupt(&segment.path, 0, "the log's oldest segment has no head"))
            };
        };
        let end = window::used_end(before.file.as_ref()).map_err(|source| WalError::Io {
            dir: self.dir.to_path_buf(),
            source,
        })?;
        if end > stop.offset {
            return Err(corrupt(
                &before.path,
                stop.offset,
                "zeros where a frame began, and a segment follows",
            ));
        }
        Ok(())
    }
}

fn corrupt(file: &Path, offset: u64, what: &str) -> WalError {
    WalError::Corrupt {
        file: file.to_path_buf(),
        offset,
        what: what.to_owned(),
    }
}
