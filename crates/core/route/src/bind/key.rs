//! Names of properties as Spring binds them: `default-filters`, `defaultFilters` and `default_filters` are one name,
//! `a.b[0].c` is four elements.
//!
//! Source: the rules of Spring Boot's relaxed binding; only letters and digits count, in any case.

/// One element of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'k> {
    pub(super) text: &'k str,
    /// Whether it stood in brackets: an index, or a key that is taken as it is.
    pub(super) bracketed: bool,
}

/// The first element of `key` and what follows; `None` when nothing is left.
pub(super) fn split_first(key: &str) -> Option<(Element<'_>, &str)> {
    let key = key.trim_start_matches('.');
    if key.is_empty() {
        return None;
    }
    if let Some((text, rest)) = brackets(key) {
        let bracketed = true;
        return Some((Element { text, bracketed }, rest));
    }
    // a bracket that nothing closes ends the splitting: looking for its partner again and again would take long
    let end = key.find(['.', '[']).filter(|at| *at > 0);
    let (text, rest) = key.split_at(end.unwrap_or(key.len()));
    let bracketed = false;
    Some((Element { text, bracketed }, rest))
}

/// What stands in the brackets that `key` starts with, and what follows them.
fn brackets(key: &str) -> Option<(&str, &str)> {
    let inner = key.strip_prefix('[')?;
    let mut depth = 1_usize;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((inner.get(..at)?, inner.get(at + 1..)?));
        }
    }
    None
}

impl Element<'_> {
    /// What makes two spellings one name.
    pub(super) fn canonical(self) -> String {
        canonical(self.text, self.bracketed)
    }

    /// Whether this is `name`, which is written with small letters, digits and dashes.
    pub(super) fn is(self, name: &str) -> bool {
        let counted = |c: &char| c.is_alphanumeric();
        let mine = self.text.chars().filter(counted).flat_map(char::to_lowercase);
        mine.eq(name.chars().filter(counted))
    }

    /// As a key of a map: what was in brackets unchanged, else without what names do not have.
    pub(super) fn original(self) -> String {
        if self.bracketed {
            return self.text.to_owned();
        }
        let kept = |(at, c): &(usize, char)| c.is_alphanumeric() || *c == '_' || (*c == '-' && *at > 0);
        self.text
            .chars()
            .enumerate()
            .filter(kept)
            .map(|(_, c)| c)
            .collect()
    }

    /// The index that it is, if it is one.
    pub(super) fn index(self) -> Option<usize> {
        let digits = self.bracketed && self.text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| self.text.parse().ok()).flatten()
    }
}

fn canonical(text: &str, bracketed: bool) -> String {
    if bracketed {
        return text.to_owned();
    }
    let counted = text.chars().filter(|c| c.is_alphanumeric());
    counted.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::split_first;

    fn elements(mut key: &str) -> Vec<String> {
        let mut all = Vec::new();
        while let Some((element, rest)) = split_first(key) {
            all.push(element.canonical());
            key = rest;
        }
        all
    }

    #[test]
    fn names_split_as_in_spring() {
        // protects: dotted keys, indices and bracketed keys reach the settings they mean
        let table: [(&str, &[&str]); 9] = [
            ("gateway.server.webflux", &["gateway", "server", "webflux"]),
            ("routes[0].uri", &["routes", "0", "uri"]),
            ("a[0][1]", &["a", "0", "1"]),
            ("[/**]", &["/**"]),
            (
                "cors-configurations.[/**].allowedOrigins",
                &["corsconfigurations", "/**", "allowedorigins"],
            ),
            ("default_Filters", &["defaultfilters"]),
            ("a..b.", &["a", "b"]),
            ("[a", &["a"]),
            ("", &[]),
        ];
        for (key, expected) in table {
            assert_eq!(elements(key), expected, "{key}");
        }
    }

    #[test]
    fn spellings_of_one_name_are_equal() {
        // protects: kebab, camel and snake case bind alike, and nothing else does
        for written in [
            "default-filters",
            "defaultFilters",
            "DEFAULT_FILTERS",
            "defaultfilters",
        ] {
            assert!(split_first(written).unwrap().0.is("default-filters"), "{written}");
        }
        for written in ["default-filter", "xdefault-filters", "default"] {
            assert!(
                !split_first(written).unwrap().0.is("default-filters"),
                "{written}"
            );
        }
    }
}
