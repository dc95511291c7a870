//! Clients that are slow on purpose: `slowhttptest` in its modes, bounded in connections and time, against a gateway
//! with a small room for connections. Others must be served all the while, and the attackers let go.

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;
    use std::time::{Duration, Instant};

    use koinon_compat_gateway::Gateway;
    use koinon_testkit::{
        KoinonOptions, Process, ProcessOptions, Recorder, Reply, Request, send, unpacked_program, wait_until,
    };

    const CONNECTIONS: &str = "200";
    const SECONDS: &str = "8";
    /// The attack's own time, its start, and what a slow machine adds.
    const WITHIN: Duration = Duration::from_secs(60);
    /// What others are promised meanwhile, on two cores that build something else beside.
    const ANSWER_WITHIN: Duration = Duration::from_secs(3);
    /// Hours of reading for who takes some bytes a second.
    const LARGE_LEN: usize = 1024 * 1024;

    fn gateway(recorder: &Recorder) -> Gateway {
        let options = KoinonOptions::default()
            .set("gateway.head_timeout_ms", 2000)
            .set("gateway.idle_timeout_ms", 2000)
            .set("gateway.keep_alive_timeout_ms", 2000);
        Gateway::start(recorder.address(), options).unwrap()
    }

    fn upstream() -> Recorder {
        Recorder::answering(|request| match &request.what.1[..] {
            b"/large" => Reply::ok(request, &"x".repeat(LARGE_LEN)),
            _ => Reply::ok(request, "recorded"),
        })
        .unwrap()
    }

    fn attack(url: &str, arguments: &[&str]) -> Command {
        let mut command = unpacked_program("slowhttptest").unwrap();
        command.args(arguments);
        command.args([
            "-c",
            CONNECTIONS,
            "-r",
            "100",
            "-l",
            SECONDS,
            "-i",
            "1",
            "-p",
            "3",
            "-u",
            url,
        ]);
        command
    }

    /// Runs an attack and serves others meanwhile; the attack ends with every connection closed by us, or in its time.
    fn withstand(mode: &str, path: &str, arguments: &[&str]) {
        let recorder = upstream();
        let gateway = gateway(&recorder);
        let folder = tempfile::tempdir().unwrap();
        let mut process = Process::start(ProcessOptions {
            name: format!("slowhttptest {mode}"),
            command: attack(&format!("http://{}{path}", gateway.address()), arguments),
            log: folder.path().join("log"),
        })
        .unwrap();
        let deadline = Instant::now() + WITHIN;
        let (mut served, mut slowest) = (0, Duration::ZERO);
        while process.ended().is_none() {
            assert!(
                Instant::now() < deadline,
                "{mode} does not end: {}",
                process.log_end()
            );
            let asked = Instant::now();
            let answer = send(gateway.address(), &Request::get("/good")).unwrap();
            slowest = slowest.max(asked.elapsed());
            assert_eq!(
                (answer.status, answer.text()),
                (200, "recorded".to_owned()),
                "{mode}"
            );
            served += 1;
            thread::sleep(Duration::from_millis(20));
        }
        let log = process.output();
        println!("slowhttptest {mode}: {served} others served meanwhile, the slowest in {slowest:?}");
        assert!(slowest < ANSWER_WITHIN, "{mode}: {slowest:?}");
        assert!(served >= 10, "{mode}: only {served} others were served");
        assert!(!log.contains("service available:   NO"), "{mode}: {log}");
        // Nothing of it is left on the way.
        wait_until(
            "the attack's connections to be gone",
            Duration::from_secs(10),
            || (recorder.connections() <= 8).then_some(()),
        )
        .unwrap();
    }

    /// Protects: heads that never end cost their senders only.
    #[test]
    fn slow_heads_hold_up_nobody_needs_proxies() {
        withstand("-H", "/slow", &["-H", "-x", "24"]);
    }

    /// Protects: bodies that never end cost their senders only.
    #[test]
    fn slow_bodies_hold_up_nobody_needs_proxies() {
        withstand("-B", "/slow", &["-B", "-s", "8192", "-x", "16"]);
    }

    /// Protects: a field of two thousand ranges is a field like any other.
    #[test]
    fn many_ranges_hold_up_nobody_needs_proxies() {
        withstand("-R", "/slow", &["-R", "-a", "5", "-b", "2000", "-t", "HEAD"]);
    }

    /// Protects: readers that take some bytes a second cost themselves only.
    #[test]
    fn slow_readers_hold_up_nobody_needs_proxies() {
        withstand(
            "-X",
            "/large",
            &["-X", "-w", "256", "-y", "1024", "-n", "1", "-z", "64", "-k", "1"],
        );
    }
}
