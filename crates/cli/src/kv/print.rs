//! Answers on standard output: keys and values as they are, each on a line of its own, or the listener's JSON.
//!
//! Values are anybody's bytes and are not touched, so that `get --print-value-only` is what was put.

use std::io::{self, Write};

use serde::de::DeserializeOwned;

use super::Output;
use super::answer::{Deleted, Event, Kv, Put, Range, Response, Txn};
use super::error::KvError;

/// Lines that are being made; they are written in one piece.
#[derive(Debug, Default)]
pub(super) struct Printer(Vec<u8>);

impl Printer {
    pub(super) fn line(&mut self, line: impl AsRef<[u8]>) {
        self.0.extend_from_slice(line.as_ref());
        self.0.push(b'\n');
    }

    pub(super) fn kv(&mut self, kv: &Kv) {
        self.line(&kv.key.0);
        self.line(&kv.value.0);
    }

    pub(super) fn put(&mut self, put: &Put) {
        self.line("OK");
        if let Some(before) = &put.prev_kv {
            self.kv(before);
        }
    }

    pub(super) fn range(&mut self, range: &Range) {
        range.kvs.iter().for_each(|kv| self.kv(kv));
    }

    pub(super) fn deleted(&mut self, deleted: &Deleted) {
        self.line(deleted.deleted.0.to_string());
        deleted.prev_kvs.iter().for_each(|kv| self.kv(kv));
    }

    pub(super) fn txn(&mut self, txn: &Txn) {
        self.line(if txn.succeeded { "SUCCESS" } else { "FAILURE" });
        for response in &txn.responses {
            self.line("");
            match response {
                Response::Put(put) => self.put(put),
                Response::Range(range) => self.range(range),
                Response::Deleted(deleted) => self.deleted(deleted),
            }
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        self.line(event.kind.word());
        if let Some(before) = &event.prev_kv {
            self.kv(before);
        }
        self.kv(&event.kv);
    }

    /// Hands on what was made: a watcher's lines must not wait for each other.
    pub(super) fn write(self) -> Result<(), KvError> {
        let mut out = io::stdout().lock();
        out.write_all(&self.0)
            .and_then(|()| out.flush())
            .map_err(KvError::Output)
    }
}

/// Reads an answer.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, KvError> {
    serde_json::from_slice(body).map_err(KvError::Unreadable)
}

/// Writes an answer in the form that was asked for.
pub(super) fn show<T: DeserializeOwned>(
    output: Output,
    body: &[u8],
    print: impl FnOnce(T, &mut Printer),
) -> Result<(), KvError> {
    let mut out = Printer::default();
    match output {
        Output::Json => out.line(body.trim_ascii()),
        Output::Simple => print(read(body)?, &mut out),
    }
    out.write()
}
