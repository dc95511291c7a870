//! The operating system refuses a write for real: a process with a bound on its files' length commits until it is met, has
//! the bound lifted and goes on, as after a full disk.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use koinon_base::ErrorKind;
use koinon_core_kv::{Revision, SpaceId};
use koinon_io_backend::{Applied, Backend, Batch, RedbBackend};
use koinon_io_disk::OsDisk;
use rustix::process::{Resource, getrlimit, setrlimit};
use support::{Model, settings, value};

/// Says that this is the process with the bound, and in which folder it works.
const FOLDER: &str = "KOINON_TEST_LIMITED_FOLDER";

/// Protects: an error of the operating system in the middle of a commit is survived in place, nothing is lost, and the
/// backend goes on once it can.
#[test]
fn a_bound_on_the_file_is_survived() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return under_the_bound(&PathBuf::from(folder).join("state.redb"));
    }
    let folder = tempfile::tempdir().unwrap();
    // The shell ignores the signal and sets the bound, of 512 bytes each, because both are inherited: 3 MiB.
    let limited = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -S -f 6144; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_bound_on_the_file_is_survived", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&limited.stdout) + String::from_utf8_lossy(&limited.stderr);
    assert!(limited.status.success(), "{said}");
    assert!(said.contains("met the bound"), "{said}");
}

fn batch(index: u64) -> Batch {
    let main = index.cast_signed();
    Batch {
        applied: Applied { index, term: 1 },
        put: (0..20)
            .map(|sub| (SpaceId::ETCD, Revision::new(main, sub), value(index, 5_000)))
            .collect(),
        ..Batch::default()
    }
}

fn under_the_bound(path: &Path) {
    let open = || RedbBackend::open(Arc::new(OsDisk), path, settings()).unwrap();
    let backend = open();
    let mut model = Model::default();
    let mut index = 1;
    let error = loop {
        match backend.commit(&batch(index)) {
            Ok(()) => model.apply(&batch(index)),
            Err(error) => break error,
        }
        index += 1;
        assert!(index < 100, "the bound is not met");
    };
    println!("met the bound: {error:?}");
    assert!(
        matches!(error.kind(), ErrorKind::OutcomeUnknown | ErrorKind::Unavailable),
        "{error}"
    );
    assert!(index > 3 && backend.needs_reopen());
    assert_eq!(
        backend.commit(&batch(index)).unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    model.check_honest(&backend);
    // While the bound is there it opens, but a batch that needs more file meets it again.
    backend.reopen().unwrap();
    model.check(&backend);
    backend.commit(&batch(index)).unwrap_err();
    let mut bound = getrlimit(Resource::Fsize);
    bound.current = bound.maximum;
    setrlimit(Resource::Fsize, bound).unwrap();
    backend.reopen().unwrap();
    model.check(&backend);
    for index in index..index + 5 {
        backend.commit(&batch(index)).unwrap();
        model.apply(&batch(index));
    }
    model.check(&backend);
    drop(backend);
    model.check(&open());
}
