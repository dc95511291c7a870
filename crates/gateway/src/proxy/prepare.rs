//! From the request as it came to the request as it is sent: all that is decided before an endpoint is chosen.

use koinon_core_http1::{BodyLength, Known, RequestHead, RequestPlan};
use koinon_core_route::{Answer, Exchange, Flow};

use super::client::Client;
use super::frame::frame_request;
use crate::fault::Fault;
use crate::head::{ForwardedPolicy, RequestEditor, strip_hop_by_hop};
use crate::pump::Framing;
use crate::snapshot::RoutePlan;

/// What becomes of a request.
pub(super) enum Prepared {
    Forward(Outgoing),
    Answer(Box<Answer>),
    Fault(Fault),
}

/// How a request is sent. Its head is where it was.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) body: BodyLength,
    pub(super) framing: Framing,
    pub(super) preserves_host: bool,
    pub(super) upgrades: bool,
    /// Whether sending it twice does what sending it once does (RFC 9110 §9.2.2).
    pub(super) is_idempotent: bool,
    pub(super) answers_head: bool,
    /// The client may wait for a 100 before it sends the body.
    pub(super) expects_continue: bool,
}

/// Makes the head what the endpoint is to see, but for the endpoint's own name in `Host`.
pub(super) fn prepare(
    path: &RoutePlan,
    forwarded: &ForwardedPolicy,
    head: &mut RequestHead,
    plan: RequestPlan,
    notes: &mut Exchange,
    client: &Client,
) -> Prepared {
    if !head.path().starts_with('/') {
        return Prepared::Fault(Fault::NotSupported);
    }
    let upgrade = plan.upgrade.then(|| upgrade_of(head)).flatten();
    if let Some(authority) = head.authority().map(str::to_owned) {
        // The target's host goes before the field's (RFC 9112 §3.2.2); both are valid, and the path starts with `/`.
        let _ = (
            head.fields_mut().set("Host", authority.as_bytes()),
            head.to_origin_form(),
        );
    }
    let peer = client.peer.ip();
    let trusted = forwarded.trusts(peer);
    strip_hop_by_hop(head.fields_mut(), |name| {
        !trusted && ForwardedPolicy::is_forwarding(name)
    });
    if trusted {
        forwarded.extend(head, peer);
    }
    let original = trusted.then(|| head.path().to_owned());
    let mut editor = RequestEditor {
        head,
        preserves_host: false,
        failed: false,
    };
    if let Flow::Answer(answer) = path.route.before(&mut editor, notes) {
        return Prepared::Answer(answer);
    }
    let (preserves_host, failed) = (editor.preserves_host, editor.failed);
    if failed {
        return Prepared::Fault(Fault::BadRewrite);
    }
    if let Some(original) = original {
        forwarded.note_prefix(head, &original);
    }
    if let Some(protocol) = &upgrade {
        let fields = head.fields_mut();
        // The protocol was read from a head; it may stand in one.
        let _ = (
            fields.set("Connection", b"Upgrade"),
            fields.set("Upgrade", protocol),
        );
    }
    let method = head.method();
    Prepared::Forward(Outgoing {
        body: plan.body,
        preserves_host,
        upgrades: upgrade.is_some(),
        is_idempotent: matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE"),
        answers_head: method == "HEAD",
        expects_continue: plan.expects_continue,
        framing: frame_request(head, plan.body),
    })
}

/// The protocol that the client offers to go on in, if it may be passed on.
///
/// HTTP/2 over this connection, or TLS with HTTP in it, would carry further requests past every route and filter; the
/// request is then forwarded without the offer, which is what a server that does not know the protocol makes of it.
fn upgrade_of(head: &RequestHead) -> Option<Vec<u8>> {
    let carries_http = |protocol: &[u8]| {
        let starts_like = |start: &[u8]| {
            protocol
                .get(..start.len())
                .is_some_and(|own| own.eq_ignore_ascii_case(start))
        };
        starts_like(b"h2") || starts_like(b"http") || starts_like(b"tls")
    };
    if head.fields().members(Known::Upgrade).any(carries_http) {
        return None;
    }
    head.fields().known(Known::Upgrade).next().map(<[u8]>::to_vec)
}
