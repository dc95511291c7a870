//! The one error type of the automation. It has no `thiserror` because xtask has no dependencies.

use std::fmt;

pub(crate) type Result<T> = std::result::Result<T, Error>;

#[derive(Debug)]
pub(crate) enum Error {
    /// The command line is wrong; nothing was run.
    Usage(String),
    /// A check, a suite or a command said no. The details were printed where they arose.
    Failed(String),
    /// Something needed is not on this machine: its name and how to get it.
    Missing { what: String, get: String },
}

impl Error {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Failed(message) => f.write_str(message),
            Self::Missing { what, get } => write!(f, "{what} is missing; get it with: {get}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a newcomer without a tool reads what it is called and how to get it.
    #[test]
    fn a_missing_tool_is_named_with_the_way_to_get_it() {
        let error = Error::Missing {
            what: "maven 3.8".into(),
            get: "apt-get install maven".into(),
        };
        assert_eq!(
            error.to_string(),
            "maven 3.8 is missing; get it with: apt-get install maven"
        );
    }
}
