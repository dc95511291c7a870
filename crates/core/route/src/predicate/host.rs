//! `Host=pattern,...`: one of the host patterns fits `Host` as it was sent, its port included; the first that does
//! gives the variables.

use std::sync::Arc;

use super::{Matcher, Narrows, Subject};
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::kind::Kind;
use crate::pattern::HostPattern;
use crate::vars::Vars;

pub(super) const KIND: Kind<dyn Matcher> = Kind {
    name: "Host",
    keys: &["patterns"],
    shape: Shape::List,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Matcher>, ArgumentError> {
    let compiled = arguments.list().iter().map(|text| {
        HostPattern::new(&text.value).map_err(|error| ArgumentError::new(text.place, error.to_string()))
    });
    let patterns: Vec<HostPattern> = compiled.collect::<Result<_, _>>()?;
    let has_variables = patterns.iter().any(|pattern| pattern.names().next().is_some());
    Ok(Arc::new(Host {
        patterns,
        has_variables,
    }))
}

struct Host {
    patterns: Vec<HostPattern>,
    has_variables: bool,
}

impl Host {
    fn fitting(&self, host: &str) -> Option<&HostPattern> {
        self.patterns.iter().find(|pattern| pattern.matches(host))
    }
}

impl Matcher for Host {
    fn matches(&self, subject: &Subject<'_>) -> bool {
        subject
            .request
            .host()
            .is_some_and(|host| self.fitting(host).is_some())
    }

    fn capture(&self, subject: &Subject<'_>, vars: &mut Vars) {
        if !self.has_variables {
            return;
        }
        let host = subject.request.host().unwrap_or_default();
        if let Some(pattern) = self.fitting(host) {
            pattern.capture(host, vars);
        }
    }

    fn names(&self) -> Option<Vec<&str>> {
        Some(self.patterns.iter().flat_map(HostPattern::names).collect())
    }

    fn why_not(&self, subject: &Subject<'_>) -> String {
        match subject.request.host() {
            Some(host) => format!("Host is {host}"),
            None => "there is no Host".to_owned(),
        }
    }

    fn narrows(&self) -> Narrows<'_> {
        Narrows::Hosts(&self.patterns)
    }
}
