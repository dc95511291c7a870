//! Key-value pairs, packed: one text and one list of borders instead of an allocation for every word.
//!
//! Every instance carries two such lists of about ten short words each, and there may be 100 000 instances: packed,
//! they take a third of what a vector of strings takes. They are read often and changed almost never.
//!
//! Invariant: `ends` holds, for key and value in turn, where each ends in `text`; so its length is even, it never
//! falls, and its last entry is the length of `text`. No key occurs twice.

/// Key-value pairs in the order in which they came, each key once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairs {
    text: Box<str>,
    ends: Box<[u32]>,
}

impl Pairs {
    /// No pairs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, v)| v)
    }

    /// These pairs with those of `other`, whose values replace ours where a key is in both.
    #[must_use]
    pub fn merged_with(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).collect()
    }

    /// All pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        let mut word = move |end: u32| {
            let end = end as usize;
            let word = self.text.get(start..end).unwrap_or_default();
            start = end;
            word
        };
        self.ends
            .chunks_exact(2)
            .map(move |ends| (word(ends[0]), word(ends[1])))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len() / 2
    }

    /// How many bytes keys and values have together.
    #[must_use]
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// How many bytes they take in memory.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.text.len() + size_of_val(&*self.ends)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Pairs {
    /// A later value replaces an earlier one of the same key, in the earlier one's place. Pairs beyond 4 GiB of
    /// text, which no front door lets in, are left out.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs: Vec<(K, V)> = pairs.into_iter().collect();
        let (mut text, mut ends) = (String::new(), Vec::with_capacity(pairs.len() * 2));
        for (first, last) in first_and_last_of_each_key(&pairs) {
            let (key, value) = (pairs[first].0.as_ref(), pairs[last].1.as_ref());
            let key_end = u32::try_from(text.len() + key.len());
            let value_end = u32::try_from(text.len() + key.len() + value.len());
            let (Ok(key_end), Ok(value_end)) = (key_end, value_end) else {
                break;
            };
            text.push_str(key);
            text.push_str(value);
            ends.extend([key_end, value_end]);
        }
        Self {
            text: text.into_boxed_str(),
            ends: ends.into_boxed_slice(),
        }
    }
}

/// Where each key comes first and last, in the order of the first. Sorted rather than compared each with each,
/// because a hostile registrant may send very many.
fn first_and_last_of_each_key<K: AsRef<str>, V>(pairs: &[(K, V)]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by(|a, b| pairs[*a].0.as_ref().cmp(pairs[*b].0.as_ref()).then(a.cmp(b)));
    let same_key = order.chunk_by(|a, b| pairs[*a].0.as_ref() == pairs[*b].0.as_ref());
    let mut spans: Vec<(usize, usize)> = same_key
        .filter_map(|run| Some((*run.first()?, *run.last()?)))
        .collect();
    spans.sort_unstable();
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(pairs: &Pairs) -> Vec<(&str, &str)> {
        pairs.iter().collect()
    }

    /// Metadata with a key given twice must not show both values to somebody.
    #[test]
    fn a_later_value_replaces_an_earlier_one_in_its_place() {
        let pairs: Pairs = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        assert_eq!(list(&pairs), [("a", "3"), ("b", "2")]);
        assert_eq!(pairs.len(), 2);
    }

    /// Packing must not mix up empty words, or words of several bytes a letter.
    #[test]
    fn words_come_back_as_they_were() {
        let words = [("", "x"), ("zone", ""), ("größe", "日本")];
        let pairs: Pairs = words.into_iter().collect();
        assert_eq!(list(&pairs), words);
        assert_eq!(
            (pairs.get("größe"), pairs.get("zone"), pairs.get("none")),
            (Some("日本"), Some(""), None)
        );
    }

    /// Setting a few pairs keeps all the others.
    #[test]
    fn merging_replaces_and_adds() {
        let old: Pairs = [("a", "1"), ("b", "2")].into_iter().collect();
        let new: Pairs = [("b", "3"), ("c", "4")].into_iter().collect();
        assert_eq!(list(&old.merged_with(&new)), [("a", "1"), ("b", "3"), ("c", "4")]);
    }
}
