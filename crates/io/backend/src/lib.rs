//! Where the store's state lies on disk: records by revision, and the figures, leases and marks that belong to them.
//!
//! A [`Backend`] takes a [`Batch`] as one durable transaction and answers reads of what was committed last; a [`View`]
//! is what it held at one moment, for as long as somebody needs it. The records are bytes here: what is in them is the
//! state machine's affair. The log has everything that the backend does not have yet, so the backend may lag behind,
//! but it never holds half of a batch, and it knows up to which log index it is true.
//!
//! | file | idea |
//! |---|---|
//! | `contract` | what the store needs: [`View`], [`Backend`] |
//! | `batch` | what one transaction changes |
//! | `build` | a backend made of what somebody else has |
//! | `held` | what a backend holds besides records |
//! | `error` | why something was not done |
//! | `key` | how a record lies on disk |
//! | `laws` | what holds for all bytes, for tests and fuzz targets |
//! | `place` | where files lie while they are made |
//! | `redb` | the backend in a file |
//! | `snapshot` | all of it as a stream of checked chunks |

mod batch;
mod build;
mod contract;
mod error;
mod held;
mod key;
#[cfg(any(test, feature = "laws"))]
pub mod laws;
mod place;
mod redb;
pub mod snapshot;

pub use batch::{Batch, META_KEY_LEN_MAX, META_VALUE_LEN_MAX, RECORD_LEN_MAX};
pub use build::Build;
pub use contract::{Backend, Figures, Scanned, View, Visit};
pub use error::BackendError;
pub use held::{Applied, Held, HeldSpace, SpaceFigures, SpaceMarks};
pub use redb::{BackendSettings, RedbBackend};
