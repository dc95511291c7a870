//! The gateway as a part of a node: started with the file's routes in force, stopped with the doors, shown by the native
//! API.

mod view;

use std::path::PathBuf;

use koinon_base::Namespace;
use koinon_core_route::Extensions;
use koinon_gateway::{Gateway, GatewayListener, GatewaySettings, Serving, StartError as GatewayError};
use koinon_io_net::Drain;
use koinon_service_registry::RegistryHandle;

use crate::node::StartError;
use crate::routes::{self, Text, wrong};

pub(crate) use view::Shown;

/// What the data plane is made of.
pub(crate) struct Parts {
    pub(crate) listener: GatewayListener,
    pub(crate) settings: GatewaySettings,
    pub(crate) registry: RegistryHandle,
    /// Routes made in code.
    pub(crate) extensions: Extensions,
    /// The file of routes, and its text.
    pub(crate) file: Option<(PathBuf, Text)>,
}

/// A running data plane.
pub(crate) struct DataPlane {
    pub(crate) gateway: Gateway,
    pub(crate) serving: Serving,
    /// The file to be watched, and what of it is in force.
    pub(crate) watched: Option<(PathBuf, u64)>,
}

/// Starts it. Must run inside a tokio runtime.
pub(crate) fn start(parts: Parts, drain: Drain) -> Result<DataPlane, StartError> {
    let (path, text) = parts.file.unzip();
    let file = text.as_ref().map(Text::parse).transpose()?;
    let told = file
        .as_ref()
        .map(|file| (file.file.clone(), file.foreign.clone(), file.notes.clone()));
    let registry = Some((parts.registry, Namespace::default()));
    let started = Gateway::start_with(
        parts.listener,
        parts.settings,
        registry,
        parts.extensions,
        file,
        drain,
    );
    let (gateway, serving, compiled) = started.map_err(|error| match (error, &path) {
        (GatewayError::Routes(problems), Some(path)) => StartError::Routes(wrong(path, problems)),
        (error, _) => StartError::Gateway(error),
    })?;
    if let Some((file, foreign, notes)) = told {
        routes::tell(&file, &foreign, &[notes, compiled].concat());
        tracing::info!(routes = gateway.routes().len(), file = %file, "routes read");
    }
    Ok(DataPlane {
        gateway,
        serving,
        watched: path.zip(text.map(|text| text.hash())),
    })
}
