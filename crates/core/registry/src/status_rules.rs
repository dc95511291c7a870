//! Which status holds when the instance, an operator and the registry disagree.
//!
//! Eureka's rules, in their order; the first that matches wins (source: Netflix/eureka, `registry/rule`):
//!
//! 1. an instance that does not say `Up` or `OutOfService` is believed: it knows best that it cannot serve;
//! 2. an operator's override;
//! 3. the status that the registry holds already, if it is `Up` or `OutOfService` and the claim does not come
//!    from a peer server: so a client that registers again with `Up` does not undo its being out of service;
//! 4. what the instance says.

use crate::model::Status;

/// What is known when a status is to be decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claims {
    /// What the instance says.
    pub(crate) said: Status,
    /// What an operator set.
    pub(crate) overridden: Option<Status>,
    /// What the registry holds for a lease that exists.
    pub(crate) held: Option<Status>,
    /// Whether a peer server passes the claim on.
    pub(crate) replicated: bool,
}

pub(crate) fn decide(claims: Claims) -> Status {
    let in_doubt = |status| matches!(status, Status::Up | Status::OutOfService);
    if !in_doubt(claims.said) {
        return claims.said;
    }
    if let Some(overridden) = claims.overridden {
        return overridden;
    }
    match claims.held {
        Some(held) if in_doubt(held) && !claims.replicated => held,
        _ => claims.said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Down, OutOfService, Starting, Up};

    fn status(said: Status, overridden: Option<Status>, held: Option<Status>, replicated: bool) -> Status {
        decide(Claims {
            said,
            overridden,
            held,
            replicated,
        })
    }

    /// The order of the rules is what clients see when several apply; each row would differ in another order.
    #[test]
    fn the_first_matching_rule_wins() {
        assert_eq!(status(Starting, Some(OutOfService), Some(Up), false), Starting);
        assert_eq!(status(Down, None, Some(Up), false), Down);
        assert_eq!(status(Up, Some(OutOfService), Some(Up), false), OutOfService);
        assert_eq!(status(Up, None, Some(OutOfService), false), OutOfService);
        assert_eq!(status(Up, None, Some(OutOfService), true), Up);
        assert_eq!(status(Up, None, Some(Down), false), Up);
        assert_eq!(status(OutOfService, None, None, false), OutOfService);
    }
}
