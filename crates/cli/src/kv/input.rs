//! What is read from standard input.

use std::io::Read;

use super::error::KvError;

/// More than a server takes in one request is not worth reading on: etcd's default is 1.5 MiB.
const INPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A value, byte for byte.
pub(super) fn value() -> Result<Vec<u8>, KvError> {
    let mut all = Vec::new();
    let read = std::io::stdin()
        .lock()
        .take(INPUT_BYTES_MAX + 1)
        .read_to_end(&mut all)
        .map_err(KvError::Input)?;
    if read as u64 > INPUT_BYTES_MAX {
        return Err(KvError::invalid(format!(
            "standard input has more than {INPUT_BYTES_MAX} bytes"
        )));
    }
    Ok(all)
}

/// A text.
pub(super) fn text() -> Result<String, KvError> {
    String::from_utf8(value()?).map_err(|_| KvError::invalid("standard input is not UTF-8"))
}
