//! What holds of every request, whatever bytes it is made of. Tests and a fuzz target look for one of which it does not.

use bytes::Bytes;
use http::Method;
use koinon_core_kv::v2::Path;
use koinon_core_kv::{Command, SpaceId};

use super::{Asked, asked};
use crate::wire::v2::form::Form;
use crate::wire::v2::place::{clean, decoded};

const NOW_UNIX_MS: i64 = 1_700_000_000_000;

/// A request of any bytes: its path before the first line feed, its form behind.
///
/// - cleaning a path ends: a clean one stays as it is, and so does a node's place;
/// - what is asked for, if it is a change, is the same after it was an entry of the log;
/// - nothing panics.
///
/// # Panics
/// When it does not hold.
#[expect(clippy::expect_used, reason = "a law that does not hold must be seen")]
pub fn whatever_is_asked(input: &[u8]) {
    let (path, form_text) = match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => input.split_at(end),
        None => (input, [].as_slice()),
    };
    let path = decoded(&String::from_utf8_lossy(path)).unwrap_or_default();
    let cleaned = clean(&path);
    assert_eq!(clean(&cleaned), cleaned, "cleaning does not end");
    let mut form = Form::default();
    let _incomplete = form.add(form_text);
    for method in [
        Method::GET,
        Method::PUT,
        Method::POST,
        Method::DELETE,
        Method::HEAD,
    ] {
        let change = match asked(&method, &cleaned, &form, NOW_UNIX_MS) {
            Ok(Asked::Change { change, .. }) => change,
            Ok(Asked::Read { .. } | Asked::Wait { .. }) | Err(_) => continue,
        };
        let place = change.path().bytes();
        let again = Path::new(place).expect("a place is no longer than a path");
        assert_eq!(again.bytes(), place, "a place is not clean");
        let command = Command::V2 {
            space: SpaceId::ETCD_V2,
            now_unix_ms: NOW_UNIX_MS,
            change,
        };
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        let read = Command::decode(Bytes::from(bytes)).expect("what was written can be read");
        assert_eq!(read, command, "the log changed what was asked");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::whatever_is_asked;

    proptest! {
        /// The laws hold of requests that look like requests.
        #[test]
        fn laws_hold(path in "(/|/\\.|\\.\\.|//|[a-c_%]|%2[Ff]|%4){0,12}", form in "((ttl|value|dir|prevIndex|prevValue|prevExist|refresh|recursive)=(1|true|x|0|99999999999999999|%41|%)?[&;]?){0,5}") {
            whatever_is_asked(format!("{path}\n{form}").as_bytes());
        }
    }
}
