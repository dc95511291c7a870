//! Balancing: which endpoint of an upstream takes the next request, and whether a failed one may be tried again.
//!
//! The gateway, the agent and the SDK share these rules. They are pure: time and randomness are arguments, there
//! is no I/O, no lock and no task, and nothing on the path of a request allocates. What is decided together by
//! all worker threads of a node (requests in flight, failure marks, cursors, the retry budget) lives in atomics,
//! one cache line per key; what a worker only reads (the endpoints and their order) is an immutable
//! [`EndpointSet`] that is built anew when the registry changes.
//!
//! A request goes like this:
//!
//! 1. [`RetryBudget::record_request`], once.
//! 2. [`Balancer::pick`] gives an endpoint and an [`Attempt`], which counts as in flight until it is dropped.
//! 3. Connect, then say what happened: [`Attempt::connected`], or [`Tried::add`] and [`Attempt::failed`].
//! 4. After a failure that sent nothing: ask [`RetryBudget::try_retry`], then go to 2 with the same [`Tried`].
//!
//! | file | idea |
//! |---|---|
//! | `endpoint` | what an endpoint is, and when it is the same one as before |
//! | `set` | the endpoints of an upstream, grouped: own zone, all that serve, drained |
//! | `shares` | exact weighted shares from a counter |
//! | `state` | what a node knows of one endpoint |
//! | `mark` | the failure mark in one word |
//! | `backoff` | how long a marked endpoint is left alone |
//! | `attempt` | one request's use of an endpoint, and what it learnt |
//! | `tried` | what a request must not try again |
//! | `candidates` | what a policy sees |
//! | `policy` | the policies, a file each |
//! | `balancer` | a policy, the zone preference and the last resorts, in order |
//! | `retry_budget` | how many retries a node may make |

mod attempt;
mod backoff;
mod balancer;
mod candidates;
mod cursor;
mod endpoint;
mod mark;
mod policy;
mod retry_budget;
mod set;
mod shares;
mod state;
mod tried;

pub use attempt::{Attempt, AttemptKind};
pub use backoff::Backoff;
pub use balancer::{Balancer, Pick};
pub use candidates::{CandidateGroup, Candidates};
pub use endpoint::{Endpoint, EndpointId};
pub use policy::{Policy, PolicyKind, UnknownPolicy};
pub use retry_budget::{RetryBudget, RetryBudgetConfig};
pub use set::EndpointSet;
pub use state::{EndpointState, Standing};
pub use tried::Tried;
