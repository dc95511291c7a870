//! The process that is killed: this test binary once more, running one ignored test.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use koinon_base::SystemClock;
use koinon_io_disk::{Disk, OsDisk};
use koinon_store::{Settings, Store};

use crate::common::{etcd, open_with};
use crate::killed::{DIR, SEED, TARGET, WRITERS, settings};
use crate::points::{Assassin, Point, Target};
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
            let target = Target::parse(&target);
            let settings = settings_for(target.point);
            let assassin = Arc::new(Assassin::new(target));
            let disk: Arc<dyn Disk> = Arc::new(Watched::by(assassin.clone(), Arc::new(OsDisk)));
            let store = Store::open(&disk, &dir, settings, Arc::new(SystemClock::new())).unwrap();
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

/// So that the point is reached, however fast the disk is.
fn settings_for(point: Point) -> Settings {
    if point == Point::SegmentRemove {
        // Removed is what is purged at once beyond the few segments that are kept for reuse.
        return Settings {
            log_first_segment_bytes: 16 << 10,
            log_segment_bytes: 16 << 10,
            flush_interval: Duration::from_millis(300),
            ..settings()
        };
    }
    settings()
}
