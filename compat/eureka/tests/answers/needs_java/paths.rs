//! Paths and methods beside the ordinary ones.

use koinon_compat_eureka::{Script, instance};
use koinon_testkit::Request;

use crate::JSON;

/// Protects: both prefixes, one trailing slash, any case of the application, and no more than that.
#[test]
fn spellings_of_paths() {
    let mut script = Script::new("paths: spellings");
    script.register("register", "PATHS", &instance("PATHS", "h1:p:80"));
    for path in [
        "//eureka/apps",
        "/eureka//apps",
        "/eureka/apps//PATHS",
        "/eureka/apps/paths",
        "/eureka/apps/PATHS/",
        "/eureka/apps/PATHS/h1%3Ap%3A80",
        "/eureka/apps/%50ATHS/h1:p:80",
        "/eureka/apps/PATHS/H1:P:80",
        "/eureka/apps/PATHS/h1:p:80/",
        "/eureka/instances/h1:p:80/",
        "/eureka/instances",
        "/eureka/vips",
        "/eureka/vips/",
        "/eureka/vips/paths/",
        "/eureka/apps/delta/",
        "/eureka/v2/apps",
        "/eureka/v2/apps/",
        "/eureka/v2/apps/delta",
        "/eureka/v2/apps/PATHS",
        "/eureka/v2/apps/PATHS/h1:p:80",
        "/eureka/v2/instances/h1:p:80",
        "/eureka/v2/vips/paths",
        "/eureka/v2/svips/paths",
        "/eureka/apps?regions=us-east-1",
        "/eureka/apps/?regions=",
        "/eureka/apps/delta?regions=us-east-1",
        "/eureka/v1/apps",
        "/eureka",
        "/eureka/",
        "/eureka/nope",
        "/eureka/serverinfo",
        "/eureka/lastn",
        "/nope",
        "/eureka/apps/PATHS/h1:p:80/nope",
    ] {
        script.json(path, path);
    }
    script.run();
}

/// Protects: the whole client API works under the versioned prefix too.
#[test]
fn the_versioned_prefix() {
    let mut script = Script::new("paths: v2");
    let body = serde_json::json!({"instance": instance("VTWO", "v1")}).to_string();
    let post = Request::new("POST", "/eureka/v2/apps/VTWO")
        .header("Content-Type", JSON)
        .body(body);
    script
        .step("register", post)
        .plain(
            "heartbeat",
            "PUT",
            "/eureka/v2/apps/VTWO/v1?status=UP&lastDirtyTimestamp=1600000000000",
        )
        .plain(
            "status",
            "PUT",
            "/eureka/v2/apps/VTWO/v1/status?value=OUT_OF_SERVICE",
        )
        .plain("removal", "DELETE", "/eureka/v2/apps/VTWO/v1/status?value=UP")
        .plain("metadata", "PUT", "/eureka/v2/apps/VTWO/v1/metadata?a=b")
        .json("read", "/eureka/apps/VTWO/v1")
        .plain("cancel", "DELETE", "/eureka/v2/apps/VTWO/v1")
        .plain("cancel again", "DELETE", "/eureka/v2/apps/VTWO/v1");
    script.run();
}

/// Protects: a method that a path does not have is refused, and HEAD and OPTIONS work.
#[test]
fn methods() {
    let mut script = Script::new("paths: methods");
    script.register("register", "METH", &instance("METH", "m1"));
    for (method, path) in [
        ("POST", "/eureka/apps"),
        ("PUT", "/eureka/apps"),
        ("DELETE", "/eureka/apps"),
        ("PUT", "/eureka/apps/METH"),
        ("DELETE", "/eureka/apps/METH"),
        ("POST", "/eureka/apps/METH/m1"),
        ("PATCH", "/eureka/apps/METH/m1"),
        ("POST", "/eureka/apps/delta"),
        ("PUT", "/eureka/instances/m1"),
        ("PUT", "/eureka/instances/m1/status?value=UP"),
        ("DELETE", "/eureka/vips/meth"),
        ("GET", "/eureka/apps/METH/m1/metadata"),
        ("HEAD", "/eureka/apps"),
        ("HEAD", "/eureka/apps/METH/m1"),
        ("HEAD", "/eureka/apps/NONE"),
        ("OPTIONS", "/eureka/apps"),
    ] {
        let request = Request::new(method, path)
            .header("Accept", JSON)
            .header("Content-Type", JSON);
        script.step(&format!("{method} {path}"), request);
    }
    script.run();
}

/// Protects: an id that no path can carry is registered all the same and does no harm. The original cannot cancel
/// it, so the script has servers of its own.
#[test]
fn an_id_with_a_slash() {
    let mut script = Script::new("paths: slash in an id");
    script.register("register", "SLASH", &instance("SLASH", "a/b"));
    for (method, path) in [
        ("GET", "/eureka/apps/SLASH"),
        ("GET", "/eureka/apps/SLASH/a%2Fb"),
        ("GET", "/eureka/apps/SLASH/a/b"),
        ("PUT", "/eureka/apps/SLASH/a%2Fb"),
        ("DELETE", "/eureka/apps/SLASH/a%2Fb"),
        ("GET", "/eureka/apps"),
    ] {
        script.step(
            &format!("{method} {path}"),
            Request::new(method, path).header("Accept", JSON),
        );
    }
    script.run_alone();
}
