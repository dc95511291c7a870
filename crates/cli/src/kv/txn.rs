//! `koinon kv txn`: three parts on standard input, each ended by an empty line or the end: comparisons, one a line as in
//! `mod("key") > "0"`; requests if all hold; requests if not, as in `put key "a value"`.

use clap::Parser;
use serde_json::{Map, Value, json};

use super::answer::encoded;
use super::door::Door;
use super::error::KvError;
use super::lease::lease_id;
use super::ops::{DelArgs, GetArgs, PutArgs};
use super::print::show;
use super::{Output, input};

#[derive(Debug, Parser)]
#[command(
    no_binary_name = true,
    disable_help_flag = true,
    disable_help_subcommand = true
)]
enum Op {
    Put(PutArgs),
    Get(GetArgs),
    Del(DelArgs),
}

pub(super) async fn run(door: &Door, output: Output) -> Result<(), KvError> {
    let request = request(&input::text()?)?;
    let body = door.ask("kv/txn", &request).await?;
    show(output, &body, |txn, out| out.txn(&txn))
}

fn request(text: &str) -> Result<Value, KvError> {
    let mut lines = text.lines().map(str::trim);
    let mut part = || {
        lines
            .by_ref()
            .take_while(|line| !line.is_empty())
            .collect::<Vec<_>>()
    };
    let [compares, success, failure] = [part(), part(), part()];
    if let Some(more) = lines.find(|line| !line.is_empty()) {
        return Err(KvError::invalid(format!(
            "nothing can come after the three parts of a txn: {more}"
        )));
    }
    Ok(json!({
        "compare": each(&compares, compare)?,
        "success": each(&success, op)?,
        "failure": each(&failure, op)?,
    }))
}

fn each(lines: &[&str], read: fn(&str) -> Result<Value, KvError>) -> Result<Vec<Value>, KvError> {
    lines.iter().map(|line| read(line)).collect()
}

/// A line `target("key") = "value"`.
fn compare(line: &str) -> Result<Value, KvError> {
    let wrong = |why: &str| KvError::invalid(format!("{why} in the comparison: {line}"));
    let (target, rest) = line.split_once('(').ok_or_else(|| wrong("no target(\"key\")"))?;
    let (key, rest) = word(rest, &[')']).ok_or_else(|| wrong("no key"))?;
    let rest = rest
        .trim_start()
        .strip_prefix(')')
        .ok_or_else(|| wrong("no closing bracket"))?;
    let rest = rest.trim_start();
    let (result, rest) = [
        ("!=", "NOT_EQUAL"),
        ("=", "EQUAL"),
        (">", "GREATER"),
        ("<", "LESS"),
    ]
    .iter()
    .find_map(|(sign, result)| rest.strip_prefix(sign).map(|rest| (*result, rest)))
    .ok_or_else(|| wrong("none of = != < >"))?;
    let (value, rest) = word(rest, &[]).ok_or_else(|| wrong("no value"))?;
    if !rest.trim().is_empty() {
        return Err(wrong("more than one value"));
    }
    let number = || {
        value
            .parse::<i64>()
            .map_err(|_| wrong("no number where one must be"))
    };
    let (target, field, value) = match target.trim() {
        "ver" | "version" => ("VERSION", "version", number()?.to_string()),
        "c" | "create" => ("CREATE", "create_revision", number()?.to_string()),
        "m" | "mod" => ("MOD", "mod_revision", number()?.to_string()),
        "val" | "value" => ("VALUE", "value", encoded(&value)),
        "lease" => (
            "LEASE",
            "lease",
            lease_id(&value).map_err(|why| wrong(&why))?.to_string(),
        ),
        _ => return Err(wrong("no such target (version, create, mod, value, lease)")),
    };
    Ok(json!({ "key": encoded(&key), "target": target, "result": result, field: value }))
}

/// A line as it would be typed after `koinon kv`.
fn op(line: &str) -> Result<Value, KvError> {
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.trim_start().is_empty() {
        let (next, left) =
            word(rest, &[]).ok_or_else(|| KvError::invalid(format!("a quote is not closed in: {line}")))?;
        words.push(next);
        rest = left;
    }
    let op = Op::try_parse_from(words).map_err(|told| {
        KvError::invalid(format!(
            "cannot do in a txn: {line}\n{}",
            told.to_string().trim_end()
        ))
    })?;
    let (name, request) = match op {
        Op::Put(put) => (
            "request_put",
            put.request(|| Err(KvError::invalid(format!("no value in: {line}"))))?,
        ),
        Op::Get(get) => ("request_range", get.request()?),
        Op::Del(del) => {
            let named = |told: KvError| KvError::invalid(format!("{told}, in: {line}"));
            ("request_delete_range", del.request().map_err(named)?)
        }
    };
    Ok(Map::from_iter([(name.to_owned(), request)]).into())
}

/// The next word and what follows it. A word is quoted in `"…"`, with `\n`, `\t`, `\"` and `\\`, or in `'…'`, or goes up to
/// the next blank or one of `ends`.
fn word<'a>(text: &'a str, ends: &[char]) -> Option<(String, &'a str)> {
    let text = text.trim_start();
    let quote = text.chars().next()?;
    if quote == '\'' {
        let (word, rest) = text[1..].split_once('\'')?;
        return Some((word.to_owned(), rest));
    }
    if quote != '"' {
        let end = text
            .find(|c: char| c.is_whitespace() || ends.contains(&c))
            .unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    }
    let mut word = String::new();
    let mut chars = text[1..].chars();
    loop {
        match chars.next()? {
            '"' => return Some((word, chars.as_str())),
            '\\' => word.push(match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            }),
            plain => word.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A txn's three parts become the request that they describe, quotes and flags included.
    #[test]
    fn the_three_parts_are_read() {
        let text = "mod(\"a b\") > \"0\"\nval(x)!=  'q\"'\nlease(k) = ff\n\nput a \"1 \\\"2\\n\" --prev-kv\nget '' --prefix\n\ndel a b --range";
        let expected = json!({
            "compare": [
                { "key": encoded("a b"), "target": "MOD", "result": "GREATER", "mod_revision": "0" },
                { "key": encoded("x"), "target": "VALUE", "result": "NOT_EQUAL", "value": encoded("q\"") },
                { "key": encoded("k"), "target": "LEASE", "result": "EQUAL", "lease": "255" },
            ],
            "success": [
                { "request_put": { "key": encoded("a"), "value": encoded("1 \"2\n"), "prev_kv": true } },
                { "request_range": { "key": encoded("\0"), "range_end": encoded("\0") } },
            ],
            "failure": [
                { "request_delete_range": { "key": encoded("a"), "range_end": encoded("b") } },
            ],
        });
        assert_eq!(request(text).unwrap(), expected);
    }

    /// A line that cannot be meant is refused before anything is sent, and named.
    #[test]
    fn wrong_lines_are_named() {
        let lines = [
            "mod(a",
            "mod a > 0",
            "mod(a) ? 0",
            "mod(a) > x",
            "age(a) > 0",
            "mod(a) = 1 2",
            "mod(\"a) = 1",
            "\n\nput a",
            "\n\nput a -",
            "\nput \"a b",
            "\nwatch a",
            "\ndel a b",
            "\n\n\nget a",
        ];
        for line in lines {
            let error = request(line).unwrap_err();
            assert_eq!(error.exit_code(), 64, "{line}: {error}");
            assert!(error.to_string().contains(line.trim()), "{line}: {error}");
        }
    }
}
