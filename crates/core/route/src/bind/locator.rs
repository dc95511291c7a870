//! `discovery.locator.*` becomes a [`Locator`].

use super::gateway::Gateway;
use super::route::{Binder, Step as Kind};
use super::settings::{flag, report_value};
use crate::definition::{Args, Definition, Text};
use crate::locator::expression::Expression;
use crate::locator::{Locator, Step, StepArgs};
use crate::problem::{Place, Report};

/// The locator, when the file enables it; what else it says of it is checked only then.
pub(super) fn bind(gateway: &Gateway<'_, '_>, report: &mut Report) -> Option<Locator> {
    let enabled = flag(gateway, "discovery.locator.enabled", report)?;
    if !enabled.value {
        return None;
    }
    let mut locator = Locator {
        place: enabled.place,
        ..Locator::default()
    };
    if let Some(lower) = flag(gateway, "discovery.locator.lower-case-service-id", report) {
        locator.lower_case_service_id = lower.value;
    }
    let prefix = gateway.text("discovery.locator.route-id-prefix", report);
    if let Some(prefix) = prefix.filter(|prefix| !prefix.value.trim().is_empty()) {
        locator.id_prefix = prefix.value;
    }
    let include = gateway.text("discovery.locator.include-expression", report);
    if let Some(include) = include.filter(|text| !text.value.trim().eq_ignore_ascii_case("true")) {
        let name = "discovery.locator.include-expression";
        report_value(
            name,
            &include,
            "true: other expressions are not supported yet",
            report,
        );
    }
    let url = gateway.text("discovery.locator.url-expression", report);
    if let Some(expression) = url.and_then(|url| expression(&url, report)) {
        locator.uri = expression;
    }
    let predicates = steps(gateway, "discovery.locator.predicates", Kind::Predicate, report);
    if let Some((predicates, place)) = predicates {
        if predicates.is_empty() {
            let what = "discovery.locator.predicates is empty: every route would take every request";
            report.error(place, what);
        }
        locator.predicates = predicates;
    }
    if let Some((filters, _)) = steps(gateway, "discovery.locator.filters", Kind::Filter, report) {
        locator.filters = filters;
    }
    Some(locator)
}

/// The steps that replace the default ones, when the file gives any, and where.
fn steps(
    gateway: &Gateway<'_, '_>,
    path: &str,
    kind: Kind,
    report: &mut Report,
) -> Option<(Vec<Step>, Place)> {
    let property = gateway.find(path, report)?;
    let mut binder = Binder {
        sources: gateway.sources,
        report,
    };
    let definitions = binder.steps(&property, kind);
    let steps = definitions.into_iter().map(|definition| step(definition, report));
    Some((steps.collect(), property.place()))
}

fn step(definition: Definition, report: &mut Report) -> Step {
    let args = match definition.args {
        Args::None => StepArgs::Positional(Vec::new()),
        Args::Positional(args) => {
            let args = args
                .iter()
                .filter_map(|arg| Some((expression(arg, report)?, arg.place)));
            StepArgs::Positional(args.collect())
        }
        Args::Named(args) => {
            let args = args.into_iter();
            let args = args.filter_map(|(key, arg)| Some((key, expression(&arg, report)?, arg.place)));
            StepArgs::Named(args.collect())
        }
    };
    let (name, place) = (definition.name, definition.place);
    Step { name, args, place }
}

fn expression(text: &Text, report: &mut Report) -> Option<Expression> {
    match Expression::parse(&text.value) {
        Ok(expression) => Some(expression),
        Err(error) => {
            report.error(text.place, error.to_string());
            None
        }
    }
}
