//! The page for people: what is registered, and whether self-preservation holds.
//!
//! No script, no style sheet from elsewhere, and at most a few hundred rows: it is for a glance.

use std::fmt::Write;

use koinon_base::Namespace;
use koinon_core_registry::{Figures, PreservationState, Snapshot};
use koinon_service_registry::RegistryHandle;

use crate::translate::{app_name, wire_status};

/// The most instances that are listed.
const ROWS_MAX: usize = 500;

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Koinon registry</title>\
<meta name=\"viewport\" content=\"width=device-width\"><style>\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c2430;background:#fff}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #dde3ea}\
td.n{font-variant-numeric:tabular-nums}.up{color:#0a7a3d}.warn{background:#fff3cd;padding:.6rem 1rem;border-radius:4px}\
code{background:#f2f4f7;padding:0 .3em;border-radius:3px}\
@media(prefers-color-scheme:dark){body{color:#dfe5ec;background:#14181d}th,td{border-color:#2b323b}code{background:#22282f}\
.up{color:#4cc38a}.warn{background:#4a3b00}}</style></head><body><h1>Koinon registry</h1>";

/// The page.
pub(super) fn html(registry: &RegistryHandle, namespace: &Namespace) -> String {
    let mut out = String::from(HEAD);
    let figures = registry.figures().into_iter().find(|(name, _)| name == namespace);
    if let (Some((_, figures)), Some(snapshot)) = (figures, registry.snapshot(namespace)) {
        summary(&mut out, namespace, &figures);
        instances(&mut out, &snapshot);
    }
    out.push_str("<p>Eureka clients use <code>/eureka/</code> on this address.</p></body></html>");
    out
}

fn summary(out: &mut String, namespace: &Namespace, figures: &Figures) {
    let instances = figures.counts.total();
    line(
        out,
        format_args!(
            "<p>Namespace <code>{namespace}</code>: {instances} instances of {} services, revision {}.</p>",
            figures.services, figures.revision
        ),
    );
    let renewals = (figures.renewals_last_window, figures.renewals_threshold);
    match figures.preservation {
        PreservationState::Off => line(
            out,
            format_args!("<p>Self-preservation is off: instances that stop renewing are evicted.</p>"),
        ),
        PreservationState::Watching => line(
            out,
            format_args!(
                "<p>{} renewals in the last minute; self-preservation begins at {} or fewer.</p>",
                renewals.0, renewals.1
            ),
        ),
        PreservationState::Protecting => line(
            out,
            format_args!(
                "<p class=\"warn\">Self-preservation: {} renewals in the last minute, more than {} are needed. Nothing is \
             evicted until they return, so some of these instances may be gone.</p>",
                renewals.0, renewals.1
            ),
        ),
    }
}

fn instances(out: &mut String, snapshot: &Snapshot) {
    out.push_str("<table><thead><tr><th>Service<th>Instance<th>Address<th>Status</tr></thead><tbody>");
    for instance in snapshot.instances().take(ROWS_MAX) {
        let status = wire_status(instance.status).as_str();
        let description = &instance.description;
        out.push_str("<tr><td>");
        escape(out, &app_name(&description.service));
        out.push_str("<td>");
        escape(out, description.id.as_str());
        out.push_str("<td class=\"n\">");
        escape(out, &description.address);
        line(
            out,
            format_args!(
                ":{}<td class=\"{}\">{status}</tr>",
                description.port,
                status.to_ascii_lowercase()
            ),
        );
    }
    out.push_str("</tbody></table>");
    let total = snapshot.counts.total();
    if total > ROWS_MAX {
        line(
            out,
            format_args!("<p>The first {ROWS_MAX} of {total} are listed.</p>"),
        );
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}
