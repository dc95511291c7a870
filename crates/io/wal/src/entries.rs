//! Reading entries back, in order of their index, from the files.
//!
//! Every frame is verified again: what was right when the log was opened may have changed since.

use std::collections::VecDeque;
use std::path::PathBuf;

use crate::error::WalError;
use crate::log::{Position, Stale};
use crate::record::Record;
use crate::scan::{Bad, Scan, Step};
use crate::segment::{Segment, VERSION};

/// An entry as it was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The leader's term that made it.
    pub term: u64,
    /// Its place in the log.
    pub index: u64,
    /// What it says.
    pub payload: Vec<u8>,
}

/// The durable entries from some index on, without a gap. As long as it lives, no segment it has yet to read is
/// purged. After an error it ends.
#[derive(Debug)]
pub struct Entries {
    dir: PathBuf,
    /// Yet to be read, the one being read first.
    segments: VecDeque<Segment>,
    scan: Option<Scan>,
    stale: Stale,
    /// Where the durable frames end.
    end: Position,
    next: u64,
}

impl Entries {
    pub(crate) fn new(
        dir: PathBuf,
        segments: VecDeque<Segment>,
        stale: Stale,
        end: Position,
        from: u64,
    ) -> Self {
        Self {
            dir,
            segments,
            scan: None,
            stale,
            end,
            next: from,
        }
    }

    fn read(&mut self) -> Result<Option<Entry>, WalError> {
        while let Some(segment) = self.segments.front() {
            let io = |source| WalError::Io {
                dir: self.dir.clone(),
                source,
            };
            if self.scan.is_none() {
                self.scan = Some(Scan::new(segment.file.clone()).map_err(io)?);
            }
            let Some(scan) = &mut self.scan else { break };
            let at = Position {
                sequence: segment.sequence,
                offset: scan.offset(),
            };
            if at >= self.end {
                break;
            }
            let bad = match scan.next().map_err(io)? {
                Step::Head(head) if head.chain == segment.chain => continue,
                Step::Head(_) => "the head has changed since the log was opened",
                Step::Frame(frame) => match Record::parse(frame.kind, frame.payload) {
                    Some(Record::Entry { term, index, payload }) => {
                        if index < self.next || self.stale.is(index, at) {
                            continue;
                        }
                        if index > self.next {
                            return Err(gap(segment, at.offset));
                        }
                        self.next += 1;
                        return Ok(Some(Entry {
                            term,
                            index,
                            payload: payload.to_vec(),
                        }));
                    }
                    Some(Record::HardState(_)) | None => continue,
                },
                Step::End if segment.sequence < self.end.sequence => {
                    self.segments.pop_front();
                    self.scan = None;
                    continue;
                }
                Step::Bad(Bad::Version(version)) => {
                    return Err(WalError::Version {
                        file: segment.path.clone(),
                        version,
                        known: VERSION,
                    });
                }
                Step::Bad(Bad::Contradiction(what)) => what,
                Step::End | Step::Bad(Bad::Unverified) => "a frame that was durable does not verify any more",
            };
            return Err(WalError::Corrupt {
                file: segment.path.clone(),
                offset: at.offset,
                what: bad.to_owned(),
            });
        }
        Ok(None)
    }
}

fn gap(segment: &Segment, offset: u64) -> WalError {
    let what = "entries are missing before this one".to_owned();
    WalError::Corrupt {
        file: segment.path.clone(),
        offset,
        what,
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, WalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_err() {
            self.segments.clear();
        }
        read.transpose()
    }
}
