//! The write-ahead log: what has been synced here survives; nothing else of the store needs to be synced to answer.
//!
//! One writer appends records ([`Record`]) and makes them durable in batches; opening the log verifies all of it and
//! answers what it holds. Entries have the rules of Raft's log: consecutive indexes, and an entry with an index that
//! is there already replaces that one and all behind it. The log does not look into what entries say.
//!
//! | file | idea |
//! |---|---|
//! | `frame` | how a record lies in a file, and how one tells that it is whole |
//! | `record` | what frames carry |
//! | `segment` | the files, their names and heads |
//! | `window`, `scan` | reading a segment forward |
//! | `tail` | cut off by a crash, or rotten? |
//! | `recover` | opening what is there |
//! | `lock` | one owner at a time |
//! | `log` | what the frames add up to |
//! | `keeper` | segments made ahead, and used again |
//! | `gather` | frames put together until they are written |
//! | `wal` | the handle: append, sync, purge |
//! | `entries` | reading back |
//!
//! It rests on the ordering law of `koinon-io-disk` and on this of a disk: a sector of 512 bytes is written whole or not
//! at all, and bytes that are not written do not change. What it promises then is proven in `tests/`, on a simulated
//! disk that breaks every other promise.

mod entries;
mod error;
mod figures;
mod frame;
mod gather;
mod keeper;
#[cfg(feature = "laws")]
pub mod laws;
mod lock;
mod log;
mod record;
mod recover;
mod scan;
mod segment;
mod settings;
mod tail;
mod wal;
mod window;
mod zeros;

pub use entries::{Entries, Entry};
pub use error::WalError;
pub use figures::{Figures, Latencies};
pub use frame::PAYLOAD_MAX;
pub use record::{HardState, Record};
pub use recover::Cut;
pub use settings::{Identity, Settings};
pub use wal::{APPEND_BYTES_MAX, PENDING_BYTES_MAX, Recovered, Wal};
