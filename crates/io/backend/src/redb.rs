//! The backend on `redb`: a copy-on-write B-tree in one file, with one writer and readers that never wait for it.
//!
//! | file | idea |
//! |---|---|
//! | `file` | the database's file is one of `io/disk`, and remembers which operation failed |
//! | `tables` | what lies in which table |
//! | `admission` | how much space a batch may take |
//! | `write` | a batch as one transaction |
//! | `view` | reading, from the latest transaction or from one that is held |
//! | `refusal` | its errors in our words |
//! | `open` | making, opening and closing the file |
//! | `backend` | all of it behind [`Backend`](crate::Backend) |

mod admission;
mod backend;
mod file;
mod open;
mod refusal;
mod tables;
mod view;
mod write;

pub use backend::RedbBackend;
pub use open::BackendSettings;
