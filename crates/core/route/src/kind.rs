//! What a table of predicates or filters holds: a name, how it takes its arguments, how it is made.

use std::sync::Arc;

use crate::arguments::{ArgumentError, Arguments, Shape, Variables};
use crate::definition::{Args, Definition};
use crate::problem::{Report, nearest};

/// One row of a table. `T` is what it makes.
pub(crate) struct Kind<T: ?Sized> {
    pub(crate) name: &'static str,
    /// The keys of its arguments, in the order of the shortcut form.
    pub(crate) keys: &'static [&'static str],
    pub(crate) shape: Shape,
    pub(crate) make: fn(&mut Arguments<'_>) -> Result<Arc<T>, ArgumentError>,
}

/// How one is made that was registered in code.
pub(crate) type Maker<T> = dyn Fn(&mut Arguments<'_>) -> Result<Arc<T>, ArgumentError> + Send + Sync;

/// One that was registered in code.
pub(crate) struct OwnKind<T: ?Sized> {
    pub(crate) name: String,
    pub(crate) keys: Vec<&'static str>,
    pub(crate) make: Box<Maker<T>>,
}

/// Everything that a name may mean.
pub(crate) struct Kinds<'k, T: ?Sized + 'static> {
    /// `"predicate"` or `"filter"`.
    pub(crate) what: &'static str,
    pub(crate) built_in: &'static [Kind<T>],
    pub(crate) own: &'k [OwnKind<T>],
    /// Names that Spring Cloud Gateway has and we have not.
    pub(crate) not_yet: &'static [&'static str],
}

impl<T: ?Sized + 'static> Kinds<'_, T> {
    /// Makes what `definition` says; `None` when it cannot, which the report then tells.
    pub(crate) fn make(
        &self,
        definition: &Definition,
        variables: Variables<'_>,
        report: &mut Report,
    ) -> Option<Arc<T>> {
        let made = match (self.own(definition), self.built_in(definition)) {
            (Some(own), _) => make(definition, &own.keys, Shape::Plain, variables, &own.make, report),
            (None, Some(kind)) => make(definition, kind.keys, kind.shape, variables, &kind.make, report),
            (None, None) => Err(ArgumentError::new(
                definition.place,
                self.unknown(&definition.name),
            )),
        };
        match made {
            Ok(made) => Some(made),
            Err(error) => {
                let known = self.own(definition).is_some() || self.built_in(definition).is_some();
                let what = if known {
                    format!("{}: {error}", definition.name)
                } else {
                    error.to_string()
                };
                let place = if error.place.line == 0 {
                    definition.place
                } else {
                    error.place
                };
                report.error(place, what);
                None
            }
        }
    }

    fn own(&self, definition: &Definition) -> Option<&OwnKind<T>> {
        self.own.iter().find(|own| own.name == definition.name)
    }

    fn built_in(&self, definition: &Definition) -> Option<&Kind<T>> {
        self.built_in.iter().find(|kind| kind.name == definition.name)
    }

    fn unknown(&self, name: &str) -> String {
        let what = self.what;
        if self.not_yet.contains(&name) {
            return format!("the {what} {name} is not supported yet");
        }
        let built_in = self.built_in.iter().map(|kind| kind.name);
        let own = self.own.iter().map(|own| own.name.as_str());
        let all = built_in.chain(own).chain(self.not_yet.iter().copied());
        format!("there is no {what} {name:?}{}", nearest(name, all))
    }
}

fn make<T: ?Sized>(
    definition: &Definition,
    keys: &[&str],
    shape: Shape,
    variables: Variables<'_>,
    maker: &dyn Fn(&mut Arguments<'_>) -> Result<Arc<T>, ArgumentError>,
    report: &mut Report,
) -> Result<Arc<T>, ArgumentError> {
    let mut arguments = Arguments::new(definition, keys, shape, variables)?;
    let made = maker(&mut arguments)?;
    for (place, note) in arguments.into_notes() {
        report.note(place, format!("{}: {note}", definition.name));
    }
    Ok(made)
}

/// A definition as a person reads it: the shortcut form, or its named arguments in braces.
pub(crate) fn describe(definition: &Definition) -> String {
    let name = &definition.name;
    match &definition.args {
        Args::None => name.clone(),
        Args::Positional(texts) => {
            let values: Vec<&str> = texts.iter().map(|text| text.value.as_str()).collect();
            format!("{name}={}", values.join(","))
        }
        Args::Named(named) => {
            let values: Vec<String> = named
                .iter()
                .map(|(key, text)| format!("{key}={}", text.value))
                .collect();
            format!("{name}{{{}}}", values.join(", "))
        }
    }
}
