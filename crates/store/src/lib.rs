//! The store: keyspaces that survive crashes, behind one handle.
//!
//! [`Store`] is what doors and domains hold. A write becomes an entry of the log, is made durable together with those that
//! came at the same time, and is then decided and applied by the machine of `koinon-core-kv`; reads look at the
//! machine's index and find values in memory or in the backend. docs/adr/0006 says why.
//!
//! | file | idea |
//! |---|---|
//! | `handle` | every operation on a keyspace |
//! | `open` | opening and closing |
//! | `propose` | the bounded queue of writes before the log |
//! | `log` | what makes them durable |
//! | `writer` | the thread that does it, in batches |
//! | `shared` | deciding, applying, reading |
//! | `overlay`, `records` | where values are: memory, then the backend |
//! | `dirty`, `flusher`, `bell` | carrying what was applied to the backend, and removing what compaction forgot |
//! | `pins` | what is being read, and may not be removed |
//! | `leases` | leases over time |
//! | `retention` | forgetting history by itself |
//! | `tree` | what etcd v2 clients see |
//! | `watch` | watching keys |
//! | `figures` | what an operator sees |
//! | `export` | everything in a keyspace, as of one moment |
//! | `snapshot`, `restore` | the whole store as a stream of chunks, and made of one |

mod bell;
mod dirty;
mod error;
mod export;
mod figures;
mod flusher;
mod handle;
mod leases;
mod log;
mod open;
mod overlay;
mod pins;
mod propose;
mod records;
mod restore;
mod retention;
mod settings;
mod shared;
mod snapshot;
mod tree;
mod watch;
mod writer;

pub use error::StoreError;
pub use export::{Export, ExportPiece};
pub use figures::{Figures, SpaceFigures};
pub use handle::{Answer, Consistency, LeaseState, Space, Store};
pub use leases::run_leases;
pub use open::OpenError;
pub use restore::{Import, RestoreError, Restored, restore};
pub use retention::{Retention, run_retention};
pub use settings::Settings;
pub use snapshot::{Inventory, SnapshotError, SpaceInventory, inventory};
pub use tree::TreeSpace;
pub use watch::{Event, WatchMessage, WatchRefused, WatchRequest, WatchStream, Watching};
