//! What must hold for every database file, whatever its bytes: tests and the fuzzer ask it.

use super::{BoltError, Database, Plan, TreePlan, WriteError, Writer};

/// A file's buckets with their entries, in order.
pub type Contents = Vec<(String, Vec<(Vec<u8>, Vec<u8>)>)>;

/// Everything in a file. Buckets without entries, and those whose names are no text, are left out.
///
/// # Errors
/// When it cannot be read.
pub fn contents(file: &[u8]) -> Result<Contents, BoltError> {
    let database = Database::open(file)?;
    let mut contents = Contents::new();
    for bucket in database.buckets()? {
        let mut entries = database.entries(&bucket);
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            found.push(entry);
        }
        if let (Ok(name), false) = (String::from_utf8(bucket.name), found.is_empty()) {
            contents.push((name, found));
        }
    }
    Ok(contents)
}

/// A file that holds exactly this.
///
/// # Errors
/// When a key is too long for the format's inner pages as they are written here.
pub fn file(contents: &Contents) -> Result<Vec<u8>, WriteError> {
    let trees = contents.iter().map(|(name, entries)| {
        let mut tree = TreePlan::default();
        for (key, value) in entries {
            tree.add(key, value.len());
        }
        (name.clone(), tree)
    });
    let plan = Plan::new(trees.collect());
    let len = plan.file_len();
    let mut writer = Writer::new(plan)?;
    for (_, entries) in contents {
        for (key, value) in entries {
            writer.add(key, value)?;
        }
    }
    let file = writer.finish()?;
    assert_eq!(file.len() as u64, len, "a file is as long as planned");
    Ok(file)
}

/// Reading ends, whatever the bytes; and what can be read, and written again, reads the same.
///
/// # Panics
/// When it does not.
pub fn what_is_read_can_be_written(bytes: &[u8]) {
    let Ok(contents) = self::contents(bytes) else {
        return;
    };
    match file(&contents) {
        Ok(file) => {
            let again = self::contents(&file);
            assert!(
                again.is_ok_and(|again| again == contents),
                "it is not read as it was written"
            );
        }
        Err(WriteError::KeyTooLong) => {}
        Err(error) => panic!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(count: usize, value_len: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        (0..count)
            .map(|at| (format!("{at:017}").into_bytes(), vec![b'v'; value_len]))
            .collect()
    }

    proptest! {
        /// Trees of any size and depth, with values smaller and larger than a page, come back as they went in.
        #[test]
        fn files_hold_what_was_written(count in 0usize..9000, value_len in 0usize..70, large in 0usize..3) {
            let mut keys = entries(count, value_len);
            for (key, value) in keys.iter_mut().take(large) {
                key.push(b'x');
                value.resize(10_000, b'l');
            }
            keys.sort();
            let contents: Contents = vec![("key".to_owned(), keys), ("meta".to_owned(), entries(3, 8))];
            let contents: Contents = contents.into_iter().filter(|(_, entries)| !entries.is_empty()).collect();
            let file = file(&contents).expect("short keys");
            prop_assert_eq!(self::contents(&file).expect("well-formed"), contents);
        }

        /// Damage anywhere is refused or goes unnoticed, but never does harm.
        #[test]
        fn damage_does_no_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
            let mut file = file(&vec![("key".to_owned(), entries(700, 20)), ("lease".to_owned(), entries(2, 5))])
                .expect("short keys");
            for (at, byte) in changes {
                let at = at.index(file.len());
                file[at] = byte;
            }
            what_is_read_can_be_written(&file);
        }

        /// A file cut short is refused, or read as far as it goes.
        #[test]
        fn cuts_do_no_harm(cut in any::<prop::sample::Index>()) {
            let file = file(&vec![("key".to_owned(), entries(700, 20))]).expect("short keys");
            what_is_read_can_be_written(&file[..cut.index(file.len())]);
        }
    }

    /// A tree whose pages point in a circle is refused: it would have more pages than the file.
    #[test]
    fn circles_end() {
        let mut file = file(&vec![("key".to_owned(), entries(700, 20))]).expect("short keys");
        // The first inner page's first child is itself.
        let place = 4 * super::super::PAGE_LEN + super::super::HEAD_LEN + 8;
        file[place..place + 8].copy_from_slice(&4_u64.to_le_bytes());
        let error = contents(&file).expect_err("a circle");
        assert!(error.to_string().starts_with("page 4 is damaged"), "{error}");
    }
}
