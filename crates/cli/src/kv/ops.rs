//! The three requests about keys: their flags, and the JSON they become. A txn's lines have the same flags.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::answer::{Range, encoded};
use super::error::KvError;
use super::lease::lease_id;
use super::print::Printer;

/// What stands for standard input.
const STDIN: &str = "-";
/// The end of a range that has no end, and the least key.
const ZERO: &[u8] = &[0];

#[derive(Debug, Args)]
pub(super) struct PutArgs {
    /// The key.
    key: String,
    /// The value; from standard input when it is absent or `-`.
    value: Option<String>,
    /// The lease that the key shall live as long as.
    #[arg(long, value_parser = lease_id, value_name = "HEX")]
    lease: Option<i64>,
    /// Show what was there before.
    #[arg(long)]
    prev_kv: bool,
    /// Leave the value as it is.
    #[arg(long, conflicts_with = "value")]
    ignore_value: bool,
    /// Leave the lease as it is.
    #[arg(long, conflicts_with = "lease")]
    ignore_lease: bool,
}

impl PutArgs {
    /// The request; `stdin` reads a value that is not among the arguments.
    pub(super) fn request(&self, stdin: impl FnOnce() -> Result<Vec<u8>, KvError>) -> Result<Value, KvError> {
        let mut request = Map::new();
        request.insert("key".into(), encoded(&self.key).into());
        if !self.ignore_value {
            let value = match self.value.as_deref() {
                None | Some(STDIN) => stdin()?,
                Some(value) => value.as_bytes().to_vec(),
            };
            request.insert("value".into(), encoded(value).into());
        }
        if let Some(lease) = self.lease {
            request.insert("lease".into(), lease.to_string().into());
        }
        set(&mut request, "prev_kv", self.prev_kv);
        set(&mut request, "ignore_value", self.ignore_value);
        set(&mut request, "ignore_lease", self.ignore_lease);
        Ok(request.into())
    }
}

/// Which keys are meant.
#[derive(Debug, Args)]
pub(super) struct Keys {
    /// The key, or the first of a range.
    pub(super) key: String,
    /// The key that a range ends before.
    pub(super) range_end: Option<String>,
    /// All keys that begin so.
    #[arg(long, conflicts_with = "range_end")]
    prefix: bool,
}

impl Keys {
    /// Key and end as a request has them.
    pub(super) fn insert(&self, request: &mut Map<String, Value>, from_key: bool) {
        let key = match self.key.as_bytes() {
            b"" if self.prefix || from_key => ZERO,
            key => key,
        };
        request.insert("key".into(), encoded(key).into());
        let end = match &self.range_end {
            Some(end) => end.as_bytes().to_vec(),
            None if from_key => ZERO.to_vec(),
            None if self.prefix => prefix_end(self.key.as_bytes()),
            None => return,
        };
        request.insert("range_end".into(), encoded(end).into());
    }
}

