//! The process that is killed: this test binary once more, running one ignored test.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use koinon_base::SystemClock;
use koinon_io_disk::{Disk, OsDisk};
use koinon_store::Store;

use crate::common::{etcd, open_with};
use crate::killed::{DIR, SEED, TARGET, WRITERS, settings};
use crate::points::{Assassin, Target};
use crate::watched::Watched;
use crate::workload::{self, Report};

/// Writes until it is killed, or kills itself, and says on standard output what it was answered, each fact in one write.
#[tokio::test]
#[ignore = "run by the tests that kill it"]
async fn writes_until_killed() {
    let dir = PathBuf::from(std::env::var_os(DIR).unwrap());
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    let store = match std::env::var(TARGET) {
        Ok(target) => {
            let assassin = Arc::new(Assassin::new(Target::parse(&target)));
            let disk: Arc<dyn Disk> = Arc::new(Watched::by(assassin.clone(), Arc::new(OsDisk)));
            let store = Store::open(&disk, &dir, settings(), Arc::new(SystemClock::new())).unwrap();
            assassin.opened();
            store
        }
        Err(_) => open_with(&dir, settings()),
    };
    let report: Report = Arc::new(|fact| {
        let line = format!("fact {}\n", fact.line());
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    });
    workload::run(&etcd(&store), WRITERS, i64::from(i32::MAX), seed, &report).await;
}
