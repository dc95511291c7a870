//! The same connections through Koinon, nginx and HAProxy, each to a recording upstream of its own.
//!
//! What arrives and what is answered is compared; every difference has a class, and every class is explained in
//! `docs/security/http.md`. A difference without a class fails the test.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use koinon_compat_gateway::{CLASSES, Gateway, Lane, Seen, Sent, classify, compare, observe, requests};
    use koinon_testkit::{KoinonOptions, Recorder, Result, Rival, RivalOptions};

    const EXPLAINED_IN: &str = "../../docs/security/http.md";
    /// Proxies of each kind that work side by side.
    const LANES: usize = 4;

    /// What became of everything that was sent, through proxies of one kind.
    fn through<P>(all: &[Sent], start: impl Fn(&Recorder) -> Result<(std::net::SocketAddr, P)>) -> Vec<Seen> {
        let start_lane = |_| {
            let recorder = Recorder::start().unwrap();
            let (proxy, running) = start(&recorder).unwrap();
            (Lane { proxy, recorder }, running)
        };
        let (lanes, _running): (Vec<Lane>, Vec<P>) = (0..LANES).map(start_lane).unzip();
        observe(&lanes, all).unwrap()
    }

    fn koinon(all: &[Sent]) -> Vec<Seen> {
        through(all, |recorder| {
            let gateway = Gateway::start(recorder.address(), KoinonOptions::default())?;
            Ok((gateway.address(), gateway))
        })
    }

    fn rival(all: &[Sent], start: fn(&RivalOptions) -> Result<Rival>) -> Vec<Seen> {
        through(all, |recorder| {
            let rival = start(&RivalOptions::new([recorder.address()]))?;
            Ok((rival.address(), rival))
        })
    }

    /// Protects: what Koinon passes on and answers is what operators know from nginx and HAProxy, but for explained
    /// classes; and what it passes on, a strict reader takes.
    #[test]
    fn every_difference_is_explained_needs_proxies() {
        let all = requests();
        assert!(all.len() >= 300, "only {} requests", all.len());
        let ours = koinon(&all);
        let mut unexplained = Vec::new();
        for (other, theirs) in [
            ("nginx", rival(&all, Rival::nginx)),
            ("haproxy", rival(&all, Rival::haproxy)),
        ] {
            let mut counts = BTreeMap::<&str, usize>::new();
            let mut same = 0;
            for ((sent, ours), theirs) in all.iter().zip(&ours).zip(&theirs) {
                let differences = compare(ours, theirs);
                same += usize::from(differences.is_empty());
                for difference in differences {
                    match classify(sent, ours, theirs, other, &difference) {
                        Some(class) => *counts.entry(class).or_default() += 1,
                        None => unexplained.push(format!(
                            "{other}: {difference:?} ({:?} and {:?}): {}",
                            ours.statuses,
                            theirs.statuses,
                            sent.bytes.escape_ascii()
                        )),
                    }
                }
            }
            let garbage = theirs.iter().filter(|seen| seen.garbage).count();
            println!(
                "{} requests beside {other}: {same} the same; differences {counts:?}; {garbage} times {other} passed on \
                 what a strict reader refuses",
                all.len()
            );
        }
        let garbage: Vec<_> = all.iter().zip(&ours).filter(|(_, seen)| seen.garbage).collect();
        assert!(garbage.is_empty(), "passed on though malformed: {garbage:#?}");
        assert!(
            unexplained.is_empty(),
            "{} unexplained:\n{}",
            unexplained.len(),
            unexplained.join("\n")
        );
    }

    /// Protects: every class is explained to operators.
    #[test]
    fn every_class_is_documented() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(EXPLAINED_IN);
        let text = fs::read_to_string(&path).unwrap();
        let silent: Vec<_> = CLASSES
            .iter()
            .filter(|class| !text.contains(&format!("`{class}`")))
            .collect();
        assert!(silent.is_empty(), "{} says nothing of {silent:?}", path.display());
    }
}
