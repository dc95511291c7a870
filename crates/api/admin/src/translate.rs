//! Shapes ⇄ the types of the registry and of routes, and errors to their one form.

mod error;
mod gateway;
mod names;
mod registration;
mod view;

pub(crate) use error::ApiError;
pub use gateway::{owned_request, tried};
pub(crate) use names::{Target, namespace, service};
pub(crate) use registration::registration;
pub(crate) use view::{instance, removed, service_list, service_view, status_of};
