//! The route file, one for Koinon and Spring Cloud Gateway: a whole `application.yml`.
//!
//! The section of static instances is Spring's own; Koinon has the instances from its registry.

use std::fmt::Write as _;
use std::net::SocketAddr;

/// The routes beside the measured one, for the services that register while somebody waits for them.
pub(super) fn file(upstreams: &[SocketAddr], fresh: usize) -> String {
    let mut text = String::from(
        "spring:\n  application:\n    name: gateway\n  cloud:\n    gateway:\n      server:\n        webflux:\n          \
         routes:\n            - id: shop\n              uri: lb://orders\n              predicates:\n                \
         - Path=/shop/**\n              filters:\n                - StripPrefix=1\n                \
         - AddRequestHeader=X-Gateway, bench\n",
    );
    for number in 0..fresh {
        let name = fresh_name(number);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "            - id: {name}\n              uri: lb://{name}\n              predicates:\n                \
             - Path=/{name}/**\n"
        );
    }
    text.push_str(
        "    discovery:\n      client:\n        simple:\n          instances:\n            orders:\n",
    );
    for upstream in upstreams {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "              - uri: http://{upstream}");
    }
    text
}

/// The service that is registered in this round of `registration`.
pub(super) fn fresh_name(number: usize) -> String {
    format!("fresh-{number:03}")
}