/// The least key behind all that begin so.
fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    ZERO.to_vec()
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    #[value(alias = "ASCEND")]
    Ascend,
    #[value(alias = "DESCEND")]
    Descend,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SortBy {
    #[value(alias = "CREATE")]
    Create,
    #[value(alias = "KEY")]
    Key,
    #[value(alias = "MODIFY")]
    Modify,
    #[value(alias = "VALUE")]
    Value,
    #[value(alias = "VERSION")]
    Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Consistency {
    /// What was acknowledged before is seen.
    #[value(alias = "l")]
    Linearizable,
    /// What this node has.
    #[value(alias = "s")]
    Serializable,
}

#[derive(Debug, Args)]
pub(super) struct GetArgs {
    #[command(flatten)]
    keys: Keys,
    /// All keys from this one on.
    #[arg(long, conflicts_with_all = ["range_end", "prefix"])]
    from_key: bool,
    /// The most keys to show; 0 for all.
    #[arg(long, default_value_t = 0)]
    limit: u64,
    /// In which order.
    #[arg(long, value_enum)]
    order: Option<Order>,
    /// Sorted by what.
    #[arg(long, value_enum)]
    sort_by: Option<SortBy>,
    /// As it was at this revision; 0 for now.
    #[arg(long, default_value_t = 0)]
    rev: u64,
    /// Without values.
    #[arg(long, conflicts_with = "print_value_only")]
    keys_only: bool,
    /// Only how many there are.
    #[arg(long, conflicts_with_all = ["keys_only", "print_value_only"])]
    count_only: bool,
    /// Without keys.
    #[arg(long)]
    print_value_only: bool,
    /// Whether the answer must be the latest.
    #[arg(long, value_enum, default_value_t = Consistency::Linearizable)]
    consistency: Consistency,
}

impl GetArgs {
    pub(super) fn request(&self) -> Result<Value, KvError> {
        let mut request = Map::new();
        self.keys.insert(&mut request, self.from_key);
        let order = self.order.or(self.sort_by.map(|_| Order::Ascend));
        if let Some(order) = order {
            let word = match order {
                Order::Ascend => "ASCEND",
                Order::Descend => "DESCEND",
            };
            request.insert("sort_order".into(), word.into());
            request.insert("sort_target".into(), self.sort_target().into());
        }
        number(&mut request, "limit", self.limit);
        number(&mut request, "revision", self.rev);
        set(&mut request, "keys_only", self.keys_only);
        set(&mut request, "count_only", self.count_only);
        set(
            &mut request,
            "serializable",
            self.consistency == Consistency::Serializable,
        );
        Ok(request.into())
    }

    fn sort_target(&self) -> &'static str {
        match self.sort_by {
            None | Some(SortBy::Key) => "KEY",
            Some(SortBy::Create) => "CREATE",
            Some(SortBy::Modify) => "MOD",
            Some(SortBy::Value) => "VALUE",
            Some(SortBy::Version) => "VERSION",
        }
    }

    pub(super) fn print(&self, range: &Range, out: &mut Printer) {
        if self.count_only {
            out.line(range.count.0.to_string());
        } else if self.print_value_only {
            range.kvs.iter().for_each(|kv| out.line(&kv.value.0));
        } else {
            out.range(range);
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct DelArgs {
    #[command(flatten)]
    keys: Keys,
    /// All keys from this one on.
    #[arg(long, conflicts_with_all = ["range_end", "prefix"])]
    from_key: bool,
    /// Yes, all keys between the two: two names alone could be meant as two keys.
    #[arg(long, requires = "range_end")]
    range: bool,
    /// Show what was there before.
    #[arg(long)]
    prev_kv: bool,
}

impl DelArgs {
    pub(super) fn request(&self) -> Result<Value, KvError> {
        if let Some(end) = self.keys.range_end.as_deref().filter(|_| !self.range) {
            let key = &self.keys.key;
            return Err(KvError::invalid(format!(
                "this would delete all keys from {key} up to {end}; say --range if it shall"
            )));
        }
        let mut request = Map::new();
        self.keys.insert(&mut request, self.from_key);
        set(&mut request, "prev_kv", self.prev_kv);
        Ok(request.into())
    }
}

/// A field that is false when absent.
pub(super) fn set(request: &mut Map<String, Value>, name: &str, on: bool) {
    if on {
        request.insert(name.into(), json!(true));
    }
}

/// A 64-bit field that is 0 when absent.
pub(super) fn number(request: &mut Map<String, Value>, name: &str, number: u64) {
    if number > 0 {
        request.insert(name.into(), number.to_string().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A prefix covers exactly the keys that begin so, even where its last byte has no successor.
    #[test]
    fn prefixes_end_behind_their_last_key() {
        assert_eq!(prefix_end(b"ab"), b"ac");
        assert_eq!(prefix_end(b"a\xff"), b"b");
        assert_eq!(prefix_end(b"\xff\xff"), ZERO);
        assert_eq!(prefix_end(b""), ZERO);
    }
}
