//! Changes of the tree: a number for the kind, the path, then the kind's fields in the order in which they are declared.

use super::CodecError;
use super::reader::Reader;
use super::writer::Write;
use crate::v2::{Change, Expect, Path};

pub(super) fn write_change(out: &mut Vec<u8>, change: &Change) {
    out.byte(match change {
        Change::Set { .. } => 1,
        Change::Create { .. } => 2,
        Change::Update { .. } => 3,
        Change::CompareAndSwap { .. } => 4,
        Change::Delete { .. } => 5,
        Change::CompareAndDelete { .. } => 6,
        Change::Expire { .. } => 7,
    });
    out.bytes(change.path().bytes());
    match change {
        Change::Set {
            dir,
            value,
            expires_unix_ms,
            refresh,
            ..
        } => {
            out.flag(*dir);
            out.bytes(value);
            write_time(out, *expires_unix_ms);
            out.flag(*refresh);
        }
        Change::Create {
            in_order,
            dir,
            value,
            expires_unix_ms,
            ..
        } => {
            out.flag(*in_order);
            out.flag(*dir);
            out.bytes(value);
            write_time(out, *expires_unix_ms);
        }
        Change::Update {
            value,
            expires_unix_ms,
            refresh,
            ..
        } => {
            out.bytes(value);
            write_time(out, *expires_unix_ms);
            out.flag(*refresh);
        }
        Change::CompareAndSwap {
            expect,
            value,
            expires_unix_ms,
            refresh,
            ..
        } => {
            write_expect(out, expect);
            out.bytes(value);
            write_time(out, *expires_unix_ms);
            out.flag(*refresh);
        }
        Change::Delete { dir, recursive, .. } => {
            out.flag(*dir);
            out.flag(*recursive);
        }
        Change::CompareAndDelete { expect, .. } => write_expect(out, expect),
        Change::Expire { .. } => {}
    }
}

pub(super) fn read_change(from: &mut Reader) -> Result<Change, CodecError> {
    let kind = from.byte("change")?;
    let path = read_path(from)?;
    Ok(match kind {
        1 => Change::Set {
            path,
            dir: from.flag("dir")?,
            value: from.bytes("value")?,
            expires_unix_ms: read_time(from)?,
            refresh: from.flag("refresh")?,
        },
        2 => Change::Create {
            path,
            in_order: from.flag("in order")?,
            dir: from.flag("dir")?,
            value: from.bytes("value")?,
            expires_unix_ms: read_time(from)?,
        },
        3 => Change::Update {
            path,
            value: from.bytes("value")?,
            expires_unix_ms: read_time(from)?,
            refresh: from.flag("refresh")?,
        },
        4 => Change::CompareAndSwap {
            path,
            expect: read_expect(from)?,
            value: from.bytes("value")?,
            expires_unix_ms: read_time(from)?,
            refresh: from.flag("refresh")?,
        },
        5 => Change::Delete {
            path,
            dir: from.flag("dir")?,
            recursive: from.flag("recursive")?,
        },
        6 => Change::CompareAndDelete {
            path,
            expect: read_expect(from)?,
        },
        7 => Change::Expire { path },
        number => {
            return Err(CodecError::Unknown {
                what: "change",
                number,
            });
        }
    })
}

/// A path has one way to be written: the clean one.
fn read_path(from: &mut Reader) -> Result<Path, CodecError> {
    let bytes = from.bytes("path")?;
    match Path::new(&bytes) {
        Ok(path) if *path.bytes() == bytes => Ok(path),
        Ok(_) | Err(_) => Err(CodecError::OutOfBounds("path")),
    }
}

fn write_expect(out: &mut Vec<u8>, expect: &Expect) {
    out.bytes(&expect.value);
    out.unsigned(expect.index);
}

fn read_expect(from: &mut Reader) -> Result<Expect, CodecError> {
    Ok(Expect {
        value: from.bytes("expected value")?,
        index: from.unsigned("expected index")?,
    })
}

/// A time is never 0, which stands for none where it is kept.
fn write_time(out: &mut Vec<u8>, time: Option<i64>) {
    out.flag(time.is_some());
    if let Some(time) = time {
        out.signed(time);
    }
}

fn read_time(from: &mut Reader) -> Result<Option<i64>, CodecError> {
    if !from.flag("expiration")? {
        return Ok(None);
    }
    match from.signed("expiration")? {
        time if time > 0 => Ok(Some(time)),
        _ => Err(CodecError::OutOfBounds("expiration")),
    }
}
