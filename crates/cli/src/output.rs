//! Words for the person at the terminal: answers on standard output, trouble on standard error.
//!
//! A reader that has gone away (`| head`) is no reason to fail, so write errors are dropped here, in one place.

use std::error::Error;
use std::fmt::Display;
use std::io::Write;

/// Writes a line to standard output.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes an error and its causes to standard error.
pub(crate) fn complain(error: &dyn Error) {
    let mut text = format!("koinon: {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
