//! A whole `application.yml` becomes a [`GatewayDefinition`], the discovery locator and the gateway's settings.
//!
//! The file means what it means to Spring Boot: one document after the other, later ones above earlier, those of
//! inactive profiles left out; names bind in any spelling (`default-filters`, `defaultFilters`), nested or dotted,
//! lists as lists, as `[0]` keys or as one text with commas; a later document's list replaces an earlier one
//! whole; `${name:default}` is filled in from the environment and the file; a plain `yes` is `true`.
//!
//! A file without `spring.cloud.gateway` may have `routes` and `default-filters` at its top, for a file that is
//! only about routes: they mean what they would mean below that section.
//!
//! Differences to Spring:
//! - all three prefixes of the gateway are read, the first that says a thing wins (`gateway.rs` says in which order);
//! - a setting that would change traffic and is not supported yet is an error (`known.rs`);
//! - `args` may be a list, which is what the shortcut form means;
//! - `${spring.cloud.gateway...}` is not filled in: values refer to other sections and the environment only;
//! - `${random...}` stays as it is written, as does every name that nothing says (a note tells);
//! - only this file is read: no `application-PROFILE.yml`, no `spring.config.import`;
//! - of the environment only single values are read, not routes (`..._ROUTES_0_URI`);
//! - timeouts of zero are refused: nothing waits without an end.

mod convert;
mod gateway;
mod globals;
mod key;
mod known;
mod locator;
mod profiles;
mod property;
mod route;
mod settings;
mod sources;

use std::sync::Arc;

pub use globals::{ForwardedHeader, Given, Globals, XForwarded};

use crate::definition::GatewayDefinition;
use crate::locator::Locator;
use crate::problem::{Place, Problem, Problems, Report};
use crate::yaml::{Node, Value};
use gateway::Gateway;
use property::Property;
use route::{Binder, Step};
use sources::Sources;

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
    /// Spring would try (`server.port`, `SERVER_PORT`). `profiles` are the active ones; with none, those of
    /// `spring.profiles.active`, which `lookup` or the file may say.
    ///
    /// Unknown predicates and filters and bad arguments are not found here, but when the definition is compiled.
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
        let documents = crate::yaml::load(text, &mut report);
        if report.error_count() > 0 {
            // what is missing then would be told as problems too
            return Err(report.refuse(file));
        }
        require_maps(&documents, &mut report);
        let documents = documents.iter().map(Property::of_document).collect();
        let documents = profiles::active_documents(documents, lookup, profiles, &mut report);
        let sources = Sources::new(documents, lookup);
        let gateway = Gateway::new(&sources);
        settings::judge(&gateway, &mut report);
        let globals = settings::globals(&gateway, &mut report);
        let locator = locator::bind(&gateway, &mut report);
        let definition = definition(&gateway, &mut report);
        let foreign = settings::foreign(&gateway, &mut report);
        Ok(Self {
            file: Arc::from(file),
            definition,
            locator,
            globals,
            foreign,
            notes: report.finish(file)?,
        })
    }
}

fn require_maps(documents: &[Node], report: &mut Report) {
    for document in documents {
        let is_map = match &document.value {
            Value::Map(_) => true,
            Value::Scalar(text) => text.is_empty(),
            Value::List(_) => false,
        };
        if !is_map {
            let what =
                "a document is a map, expected for example `routes:` or `spring.cloud.gateway.routes:`";
            report.error(document.place, what);
        }
    }
}

fn definition(gateway: &Gateway<'_, '_>, report: &mut Report) -> GatewayDefinition {
    let routes = gateway.find("routes", report);
    let default_filters = gateway.find("default-filters", report);
    let sources = gateway.sources;
    let mut binder = Binder { sources, report };
    let routes = routes.map(|list| binder.routes(&list));
    let default_filters = default_filters.map(|list| binder.steps(&list, Step::Filter));
    GatewayDefinition {
        routes: routes.unwrap_or_default(),
        default_filters: default_filters.unwrap_or_default(),
    }
}
