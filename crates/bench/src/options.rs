//! The command line of a benchmark.

use std::path::PathBuf;

use crate::error::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    Table,
    Json,
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) scenario: String,
    /// Short phases and few samples: shows that everything runs, not what it costs.
    pub(crate) quick: bool,
    pub(crate) output: Output,
    /// The rival's server. Without one, what needs it is left out and said so.
    pub(crate) eureka_jar: Option<PathBuf>,
    /// Spring Cloud Gateway.
    pub(crate) spring_jar: Option<PathBuf>,
    /// A current etcd.
    pub(crate) etcd: Option<PathBuf>,
    /// Where `kv` keeps data; beside the binary that is measured unless said otherwise.
    pub(crate) data: Option<PathBuf>,
    /// How often things are measured, if not as often as the scenario wants.
    pub(crate) rounds: Option<usize>,
    /// Servers to measure; empty means all.
    pub(crate) servers: Vec<String>,
    /// Proxies to measure; empty means all.
    pub(crate) proxies: Vec<String>,
    /// Parts of the scenario to run; empty means all.
    pub(crate) only: Vec<String>,
    /// The binary that is measured.
    pub(crate) koinon: PathBuf,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Self> {
        let (scenario, rest) = args
            .split_first()
            .ok_or_else(|| Error::Usage("name a scenario: gateway, kv or registry".into()))?;
        let mut options = Self {
            scenario: scenario.clone(),
            quick: false,
            output: Output::Table,
            eureka_jar: std::env::var_os("KOINON_EUREKA_JAR").map(PathBuf::from),
            spring_jar: std::env::var_os("KOINON_SPRING_GATEWAY_JAR").map(PathBuf::from),
            etcd: std::env::var_os("KOINON_ETCD").map(PathBuf::from),
            data: None,
            rounds: None,
            servers: Vec::new(),
            proxies: Vec::new(),
            only: Vec::new(),
            koinon: std::env::var_os("KOINON_BIN")
                .map_or_else(|| "target/release/koinon".into(), PathBuf::from),
        };
        let mut rest = rest.iter();
        while let Some(arg) = rest.next() {
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--output" => options.output = output(value(arg, rest.next())?)?,
                "--eureka-jar" => options.eureka_jar = Some(value(arg, rest.next())?.into()),
                "--etcd" => options.etcd = Some(value(arg, rest.next())?.into()),
                "--data" => options.data = Some(value(arg, rest.next())?.into()),
                "--rounds" => options.rounds = Some(rounds(value(arg, rest.next())?)?),
                "--server" => options.servers.push(value(arg, rest.next())?.clone()),
                "--proxy" => options.proxies.push(value(arg, rest.next())?.clone()),
                "--koinon" => options.koinon = value(arg, rest.next())?.into(),
                "--only" => options.only.push(value(arg, rest.next())?.clone()),
                other => return Err(Error::Usage(format!("unknown argument `{other}`"))),
            }
        }
        Ok(options)
    }

    pub(crate) fn wants_proxy(&self, name: &str) -> bool {
        self.proxies.is_empty() || self.proxies.iter().any(|proxy| proxy == name)
    }

    pub(crate) fn wants_server(&self, name: &str) -> bool {
        self.servers.is_empty() || self.servers.iter().any(|server| server == name)
    }

    pub(crate) fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }
}

fn value<'a>(name: &str, value: Option<&'a String>) -> Result<&'a String> {
    value.ok_or_else(|| Error::Usage(format!("{name} needs a value")))
}

/// At least one, and no more than anybody waits for.
fn rounds(text: &str) -> Result<usize> {
    let number = text.parse().ok().filter(|rounds| (1..=100).contains(rounds));
    number.ok_or_else(|| Error::Usage(format!("--rounds {text}: expected a number from 1 to 100")))
}

fn output(name: &str) -> Result<Output> {
    match name {
        "table" => Ok(Output::Table),
        "json" => Ok(Output::Json),
        other => Err(Error::Usage(format!("--output {other}: expected table or json"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options> {
        Options::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    /// Protects: a misspelt option does not start a run of minutes with other settings than asked for.
    #[test]
    fn unknown_arguments_are_refused() {
        let options = parse(&["registry", "--quick", "--output", "json", "--only", "scale"]).unwrap();
        assert!(
            options.quick
                && options.output == Output::Json
                && options.wants("scale")
                && !options.wants("pair")
        );
        assert!(parse(&["registry"]).unwrap().wants("pair"));
        let kv = parse(&["kv", "--rounds", "3", "--server", "koinon"]).unwrap();
        assert!(kv.rounds == Some(3) && kv.wants_server("koinon") && !kv.wants_server("etcd"));
        for wrong in [
            &[][..],
            &["registry", "--quik"],
            &["registry", "--output"],
            &["registry", "--output", "xml"],
            &["kv", "--rounds", "0"],
        ] {
            assert!(matches!(parse(wrong), Err(Error::Usage(_))), "{wrong:?}");
        }
    }
}
