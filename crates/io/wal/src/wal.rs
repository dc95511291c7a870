//! The log's handle: one writer that gathers records, makes them durable in batches, and lets old ones go.
//!
//! [`Wal::append`] only puts frames together in memory; [`Wal::sync`] writes them with one write and one sync. A
//! batch that crosses into the next segment is two such writes, in order. Frames are written when everything
//! before them is durable and never sooner: `tail.rs` rests on that. So while a batch is being written the next may
//! be put together, but not written.
//!
//! Invariants:
//! - What is pending has its space: the segment it goes to is filled with zeros, durably, before `append` returns.
//! - An append is pending whole or not at all.
//! - After a failed write or sync nothing is ever written again.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use koinon_io_disk::{Disk, DiskFile};

use crate::entries::Entries;
use crate::error::WalError;
use crate::figures::Figures;
use crate::frame::{self, PAYLOAD_MAX};
use crate::gather::Gather;
use crate::keeper::{self, Keeper, Refusal};
use crate::lock;
use crate::log::{Log, Position};
use crate::record::{HardState, Record};
use crate::recover::{self, Cut, Found};
use crate::segment::Segment;
use crate::settings::Settings;

/// Bytes that one append may take.
pub const APPEND_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// Bytes that may wait to be synced.
pub const PENDING_BYTES_MAX: usize = 128 * 1_024 * 1_024;
/// What a log was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The index of the first entry (of the first to come, in an empty log).
    pub first_index: u64,
    /// The index of the last entry; `first_index - 1` in an empty log.
    pub last_index: u64,
    /// The last hard state, or its default.
    pub hard_state: HardState,
    /// What the last crash cut off.
    pub cut: Option<Cut>,
}

/// The log.
#[derive(Debug)]
pub struct Wal {
    dir: PathBuf,
    settings: Settings,
    _lock: Arc<dyn DiskFile>,
    /// Those with frames, oldest first; the last one is written to, and there always is one.
    segments: VecDeque<Segment>,
    keeper: Keeper,
    /// With what waits to be synced.
    log: Log,
    gather: Gather,
    /// Everything before is durable.
    durable: Position,
    durable_index: u64,
    /// The last segment for whose successor the keeper was asked.
    asked: u64,
    failed: bool,
    figures: Figures,
}

