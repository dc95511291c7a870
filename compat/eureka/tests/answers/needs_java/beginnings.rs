//! What an empty registry and unknown names answer.

use koinon_compat_eureka::Script;

/// Protects: the first client of a fresh server gets lists that it can read, and unknown names are told apart
/// from empty results.
#[test]
fn an_empty_registry_answers_every_read() {
    let mut script = Script::new("empty");
    for path in [
        "/eureka/apps",
        "/eureka/apps/",
        "/eureka/apps/delta",
        "/eureka/vips/none",
        "/eureka/svips/none",
        "/eureka/apps/NONE",
        "/eureka/apps/NONE/none",
        "/eureka/instances/none",
    ] {
        script.all_forms(path, path);
    }
    script.run();
}
