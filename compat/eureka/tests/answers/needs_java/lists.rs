//! Every read of a filled registry, in every form, through registrations, changes and cancellations.

use koinon_compat_eureka::{Script, instance, with};
use serde_json::json;

fn reads(script: &mut Script, when: &str) {
    for path in [
        "/eureka/apps",
        "/eureka/apps/",
        "/eureka/apps/delta",
        "/eureka/apps/LISTA",
        "/eureka/apps/LISTA/a1",
        "/eureka/instances/b1",
        "/eureka/vips/shared",
        "/eureka/vips/listb",
        "/eureka/vips/LISTB",
        "/eureka/svips/secure",
    ] {
        script.all_forms(&format!("{when}: {path}"), path);
    }
}

/// Protects: full, compact, XML and gzip lists carry the same registry, with the hash code of what they list.
#[test]
fn lists_of_several_applications() {
    let mut script = Script::new("lists");
    for (app, id, status) in [
        ("LISTB", "b1", "UP"),
        ("LISTB", "b2", "DOWN"),
        ("LISTA", "a1", "UP"),
        ("LISTA", "a2", "STARTING"),
        ("LISTC", "c1", "OUT_OF_SERVICE"),
        ("LISTC", "c2", "UNKNOWN"),
        ("LISTC", "c3", "UP"),
    ] {
        let vips = json!({
            "status": status,
            "vipAddress": format!("{},shared", app.to_lowercase()),
            "secureVipAddress": "secure",
        });
        script.register(&format!("register {id}"), app, &with(instance(app, id), vips));
    }
    reads(&mut script, "registered");
    script
        .plain(
            "change c3",
            "PUT",
            "/eureka/apps/LISTC/c3/status?value=OUT_OF_SERVICE",
        )
        .plain("cancel b2", "DELETE", "/eureka/apps/LISTB/b2");
    reads(&mut script, "changed");
    for (app, id) in [("LISTA", "a1"), ("LISTA", "a2"), ("LISTB", "b1")] {
        script.plain(
            &format!("cancel {id}"),
            "DELETE",
            &format!("/eureka/apps/{app}/{id}"),
        );
    }
    reads(&mut script, "cancelled");
    script.run();
}

/// Protects: an application that lost its last instance is gone from the lists, not served empty.
#[test]
fn an_application_without_instances_is_gone() {
    let mut script = Script::new("last instance");
    script
        .register("register", "GONE", &instance("GONE", "g1"))
        .plain("cancel", "DELETE", "/eureka/apps/GONE/g1")
        .all_forms("apps", "/eureka/apps")
        .all_forms("app", "/eureka/apps/GONE")
        .all_forms("delta", "/eureka/apps/delta")
        .register("register again", "GONE", &instance("GONE", "g1"))
        .all_forms("delta again", "/eureka/apps/delta")
        .all_forms("apps again", "/eureka/apps");
    script.run();
}
