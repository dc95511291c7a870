//! The cases of `http_desync_guardian` against our codec: what the detector finds dangerous is refused, what it finds
//! compliant is taken, and every exception is listed with its reason.

#[cfg(test)]
mod tests {
    use koinon_compat_gateway::{Case, Tier, load};
    use koinon_core_http1::{HeadScan, Limits, Refusal, RequestHead};

    /// Found dangerous by the detector and taken by us, with the reason why nobody is misled.
    const TAKEN: [(&str, &str); 6] = [
        ("Get with a body and Content-Length", BODY),
        ("Get with a body and Transfer-Encoding", BODY),
        ("Head with a body and Content-Length", BODY),
        ("Head with a body and Transfer-Encoding", BODY),
        ("Has a CL in GET", BODY),
        ("Has a TE in GET", BODY),
    ];
    const BODY: &str =
        "any method may have a body (RFC 9110 §9.3); its end is announced once and is written anew";

    /// Found compliant by the detector and refused by us, with the reason.
    const REFUSED: [(&str, &str); 10] = [
        ("Correct TE OK", CODING),
        ("Transfer-Encoding: identity and chunked OK", CODING),
        (
            "Multiple transfer encoding headers in a single request OK",
            CODING,
        ),
        ("TE with custom parameters OK", CODING),
        ("Different Transfer-Encoding headers", CODING),
        ("Different Transfer-Encoding headers combined", CODING),
        ("Transfer-Encoding with a param: chunked;custom_param", CODING),
        ("Compliant URL", "a fragment (`#`) is never sent (RFC 9112 §3.2)"),
        (
            "International in URI",
            "a URI is ASCII; what is not is percent-encoded (RFC 3986 §2)",
        ),
        ("Empty URI", "a request line has a target (RFC 9112 §3)"),
    ];
    const CODING: &str =
        "`chunked`, once and alone, is the only coding taken: others are unused and read in many ways";

    fn judge(head: &[u8]) -> Result<(), Refusal> {
        let limits = Limits::default();
        let place = HeadScan::default()
            .find(head, &limits)?
            .ok_or(Refusal::RequestLine)?;
        if place.end != head.len() {
            // A line end within a value: what follows is another message.
            return Err(Refusal::Field);
        }
        RequestHead::default()
            .parse(&head[place.start..place.end], &limits)
            .map(|_| ())
    }

    /// Both ways in which a byte beyond ASCII may have been meant: itself, and as UTF-8.
    fn judge_both(case: &Case) -> bool {
        let (plain, utf8) = (judge(&case.bytes()), judge(case.head.as_bytes()));
        assert_eq!(plain.is_ok(), utf8.is_ok(), "{}: {plain:?}, {utf8:?}", case.name);
        plain.is_ok()
    }

    /// Protects: no request that the detector knows as an attack is taken, and none that it knows as harmless is refused,
    /// but for the listed ones.
    #[test]
    fn the_detectors_cases_are_judged_as_it_does_needs_desync() {
        let cases = load().unwrap();
        let mut counts = String::new();
        for tier in [Tier::Severe, Tier::Ambiguous, Tier::Acceptable, Tier::Compliant] {
            let all: Vec<&Case> = cases.iter().filter(|case| case.tier == tier).collect();
            let taken: Vec<&str> = all
                .iter()
                .filter(|case| judge_both(case))
                .map(|case| &*case.name)
                .collect();
            let refused = all
                .iter()
                .map(|case| &*case.name)
                .filter(|name| !taken.contains(name));
            counts += &format!("; {} {tier:?}: {} taken", all.len(), taken.len());
            let unexpected: Vec<&str> = match tier {
                Tier::Severe => taken,
                Tier::Ambiguous => taken.into_iter().filter(|name| !listed(&TAKEN, name)).collect(),
                // Wrong and harmless: to be refused or not, as the codec's own tests say.
                Tier::Acceptable => Vec::new(),
                Tier::Compliant => refused.filter(|name| !listed(&REFUSED, name)).collect(),
            };
            assert!(unexpected.is_empty(), "{tier:?}: {unexpected:#?}");
        }
        println!("http_desync_guardian: {} cases{counts}", cases.len());
        assert!(cases.len() >= 150, "only {} cases were found", cases.len());
    }

    /// Protects: the lists of exceptions hold nothing that is none.
    #[test]
    fn every_exception_is_one_needs_desync() {
        let cases = load().unwrap();
        for (name, reason) in TAKEN.iter().chain(&REFUSED) {
            let judged = cases
                .iter()
                .filter(|case| case.name == *name && case.tier != Tier::Acceptable);
            let verdicts: Vec<bool> = judged.map(judge_both).collect();
            let expected = listed(&TAKEN, name);
            assert!(
                !verdicts.is_empty() && verdicts.iter().all(|taken| *taken == expected),
                "{name}: {reason}"
            );
        }
    }

    fn listed(list: &[(&str, &str)], name: &str) -> bool {
        list.iter().any(|(listed, _)| *listed == name)
    }
}
