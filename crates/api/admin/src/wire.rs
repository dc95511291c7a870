//! The JSON shapes of the native API. Times are Unix milliseconds; a `null` field means the same as an absent one.

mod error;
mod gateway;
mod instance;
mod register;
pub mod sse;

pub use error::{ErrorBody, Problem};
pub use gateway::{
    Endpoint, EndpointState, Header, Outcome, Refused, Responses, Route, RouteList, Taken, Tried, TryRequest,
    Upstream, UpstreamList,
};
pub use instance::{
    Consistency, Health, Instance, Lease, Removed, Scheme, Service, ServiceList, ServiceSummary, Status,
    Statuses, WatchSnapshot,
};
pub use register::{RegisterRequest, StatusRequest};
