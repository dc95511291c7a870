//! A file's routes without a gateway: what would be said of them, and which would take a request, before traffic depends on
//! it.

use std::sync::Arc;

use koinon_core_route::{
    Explanation, Extensions, OwnedRequest, Problem, Problems, RouteDescription, RoutesFile,
};

use crate::routes::Routes;
use crate::settings::GatewaySettings;
use crate::snapshot::{Published, Snapshot};
use crate::upstream::Upstreams;

/// Routes that take no traffic.
#[derive(Debug)]
pub struct DryRun {
    snapshot: Arc<Snapshot>,
    notes: Vec<Problem>,
}

impl DryRun {
    /// The routes of `file` and `extensions`, as a gateway would have them that knows of no service.
    ///
    /// # Errors
    /// Everything for which a gateway would not take them.
    pub fn new(file: RoutesFile, extensions: Extensions) -> Result<Self, Problems> {
        let settings = GatewaySettings {
            workers: 1,
            ..GatewaySettings::default()
        };
        let upstreams = Upstreams::new(None, settings.policy, None, settings.workers);
        let published = Published::default();
        let notes = Routes::new(extensions).apply(Some(file), &settings, &upstreams, &published)?;
        Ok(Self {
            snapshot: published.load(),
            notes,
        })
    }

    /// What is surprising in them, beyond the file's own notes.
    #[must_use]
    pub fn notes(&self) -> &[Problem] {
        &self.notes
    }

    /// The routes in the order in which they are matched.
    #[must_use]
    pub fn routes(&self) -> Vec<RouteDescription> {
        self.snapshot
            .plans
            .iter()
            .map(|plan| plan.route.describe())
            .collect()
    }

    /// Which route would take a request, and why.
    #[must_use]
    pub fn explain(&self, request: &OwnedRequest) -> Explanation {
        self.snapshot.table.explain(request)
    }
}
