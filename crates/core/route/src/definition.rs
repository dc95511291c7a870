//! A route as it was written: names, texts and their places, nothing compiled or checked yet.
//!
//! YAML is read to this, the route builder makes this, and the table is compiled from this; so whatever way a route
//! came, it means the same and its problems read the same.

use crate::problem::Place;

/// A text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// The text, its placeholders filled in.
    pub value: String,
    /// Where.
    pub place: Place,
}

/// A predicate or filter: `Name=a,b` or `name:` with `args:`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Definition {
    /// As it was written.
    pub name: String,
    /// What it was given.
    pub args: Args,
    /// Where it stands.
    pub place: Place,
}

/// The arguments of a predicate or filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Args {
    /// A name alone.
    #[default]
    None,
    /// In their order: the shortcut form, already split at commas, trimmed, without empty ones.
    Positional(Vec<Text>),
    /// By key, flattened as Spring's binder flattens: a list's members have the keys `patterns[0]`, `patterns[1]`, a
    /// map's `backoff.firstBackoff`. In the order of the file.
    Named(Vec<(String, Text)>),
}

/// A route as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteDefinition {
    /// Unique; empty when the file gives none (a name is then made from its place in the list).
    pub id: String,
    /// Where its requests go.
    pub uri: Text,
    /// All must hold.
    pub predicates: Vec<Definition>,
    /// In the order of the file; the default filters are not among them.
    pub filters: Vec<Definition>,
    /// What filters and the gateway read besides, flattened like [`Args::Named`].
    pub metadata: Vec<(String, Text)>,
    /// Lower is matched first; equals in the order of the file.
    pub order: i32,
    /// Whether it takes part at all.
    pub enabled: bool,
    /// Where it stands.
    pub place: Place,
}

/// Everything of a gateway that the routes file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GatewayDefinition {
    /// The routes, in the order of the file.
    pub routes: Vec<RouteDefinition>,
    /// Filters of every route.
    pub default_filters: Vec<Definition>,
}
