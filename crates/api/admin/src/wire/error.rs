//! The one form of every error.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What every answer with a status of 400 or above carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorBody {
    /// What a program should react to: `invalid`, `not_found`, `already_exists`, `conflict`, `unauthenticated`,
    /// `permission_denied`, `not_leader`, `overloaded`, `unavailable` (nothing happened), `outcome_unknown` (it may
    /// have), `corrupt` or `internal`.
    pub code: String,
    /// What a person should read.
    pub message: String,
    /// For `invalid`: every problem of the request, not only the first.
    pub details: Vec<Problem>,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Where: a field of the body (`lease.duration_s`), a part of the path or a query parameter.
    pub field: String,
    /// What is wrong there and what was expected.
    pub problem: String,
}

impl Problem {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }
}
