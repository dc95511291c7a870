//! The v2 API's forms and JSON: what is sent in a query or a body, and how nodes and events are written.
//!
//! Forms are read as the original reads them, with the same complaints, because clients meet them; see
//! <https://etcd.io/docs/v2.3/api/>.

pub mod form;
pub mod json;
pub mod place;
