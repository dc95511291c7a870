//! Heads on their way through: what predicates and filters see of them, and what never passes (RFC 9110 §7.6.1).

mod edit;
mod forwarded;

use koinon_core_http1::{Fields, Known};

pub(crate) use edit::{RequestEditor, RequestLens, ResponseEditor};
pub(crate) use forwarded::ForwardedPolicy;

/// Removes what concerns one connection only, and what `also` says besides, in one pass.
///
/// The sender can name any field in `Connection`, but not those that say what the message is and whom it is for.
pub(crate) fn strip_hop_by_hop(fields: &mut Fields, also: impl Fn(&[u8]) -> bool) {
    let named = named_by_connection(fields);
    fields.remove_named(|name, known| {
        is_hop_by_hop(name, known)
            || also(name)
            || named
                .iter()
                .any(|listed| name.eq_ignore_ascii_case(listed.as_bytes()))
    });
}

/// Leaves of a trailer what cannot change how the message or the next one is read (RFC 9110 §6.5.1).
pub(crate) fn strip_trailer(trailer: &mut Fields) {
    const NEVER: [&str; 8] = [
        "content-encoding",
        "content-type",
        "content-range",
        "authorization",
        "set-cookie",
        "cache-control",
        "location",
        "cookie",
    ];
    trailer.remove_if(|field| {
        field.known != Known::Other || NEVER.iter().any(|name| field.name.eq_ignore_ascii_case(name))
    });
}

/// The names in `Connection` beyond the usual ones. Nearly always none, and then nothing is allocated.
fn named_by_connection(fields: &Fields) -> Vec<String> {
    const USUAL: [&str; 4] = ["close", "keep-alive", "upgrade", "te"];
    const NEVER: [&str; 3] = ["host", "content-length", "authorization"];
    if !fields.has_known(|known| known == Known::Connection) {
        return Vec::new();
    }
    let names = fields.members(Known::Connection);
    let names = names.filter_map(|name| std::str::from_utf8(name).ok());
    names
        .filter(|name| {
            let is = |known: &&str| known.eq_ignore_ascii_case(name);
            !USUAL.iter().any(is) && !NEVER.iter().any(is)
        })
        .map(str::to_owned)
        .collect()
}

/// The fields that Spring Cloud Gateway removes both ways, and `Proxy-Connection`, which is not one but is sent like one.
fn is_hop_by_hop(name: &[u8], known: Known) -> bool {
    const CONTEXT: &[u8] = b"x-application-context";
    match known {
        Known::Connection
        | Known::TransferEncoding
        | Known::Upgrade
        | Known::Te
        | Known::Trailer
        | Known::KeepAlive
        | Known::ProxyAuthenticate
        | Known::ProxyAuthorization
        | Known::ProxyConnection => true,
        Known::Host | Known::ContentLength | Known::Expect => false,
        Known::Other => name.len() == CONTEXT.len() && name.eq_ignore_ascii_case(CONTEXT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(list: &[(&str, &str)]) -> String {
        let mut fields = Fields::default();
        for (name, value) in list {
            assert!(fields.add(name, value.as_bytes()));
        }
        strip_hop_by_hop(&mut fields, |_| false);
        let mut out = Vec::new();
        fields.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// What belongs to the client's connection must not reach the endpoint's.
    #[test]
    fn hop_by_hop_fields_go() {
        let left = stripped(&[
            ("Connection", "keep-alive, X-Mine"),
            ("x-mine", "1"),
            ("Keep-Alive", "timeout=5"),
            ("TE", "trailers"),
            ("Proxy-Authorization", "secret"),
            ("X-Application-Context", "app"),
            ("Accept", "*/*"),
        ]);
        assert_eq!(left, "Accept: */*\r\n");
    }

    /// A client must not be able to make the gateway drop what frames or addresses the message.
    #[test]
    fn some_fields_cannot_be_named_away() {
        let left = stripped(&[
            ("Connection", "Host, Content-Length, Authorization"),
            ("Host", "a"),
            ("Content-Length", "3"),
            ("Authorization", "x"),
        ]);
        assert_eq!(left, "Host: a\r\nContent-Length: 3\r\nAuthorization: x\r\n");
    }
}
