//! `koinon route check`: what a gateway would say of a file of routes, all of it at once.

use std::path::Path;

use koinon_core_route::{Extensions, Foreign, Problem, RouteDescription, RoutesFile, located};
use koinon_gateway::DryRun;
use koinon_node::RoutesError;
use koinon_node::routes::read;
use serde_json::{Value, json};

use super::table;
use crate::remote::{CommandError, Output, write_line};

/// A file that a gateway would take.
pub(super) struct Checked {
    pub(super) routes: DryRun,
    name: String,
    foreign: Vec<Foreign>,
    notes: Vec<Problem>,
}

/// Reads and compiles a file.
///
/// # Errors
/// Everything for which a gateway would not take it.
pub(super) fn checked(path: &Path) -> Result<Checked, RoutesError> {
    let file = read(path)?;
    let RoutesFile {
        file: name,
        foreign,
        mut notes,
        ..
    } = file.clone();
    let routes = DryRun::new(file, Extensions::default()).map_err(|problems| RoutesError::Wrong {
        path: path.to_owned(),
        problems,
    })?;
    notes.extend_from_slice(routes.notes());
    notes.sort_by_key(|note| note.place);
    Ok(Checked {
        routes,
        name: name.to_string(),
        foreign,
        notes,
    })
}

pub(super) fn check(path: &Path, output: Output) -> Result<(), CommandError> {
    let checked = checked(path);
    match (output, &checked) {
        (Output::Json, checked) => write_line(document(path, checked.as_ref()).to_string().as_bytes())?,
        (Output::Table, Ok(checked)) => write_line(text(checked).as_bytes())?,
        // The complaint says it all.
        (Output::Table, Err(_)) => {}
    }
    checked.map(drop).map_err(CommandError::Routes)
}

fn text(checked: &Checked) -> String {
    let name = &checked.name;
    let mut lines = vec![table::descriptions(&checked.routes.routes())];
    for Foreign { section, place } in &checked.foreign {
        let (line, column) = (place.line, place.column);
        lines.push(format!(
            "{name}:{line}:{column}: section {section} is not the gateway's and is ignored"
        ));
    }
    lines.extend(checked.notes.iter().map(|note| located(name, note)));
    lines.join("\n")
}

fn document(path: &Path, checked: Result<&Checked, &RoutesError>) -> Value {
    let file = path.display().to_string();
    let checked = match checked {
        Ok(checked) => checked,
        Err(error) => return json!({"file": file, "problems": problems(error)}),
    };
    let foreign = checked.foreign.iter().map(|foreign| {
        json!({"section": foreign.section, "line": foreign.place.line, "column": foreign.place.column})
    });
    json!({
        "file": file,
        "problems": [],
        "routes": checked.routes.routes().into_iter().map(route).collect::<Vec<_>>(),
        "foreign": foreign.collect::<Vec<_>>(),
        "notes": checked.notes.iter().map(problem).collect::<Vec<_>>(),
    })
}

fn problems(error: &RoutesError) -> Vec<Value> {
    match error {
        RoutesError::Wrong { problems, .. } => problems.list.iter().map(problem).collect(),
        RoutesError::Unreadable { source, .. } => vec![json!({"what": format!("{error}: {source}")})],
        RoutesError::Empty { .. } => vec![json!({"what": error.to_string()})],
    }
}

fn problem(from: &Problem) -> Value {
    json!({
        "line": from.place.line,
        "column": from.place.column,
        "route": from.route.as_deref(),
        "what": from.what,
    })
}

fn route(from: RouteDescription) -> Value {
    let metadata: serde_json::Map<String, Value> = from
        .metadata
        .into_iter()
        .map(|(key, value)| (key, value.into()))
        .collect();
    json!({
        "id": from.id,
        "order": from.order,
        "uri": from.uri,
        "predicates": from.predicates,
        "filters": from.filters,
        "metadata": metadata,
    })
}
