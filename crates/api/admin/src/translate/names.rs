//! The names in a request's path and query, checked together.

use koinon_base::{InstanceId, NameError, Namespace, ServiceName};

use super::ApiError;
use crate::wire::Problem;

/// The instance that a request is about.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) namespace: Namespace,
    pub(crate) service: ServiceName,
    pub(crate) id: InstanceId,
}

impl Target {
    /// Checks all three names and adds every problem to `problems`.
    pub(crate) fn read(
        namespace: Option<&str>,
        service: &str,
        id: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let namespace = noted("namespace", namespace_of(namespace), problems);
        let service = noted("service", ServiceName::new(service), problems);
        let id = noted("id", InstanceId::new(id), problems);
        Some(Self {
            namespace: namespace?,
            service: service?,
            id: id?,
        })
    }
}

/// The namespace asked for, or `default`.
pub(crate) fn namespace(name: Option<&str>) -> Result<Namespace, ApiError> {
    namespace_of(name).map_err(|e| ApiError::invalid(vec![problem("namespace", &e)]))
}

/// The service asked for.
pub(crate) fn service(name: &str) -> Result<ServiceName, ApiError> {
    ServiceName::new(name).map_err(|e| ApiError::invalid(vec![problem("service", &e)]))
}

fn namespace_of(name: Option<&str>) -> Result<Namespace, NameError> {
    name.map_or_else(|| Ok(Namespace::default()), Namespace::new)
}

fn noted<T>(field: &str, result: Result<T, NameError>, problems: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|e| problems.push(problem(field, &e))).ok()
}

fn problem(field: &str, error: &NameError) -> Problem {
    // The message starts with what the field says already.
    let (NameError::Empty { what } | NameError::TooLong { what, .. } | NameError::BadCharacter { what, .. }) =
        error;
    let text = error.to_string();
    Problem::new(field, text.strip_prefix(what).unwrap_or(&text).trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All three names are checked at once, and each problem names its place once.
    #[test]
    fn every_bad_name_is_told() {
        let mut problems = Vec::new();
        assert!(Target::read(Some("Prod"), "a/b", "", &mut problems).is_none());
        let told: Vec<String> = problems
            .iter()
            .map(|p| format!("{} {}", p.field, p.problem))
            .collect();
        assert_eq!(
            told,
            [
                "namespace contains 'P', which is not allowed there",
                "service contains '/', which is not allowed there",
                "id is empty; give at least one character",
            ]
        );
    }
}
