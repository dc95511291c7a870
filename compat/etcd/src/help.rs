//! Reads what `etcdctl --help` lists, so that a verb or flag that nobody has a case for fails a test instead of being
//! forgotten.

/// The verbs in a help text: of `etcdctl --help` (v3) or of `ETCDCTL_API=2 etcdctl --help`.
#[must_use]
pub fn verbs_of(help: &str) -> Vec<String> {
    section(help, "COMMANDS:")
        .filter_map(|line| {
            // A verb of several words is separated from its explanation by tabs or by two spaces.
            let verb = line.split(['\t']).next()?.split("  ").next()?.trim();
            // `help, h`: the second name is a short form of the first.
            let verb = verb.split(", ").next()?;
            (!verb.is_empty()).then(|| verb.to_owned())
        })
        .collect()
}

/// The flags in the help text of one verb, with their dashes; `--help` itself is none.
#[must_use]
pub fn flags_of(help: &str) -> Vec<String> {
    section(help, "OPTIONS:")
        .filter_map(|line| {
            let words = line
                .split([' ', ',', '=', '['])
                .filter(|word| word.starts_with('-'));
            let flag = words.take(2).find(|word| word.starts_with("--"))?;
            (flag != "--help").then(|| flag.to_owned())
        })
        .collect()
}

/// The trimmed lines under a heading, up to the next heading.
fn section<'a>(help: &'a str, heading: &str) -> impl Iterator<Item = &'a str> {
    help.lines()
        .skip_while(move |line| line.trim() != heading)
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with([' ', '\t']))
        .map(str::trim)
        .filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const V3: &str = "COMMANDS:\n  alarm disarm\t\t\tDisarms all alarms\n\tget\t\tGets the key\n  help  x\n\nOPTIONS:\n      \
                      --cacert=\"\"\t\tverify certificates\n  -h, --help[=false]\t\thelp\n  -w, --write-out=\"simple\"\tset\n";
    const V2: &str = "COMMANDS:\n   backup          backup an etcd directory\n   help, h         Shows a list\n\n\
                      GLOBAL OPTIONS:\n   --debug   output\n";

    /// Protects: no verb is overlooked, whichever generation prints its help.
    #[test]
    fn verbs_are_found() {
        assert_eq!(verbs_of(V3), ["alarm disarm", "get", "help"]);
        assert_eq!(verbs_of(V2), ["backup", "help"]);
    }

    /// Protects: no flag is overlooked, with or without a short form.
    #[test]
    fn flags_are_found() {
        assert_eq!(flags_of(V3), ["--cacert", "--write-out"]);
        assert_eq!(
            flags_of("OPTIONS:\n   --ttl value  key time\n   --sort, -s  sorted"),
            ["--ttl", "--sort"]
        );
    }
}
