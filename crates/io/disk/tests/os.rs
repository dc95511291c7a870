//! The real disk keeps the traits' promises, as far as a running machine can show them.

use std::io::{ErrorKind, IoSlice};
use std::path::Path;

use koinon_io_disk::{Disk, OsDisk};

/// Protects: what is written is read back, wherever it lies; a vectored write is one write of the parts joined,
/// also with empty parts and with more parts than the kernel takes at once.
#[test]
fn bytes_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let file = OsDisk.create(&dir.path().join("a")).unwrap();
    file.write_at(b"hello", 3).unwrap();
    assert_eq!(file.len().unwrap(), 8);
    let words: Vec<[u8; 3]> = (0..3_000_u32).map(|n| [n as u8, (n >> 8) as u8, 7]).collect();
    let mut parts: Vec<IoSlice<'_>> = vec![IoSlice::new(b"")];
    parts.extend(words.iter().map(|word| IoSlice::new(word)));
    parts.push(IoSlice::new(b""));
    file.write_vectored_at(&mut parts, 8).unwrap();
    file.write_vectored_at(&mut [], 8).unwrap();
    file.sync_data().unwrap();
    let mut read = vec![1; 8 + 9_000];
    file.read_exact_at(&mut read, 0).unwrap();
    assert_eq!(&read[..8], b"\0\0\0hello");
    assert_eq!(read[8..], words.concat());
    let past = file.read_exact_at(&mut read, 1).unwrap_err();
    assert_eq!(past.kind(), ErrorKind::UnexpectedEof);
}

/// Protects: allocated space is zeros that take room on the medium, and what was there before stays.
#[test]
fn allocated_space_is_there() {
    use std::os::unix::fs::MetadataExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let file = OsDisk.create(&path).unwrap();
    file.write_at(b"kept", 0).unwrap();
    file.allocate(1_000_000).unwrap();
    file.allocate(10).unwrap();
    file.sync_data().unwrap();
    assert_eq!(file.len().unwrap(), 1_000_000);
    assert!(std::fs::metadata(&path).unwrap().blocks() * 512 >= 1_000_000);
    let mut read = vec![1; 1_000_000];
    file.read_exact_at(&mut read, 0).unwrap();
    assert!(read.starts_with(b"kept") && read[4..].iter().all(|byte| *byte == 0));
    file.set_len(2).unwrap();
    assert_eq!(file.len().unwrap(), 2);
}

/// Protects: names come and go as asked, a taken name is refused, and errors name the path.
#[test]
fn names_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("x/y/z");
    OsDisk.create_dir(&deep).unwrap();
    OsDisk.create_dir(&deep).unwrap();
    OsDisk.create(&deep.join("b")).unwrap();
    OsDisk.create(&deep.join("a")).unwrap();
    OsDisk.create_dir(&deep.join("folder")).unwrap();
    assert_eq!(OsDisk.list(&deep).unwrap(), ["a", "b"]);
    assert_eq!(
        OsDisk.create(&deep.join("a")).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    OsDisk.rename(&deep.join("a"), &deep.join("b")).unwrap();
    assert_eq!(OsDisk.list(&deep).unwrap(), ["b"]);
    OsDisk.remove(&deep.join("b")).unwrap();
    OsDisk.sync_dir(&deep).unwrap();
    let gone = OsDisk.open(&deep.join("b")).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    assert!(gone.to_string().contains("x/y/z/b"), "{gone}");
}

/// Protects: a second handle does not get a locked file, and gets it when the first is gone.
#[test]
fn a_lock_keeps_others_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let first = OsDisk.create(&path).unwrap();
    first.try_lock().unwrap();
    let second = OsDisk.open(&path).unwrap();
    assert_eq!(second.try_lock().unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(first);
    second.try_lock().unwrap();
}

/// Protects: free space is asked of the file system that holds the path, and a missing path is an error.
#[test]
fn free_space_is_known() {
    let dir = tempfile::tempdir().unwrap();
    assert!(OsDisk.free_bytes(dir.path()).unwrap() > 0);
    assert!(OsDisk.free_bytes(Path::new("/no such directory")).is_err());
}
