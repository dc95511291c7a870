//! Content negotiation as clients really ask for it.

use koinon_compat_eureka::{Script, instance};
use koinon_testkit::Request;

/// Protects: each Accept header that a client sends gets the format that the original gives it.
#[test]
fn accept_decides_between_json_and_xml() {
    let mut script = Script::new("accept");
    script.register("register", "NEGO", &instance("NEGO", "n1"));
    for path in ["/eureka/apps", "/eureka/apps/NEGO/n1"] {
        script.plain(&format!("{path} without Accept"), "GET", path);
        for accept in [
            "*/*",
            "application/*",
            "application/json",
            "application/json, application/*+json",
            "application/json;q=0.9, text/plain;q=0.5",
            "application/xml",
            "application/xml, application/json",
            "text/html",
            "text/xml",
            "text/plain",
        ] {
            let request = Request::get(path).header("Accept", accept);
            script.step(&format!("{path} as {accept}"), request);
        }
    }
    script.run();
}

/// Protects: gzip is used where the client offers it and nowhere else.
#[test]
fn accept_encoding_decides_about_gzip() {
    let mut script = Script::new("accept-encoding");
    script.register("register", "ZIPPED", &instance("ZIPPED", "z1"));
    for path in ["/eureka/apps", "/eureka/apps/delta", "/eureka/apps/ZIPPED"] {
        for encoding in [
            "gzip",
            "gzip, deflate, br",
            "gzip, x-gzip, deflate",
            "deflate",
            "*",
            "identity",
        ] {
            let request = Request::get(path)
                .header("Accept", "application/json")
                .header("Accept-Encoding", encoding);
            script.step(&format!("{path} with {encoding}"), request);
        }
    }
    script.run();
}
