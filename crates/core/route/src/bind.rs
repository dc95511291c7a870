//! A whole `application.yml` becomes a [`GatewayDefinition`], the discovery locator and the gateway's settings.

mod globals;

use std::sync::Arc;

pub use globals::{ForwardedHeader, Given, Globals, XForwarded};

use crate::definition::GatewayDefinition;
use crate::locator::Locator;
use crate::problem::{Place, Problem, Problems, Report};

/// What a routes file says.
#[derive(Debug, Clone)]
pub struct RoutesFile {
    /// Its name as the caller gave it; [`crate::located`] puts it before a note.
    pub file: Arc<str>,
    /// Routes and default filters, not compiled yet.
    pub definition: GatewayDefinition,
    /// The routes to make of every service, when `discovery.locator.enabled` is true.
    pub locator: Option<Locator>,
    /// Settings of the gateway as a whole.
    pub globals: Globals,
    /// Sections that are not the gateway's, each once, in the order of the file.
    pub foreign: Vec<Foreign>,
    /// What Spring would take in silence too, but that will surprise somebody; in the order of the file.
    pub notes: Vec<Problem>,
}

/// A section that is somebody else's: `server`, `spring.application`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Its name, the sections around it before it.
    pub section: String,
    /// Where it stands first.
    pub place: Place,
}

impl RoutesFile {
    /// Reads `text`; `file` is only for messages.
    ///
    /// `lookup` answers for the environment and other properties that stand above the file, by the names that
    /// Spring would try (`server.port`, `SERVER_PORT`). `profiles` are the active ones; with none, those of the
    /// file's `spring.profiles.active`.
    ///
    /// # Errors
    /// With every problem of the file at once.
    pub fn read(
        text: &str,
        file: &str,
        lookup: &dyn Fn(&str) -> Option<String>,
        profiles: &[String],
    ) -> Result<Self, Problems> {
        let mut report = Report::default();
        let _ = (crate::yaml::load(text, &mut report), lookup, profiles);
        report.error(Place::default(), "reading routes is being built");
        let notes = report.finish(file)?;
        Ok(Self {
            file: Arc::from(file),
            definition: GatewayDefinition::default(),
            locator: None,
            globals: Globals::default(),
            foreign: Vec::new(),
            notes,
        })
    }
}
