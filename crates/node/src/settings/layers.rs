//! Laying the sources of settings over each other.
//!
//! Everything happens on TOML trees. The tree of the defaults says which keys there are and of which type each is;
//! so a text from the environment or the command line is read as what its key expects, and not guessed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::SettingsError;

/// The prefix of environment variables that are settings.
const ENV_PREFIX: &str = "KOINON__";

/// How unlike a known key an unknown one may be (0 is nothing alike, 1 is the same) to be taken for a slip.
const SLIP: f64 = 0.7;

/// Where settings come from, the weakest first.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A file that was named, which must exist.
    pub config: Option<PathBuf>,
    /// Environment variables; those that are not settings are ignored.
    pub env: Vec<(String, String)>,
    /// `section.key=value` from the command line.
    pub set: Vec<String>,
}

impl Sources {
    /// `koinon.toml` in this folder if there is one, and the process's environment.
    #[must_use]
    pub fn of_process(config: Option<PathBuf>, set: Vec<String>) -> Self {
        let here = PathBuf::from("koinon.toml");
        let config = config.or_else(|| here.exists().then_some(here));
        let text = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((key.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            config,
            env: std::env::vars_os().filter_map(text).collect(),
            set,
        }
    }
}

/// One value and where it was set.
struct Given {
    key: String,
    value: Value,
    place: String,
    /// Whether the value is a text that has yet to be read as what the key expects.
    raw: bool,
}

pub(super) fn load<T: Serialize + for<'a> Deserialize<'a>>(
    defaults: &T,
    sources: &Sources,
) -> Result<T, SettingsError> {
    let mut problems = Vec::new();
    let mut tree = Table::try_from(defaults).map_err(|error| SettingsError {
        problems: vec![error.to_string()],
    })?;
    let known = leaves("", &tree);
    for given in file(sources, &mut problems)
        .into_iter()
        .chain(env(sources))
        .chain(set(sources, &mut problems))
    {
        match place_of(&mut tree, &given.key) {
            Some(place) => match fit(place, &given) {
                Ok(value) => *place = value,
                Err(problem) => problems.push(problem),
            },
            None => problems.push(unknown(&given, &known)),
        }
    }
    if !problems.is_empty() {
        return Err(SettingsError { problems });
    }
    tree.try_into().map_err(|error: toml::de::Error| SettingsError {
        problems: vec![error.message().to_owned()],
    })
}

fn file(sources: &Sources, problems: &mut Vec<String>) -> Vec<Given> {
    let Some(path) = &sources.config else {
        return Vec::new();
    };
    let place = path.display().to_string();
    let read = std::fs::read_to_string(path).map_err(|error| format!("{place}: cannot be read: {error}"));
    let parsed = read.and_then(|text| text.parse::<Table>().map_err(|error| format!("{place}: {error}")));
    match parsed {
        Ok(table) => leaves("", &table)
            .into_iter()
            .map(|(key, value)| Given {
                key,
                value,
                place: place.clone(),
                raw: false,
            })
            .collect(),
        Err(problem) => {
            problems.push(problem);
            Vec::new()
        }
    }
}

fn env(sources: &Sources) -> Vec<Given> {
    let given = |(name, value): &(String, String)| {
        let key = name
            .strip_prefix(ENV_PREFIX)?
            .split("__")
            .map(str::to_ascii_lowercase);
        let key = key.collect::<Vec<_>>().join(".");
        Some(Given {
            key,
            value: Value::String(value.clone()),
            place: name.clone(),
            raw: true,
        })
    };
    sources.env.iter().filter_map(given).collect()
}

fn set(sources: &Sources, problems: &mut Vec<String>) -> Vec<Given> {
    let mut all = Vec::new();
    for text in &sources.set {
        let place = format!("--set {text}");
        match text.split_once('=') {
            Some((key, value)) => {
                let (key, value) = (key.trim().to_owned(), Value::String(value.trim().to_owned()));
                all.push(Given {
                    key,
                    value,
                    place,
                    raw: true,
                });
            }
            None => problems.push(format!("{place}: write it as section.key=value")),
        }
    }
    all
}

/// All values with their dotted keys. An empty table that should be a value is one, so that it is refused.
fn leaves(prefix: &str, table: &Table) -> Vec<(String, Value)> {
    let dotted = |key: &str| {
        if prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{prefix}.{key}")
        }
    };
    let mut all = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => all.extend(leaves(&dotted(key), inner)),
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => all.push((dotted(key), value.clone())),
        }
    }
    all
}

fn place_of<'a>(tree: &'a mut Table, key: &str) -> Option<&'a mut Value> {
    match key.split_once('.') {
        Some((section, rest)) => place_of(tree.get_mut(section)?.as_table_mut()?, rest),
        None => tree.get_mut(key).filter(|value| !value.is_table()),
    }
}

/// The value given, as the type of the one it replaces.
fn fit(default: &Value, given: &Given) -> Result<Value, String> {
    let text = given.value.as_str().filter(|_| given.raw);
    let fitted = match (default, text) {
        (Value::String(_), _) => given.value.as_str().map(|text| Value::String(text.to_owned())),
        (Value::Integer(_), Some(text)) => text.replace('_', "").parse().ok().map(Value::Integer),
        (Value::Float(_), Some(text)) => text.parse().ok().map(Value::Float),
        (Value::Boolean(_), Some(text)) => text.parse().ok().map(Value::Boolean),
        (Value::Array(_), Some(text)) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(
                items.map(|item| Value::String(item.to_owned())).collect(),
            ))
        }
        (Value::Float(_), None) => {
            let number = given
                .value
                .as_integer()
                .map(|whole| whole as f64)
                .or(given.value.as_float());
            number.map(Value::Float)
        }
        (default, _) => given.value.same_type(default).then(|| given.value.clone()),
    };
    let shown = given
        .value
        .as_str()
        .map_or_else(|| given.value.to_string(), |text| format!("{text:?}"));
    fitted.ok_or_else(|| {
        format!(
            "{}: {} must be {}, not {shown}",
            given.place,
            given.key,
            expected(default)
        )
    })
}

fn expected(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

fn unknown(given: &Given, known: &[(String, Value)]) -> String {
    let likeness = |key: &str| strsim::jaro_winkler(key, &given.key);
    let nearest = known
        .iter()
        .map(|(key, _)| key)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = match nearest {
        Some(key) if likeness(key) >= SLIP => format!("; did you mean {key}?"),
        _ => String::from("; docs/reference/config.md lists all settings"),
    };
    format!("{}: there is no setting {}{hint}", given.place, given.key)
}
