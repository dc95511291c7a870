//! When leases run out.

use koinon_core_kv::{LeaseId, Lessor, Renewed, SpaceId, granted_ttl_s};

const SPACE: SpaceId = SpaceId::ETCD;

fn ids(expired: Vec<(SpaceId, LeaseId)>) -> Vec<i64> {
    expired.into_iter().map(|(_, id)| id.0).collect()
}

/// A lease runs out when its time is over, not before; those that ran out first are named first, at most so many at once.
#[test]
fn leases_run_out_in_order_and_in_batches() {
    let mut lessor = Lessor::new();
    for (id, ttl_s) in [(1, 30), (2, 10), (3, 20)] {
        lessor.granted(SPACE, LeaseId(id), ttl_s, 0);
    }
    assert_eq!(lessor.next_ms(), Some(10_000));
    assert_eq!(ids(lessor.expired(9_999, 10)), []);
    assert_eq!(ids(lessor.expired(30_000, 2)), [2, 3]);
    assert_eq!(ids(lessor.expired(30_000, 2)), [1]);
    assert_eq!(ids(lessor.expired(30_000, 2)), []);
}

/// One that was kept alive lives its whole time from then on.
#[test]
fn a_renewal_counts_from_when_it_came() {
    let mut lessor = Lessor::new();
    lessor.granted(SPACE, LeaseId(1), 10, 0);
    assert_eq!(lessor.renewed(SPACE, LeaseId(1), 9_000), Renewed::For(10));
    assert_eq!(ids(lessor.expired(18_999, 10)), []);
    assert_eq!(lessor.remaining_ms(SPACE, LeaseId(1), 18_000), Some(1_000));
    assert_eq!(ids(lessor.expired(19_000, 10)), [1]);
}

/// What ran out cannot be kept alive: others may have been told that it is over.
#[test]
fn what_ran_out_is_over() {
    let mut lessor = Lessor::new();
    lessor.granted(SPACE, LeaseId(1), 10, 0);
    assert_eq!(lessor.renewed(SPACE, LeaseId(1), 10_000), Renewed::Expired);
    assert_eq!(lessor.renewed(SPACE, LeaseId(2), 0), Renewed::Unknown);
    assert_eq!(lessor.remaining_ms(SPACE, LeaseId(1), 11_000), Some(0));
}

/// Until its end came through the log, a lease that ran out is named again, after a while.
#[test]
fn what_ran_out_is_named_until_it_ended() {
    let mut lessor = Lessor::new();
    lessor.granted(SPACE, LeaseId(1), 10, 0);
    assert_eq!(ids(lessor.expired(10_000, 10)), [1]);
    assert_eq!(ids(lessor.expired(12_999, 10)), []);
    assert_eq!(ids(lessor.expired(13_000, 10)), [1]);
    lessor.ended(SPACE, LeaseId(1));
    assert_eq!(ids(lessor.expired(99_000, 10)), []);
    assert_eq!(lessor.next_ms(), None, "nothing is left to look at");
}

/// A number that is used again is a new lease: the old one's deadline does not end it.
#[test]
fn a_number_can_be_used_again() {
    let mut lessor = Lessor::new();
    lessor.granted(SPACE, LeaseId(1), 10, 0);
    lessor.ended(SPACE, LeaseId(1));
    lessor.granted(SPACE, LeaseId(1), 60, 5_000);
    assert_eq!(ids(lessor.expired(10_000, 10)), []);
    assert_eq!(ids(lessor.expired(65_000, 10)), [1]);
}

/// Leases of different keyspaces with one number do not know each other.
#[test]
fn keyspaces_do_not_share_numbers() {
    let mut lessor = Lessor::new();
    lessor.granted(SpaceId::ETCD, LeaseId(1), 10, 0);
    lessor.granted(SpaceId::REGISTRY, LeaseId(1), 20, 0);
    lessor.ended(SpaceId::ETCD, LeaseId(1));
    assert_eq!(lessor.expired(20_000, 10), [(SpaceId::REGISTRY, LeaseId(1))]);
}

/// Who begins to lead gives every lease its whole time and some more, for nobody knows which were kept alive meanwhile.
#[test]
fn a_new_leader_extends_all() {
    let mut lessor = Lessor::new();
    lessor.granted(SPACE, LeaseId(1), 10, 0);
    lessor.granted(SPACE, LeaseId(2), 30, 0);
    lessor.extend_all(60_000, 1_000);
    assert_eq!(ids(lessor.expired(70_999, 10)), []);
    assert_eq!(ids(lessor.expired(71_000, 10)), [1]);
    assert_eq!(lessor.next_ms(), Some(74_000), "1 again; 2 lives until 91,000");
}

/// Leases that come and go leave nothing behind that grows.
#[test]
fn leases_that_come_and_go_leave_nothing() {
    let mut lessor = Lessor::new();
    for id in 0..100_000 {
        lessor.granted(SPACE, LeaseId(id), 9_000_000_000, 0);
        lessor.ended(SPACE, LeaseId(id));
    }
    assert!(lessor.is_empty());
    assert!(lessor.waiting() <= 1100, "{} entries wait", lessor.waiting());
}

/// A time that is too short for a change of leader becomes the shortest one that is not.
#[test]
fn short_times_are_made_longer() {
    assert_eq!(
        [-5, 0, 1, 2, 60].map(|asked_s| granted_ttl_s(asked_s, 2)),
        [2, 2, 2, 2, 60]
    );
}
