//! A URL's path, decoded, and whether it is written as the original wants it.

use percent_encoding::percent_decode_str;

use super::form::check_escapes;

/// The bytes that a URL's path stands for; `None` if its escapes are broken.
#[must_use]
pub fn decoded(path: &str) -> Option<Vec<u8>> {
    check_escapes(path.as_bytes()).ok()?;
    Some(percent_decode_str(path).collect())
}

/// The path without empty parts, `.` and `..`; a slash at its end stays.
#[must_use]
pub fn clean(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut clean = Vec::with_capacity(path.len() + 1);
    for part in &parts {
        clean.push(b'/');
        clean.extend_from_slice(part);
    }
    if parts.is_empty() || path.ends_with(b"/") {
        clean.push(b'/');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clean path stays as it is, and cleaning makes one that stays.
    #[test]
    fn cleaning_ends() {
        for (written, cleaned) in [
            ("/v2/keys", "/v2/keys"),
            ("/v2/keys/", "/v2/keys/"),
            ("//v2/keys//a", "/v2/keys/a"),
            ("/v2/keys/../x/./", "/v2/x/"),
            ("", "/"),
            ("/..", "/"),
        ] {
            let once = clean(written.as_bytes());
            assert_eq!(once, cleaned.as_bytes(), "{written}");
            assert_eq!(clean(&once), once);
        }
        assert_eq!(decoded("/a%2Fb%20c"), Some(b"/a/b c".to_vec()));
        assert_eq!(decoded("/a%2"), None);
    }
}