impl Wal {
    /// Opens the log in `dir`, which is made if need be. What is there is read and verified whole.
    ///
    /// # Errors
    /// `Corrupt` names file and offset of what is damaged; nothing is changed then.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path, settings: Settings) -> Result<(Self, Recovered), WalError> {
        let io = |source| WalError::Io {
            dir: dir.to_path_buf(),
            source,
        };
        disk.create_dir(dir).map_err(io)?;
        let lock = lock::lock(disk.as_ref(), dir)?;
        let found = recover::recover(disk.as_ref(), dir, &settings)?;
        let Found {
            mut segments,
            unused,
            old,
            log,
            mut offset,
            mut chain,
            cut,
        } = found;
        let keeper = Keeper::start(disk, dir, unused, old, settings.background).map_err(io)?;
        if segments.is_empty() {
            let len = settings.len_after(0);
            let (segment, _) = keeper.take(1, 0, len).map_err(|refusal| match refusal {
                Refusal::Now(source) => WalError::NoSegment {
                    dir: dir.to_path_buf(),
                    bytes: len,
                    source,
                },
                Refusal::Forever(source) => io(source),
            })?;
            segments.push_back(Segment {
                next_index: log.first,
                ..segment
            });
            (offset, chain) = (0, 0);
        }
        let sequence = segments.back().map_or(1, |segment| segment.sequence);
        let recovered = Recovered {
            first_index: log.first,
            last_index: log.last,
            hard_state: log.hard_state,
            cut,
        };
        let durable = Position { sequence, offset };
        let wal = Self {
            dir: dir.to_path_buf(),
            _lock: lock,
            segments,
            keeper,
            durable,
            durable_index: log.last,
            gather: Gather::new(settings.identity, durable, chain),
            settings,
            log,
            asked: 0,
            failed: false,
            figures: Figures::default(),
        };
        Ok((wal, recovered))
    }

    /// Puts records behind the log's end, in memory; [`sync`](Self::sync) makes them durable. All of them, or none:
    /// after an error nothing has changed, and after an `Unavailable` one the same append may be tried again.
    pub fn append(&mut self, records: &[Record<'_>]) -> Result<(), WalError> {
        self.usable()?;
        if records.is_empty() {
            return Ok(());
        }
        self.check_indexes(records)?;
        let bytes = self.check_sizes(records)?;
        self.make_room(bytes)?;
        let Some(segment) = self.segments.back_mut() else {
            return Err(self.fail(None));
        };
        self.gather.begin(segment, self.log.hard_state);
        for record in records {
            match *record {
                Record::Entry { index, .. } => {
                    self.log.entry(index, self.gather.at);
                    segment.note(index);
                }
                Record::HardState(state) => self.log.hard_state = state,
            }
            self.gather.record(record);
        }
        self.look_ahead();
        Ok(())
    }

    /// Makes everything appended durable: for each segment concerned (mostly one) one write and one sync.
    ///
    /// # Errors
    /// `Failed`: nobody knows what is durable now. The log takes nothing more; the process must end and recover.
    pub fn sync(&mut self) -> Result<(), WalError> {
        self.usable()?;
        let (writes, records) = self.gather.take();
        for write in writes {
            let began = Instant::now();
            let written = write
                .file
                .write_at(&write.bytes, write.at.offset)
                .and_then(|()| write.file.sync_data());
            if let Err(source) = written {
                return Err(self.fail(Some(source)));
            }
            self.figures.sync_latency.note(began.elapsed());
            self.figures.syncs += 1;
            self.figures.written_bytes += write.bytes.len() as u64;
            self.durable = write.end();
            self.gather.reuse(write.bytes);
        }
        self.durable_index = self.log.last;
        self.figures.records += records;
        Ok(())
    }

    /// Lets go of whole segments that hold no entry with index `below` or higher. Whoever calls has these entries
    /// durable elsewhere. What an [`Entries`] has yet to read stays for the next call.
    ///
    /// # Errors
    /// `Failed`, when the log failed before.
    pub fn purge(&mut self, below: u64) -> Result<(), WalError> {
        self.usable()?;
        // The new oldest segment must have a durable head: it is what the log begins with then.
        while let (Some(oldest), Some(next)) = (self.segments.front(), self.segments.get(1))
            && next.sequence <= self.durable.sequence
            && oldest.indexes.is_none_or(|(_, high)| high < below)
            && Arc::strong_count(&oldest.file) == 1
        {
            let sequence = oldest.sequence;
            let first = next.next_index;
            self.segments.pop_front();
            let lowest = self
                .segments
                .iter()
                .filter_map(|segment| segment.indexes)
                .map(|(low, _)| low)
                .min();
            self.log
                .purge(sequence + 1, lowest.map_or(first, |lowest| lowest.min(first)));
            self.keeper.retire(sequence);
        }
        Ok(())
    }

    /// The durable entries from index `from` on; none for an index that is not there yet.
    ///
    /// # Errors
    /// `Purged`, when the log begins behind `from`.
    pub fn entries(&self, from: u64) -> Result<Entries, WalError> {
        if from < self.log.first {
            return Err(WalError::Purged {
                index: from,
                first: self.log.first,
            });
        }
        // All live entries before a segment are below its `next_index`.
        let skip = self
            .segments
            .iter()
            .rposition(|segment| segment.next_index <= from)
            .unwrap_or(0);
        let segments = self.segments.iter().skip(skip).cloned().collect();
        Ok(Entries::new(
            self.dir.clone(),
            segments,
            self.log.stale(self.durable),
            self.durable,
            from,
        ))
    }

    /// The index of the first entry.
    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.log.first
    }

    /// The index of the last entry, durable or pending.
    #[must_use]
    pub fn last_index(&self) -> u64 {
        self.log.last
    }

    /// The index of the last entry at the last sync.
    #[must_use]
    pub fn durable_index(&self) -> u64 {
        self.durable_index
    }

    /// The last hard state, durable or pending.
    #[must_use]
    pub fn hard_state(&self) -> HardState {
        self.log.hard_state
    }

    /// What the log has done and holds.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let (segments_made, segments_recycled) = self.keeper.counts();
        Figures {
            segments: self.segments.len() as u64,
            segment_bytes: self.segments.iter().map(|segment| segment.len).sum(),
            segments_made,
            segments_recycled,
            ..self.figures.clone()
        }
    }

    fn usable(&mut self) -> Result<(), WalError> {
        if let Some(error) = self.keeper.failed() {
            return Err(self.fail(Some(error)));
        }
        if self.failed { Err(self.fail(None)) } else { Ok(()) }
    }

    fn fail(&mut self, source: Option<io::Error>) -> WalError {
        self.failed = true;
        WalError::Failed {
            dir: self.dir.clone(),
            source,
        }
    }

    fn check_indexes(&self, records: &[Record<'_>]) -> Result<(), WalError> {
        let mut last = self.log.last;
        for record in records {
            if let Record::Entry { index, .. } = *record {
                if index < self.log.first || index > last.saturating_add(1) || index == u64::MAX {
                    return Err(WalError::Gap {
                        index,
                        first: self.log.first,
                        last,
                    });
                }
                last = index;
            }
        }
        Ok(())
    }

    fn check_sizes(&self, records: &[Record<'_>]) -> Result<u64, WalError> {
        let too_large = |bytes: usize, max: usize, per| {
            Err(WalError::TooLarge {
                bytes: bytes as u64,
                max: max as u64,
                per,
            })
        };
        let mut bytes = 0;
        for record in records {
            let payload_len = record.payload_len();
            if payload_len > PAYLOAD_MAX {
                return too_large(payload_len, PAYLOAD_MAX, "in one entry");
            }
            bytes += frame::frame_len(payload_len);
        }
        if bytes > APPEND_BYTES_MAX {
            return too_large(bytes, APPEND_BYTES_MAX, "by one append");
        }
        let waiting = self.gather.waiting_bytes();
        if waiting + bytes > PENDING_BYTES_MAX {
            return Err(WalError::Unsynced {
                bytes: waiting as u64,
            });
        }
        Ok(bytes as u64)
    }

    /// Sees to it that `bytes` fit into the last segment, a batch's beginning included.
    fn make_room(&mut self, bytes: u64) -> Result<(), WalError> {
        let need = Gather::room(bytes);
        let next_index = self.log.last + 1;
        let Some(last) = self.segments.back_mut() else {
            return Err(self.fail(None));
        };
        if last.len.saturating_sub(self.gather.at.offset) >= need {
            return Ok(());
        }
        let made = if self.gather.at.offset == 0 {
            // An empty segment in the middle of the log would be none: it grows instead.
            keeper::grow(last.file.as_ref(), need).map(|()| last.len = need)
        } else {
            self.keeper
                .take(last.sequence + 1, need, self.settings.len_after(last.len))
                .map(|(segment, waited)| {
                    self.figures.segments_waited_for += u64::from(waited);
                    self.gather.move_on(segment.sequence);
                    self.segments.push_back(Segment {
                        next_index,
                        chain: self.gather.chain,
                        ..segment
                    });
                })
        };
        made.map_err(|refusal| match refusal {
            Refusal::Now(source) => WalError::NoSegment {
                dir: self.dir.clone(),
                bytes,
                source,
            },
            Refusal::Forever(source) => self.fail(Some(source)),
        })
    }

    /// Asks for the next segment when a quarter of this one is used: long before it is needed.
    fn look_ahead(&mut self) {
        let Some(last) = self.segments.back() else { return };
        if self.asked < last.sequence && self.gather.at.offset >= last.len / 4 {
            self.asked = last.sequence;
            self.keeper
                .want(last.sequence + 1, self.settings.len_after(last.len));
        }
    }
}
