//! Assembles a node from settings: which listeners there are, which domain stands behind each, and how all of it
//! starts and ends together.

mod data_dir;
mod data_plane;
mod descriptors;
mod listeners;
mod member;
mod metrics;
mod node;
mod restore;
pub mod routes;
pub mod settings;

pub use data_dir::{DataDir, DataDirError};
pub use listeners::{ListenError, Listeners};
pub use node::{Failed, Node, StartError};
pub use restore::{RestoreError, Saved, restore_data_dir, snapshot_frames};
pub use routes::RoutesError;
pub use settings::{Role, Settings, SettingsError};
