//! The process that is killed: this test binary once more, running one ignored test.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use crate::common::{etcd, open_with};
use crate::killed::{DIR, SEED, WRITERS, settings};
use crate::workload::{self, Report};

/// Writes until it is killed, and says on standard output what it was answered, each fact in one write.
#[tokio::test]
#[ignore = "run by the tests that kill it"]
async fn writes_until_killed() {
    let dir = PathBuf::from(std::env::var_os(DIR).unwrap());
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    let store = open_with(&dir, settings());
    let report: Report = Arc::new(|fact| {
        let line = format!("fact {}\n", fact.line());
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    });
    workload::run(&etcd(&store), WRITERS, i64::from(i32::MAX), seed, &report).await;
}
