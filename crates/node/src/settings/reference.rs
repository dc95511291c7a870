//! The reference of all settings, written from here to `docs/reference/config.md`.

use std::fmt::Write;

use toml::{Table, Value};

use super::{Role, Settings};

/// Key, meaning with unit and extremes, and whether a change takes effect without a restart.
const MEANINGS: &[(&str, &str)] = &[
    (
        "data_dir",
        "The folder for everything that outlives the process. Created if it is missing; one process at a \
      time may use it. The addresses of the running listeners are in its `listeners.json`.",
    ),
    (
        "listen.admin",
        "`host:port` of the native API, or `off`. Port 0 lets the system choose.",
    ),
    (
        "listen.etcd",
        "`host:port` of the etcd v3 API, gRPC and JSON, or `off`. Port 0 lets the system choose.",
    ),
    (
        "listen.eureka",
        "`host:port` of the Eureka API, or `off`. Port 0 lets the system choose.",
    ),
    (
        "listen.gateway",
        "`host:port` of the gateway, or `off`. Port 0 lets the system choose.",
    ),
    (
        "listen.allowed_hosts",
        "Host names that requests to a loopback listener may carry in `Host` or `Origin` \
      besides this machine's own (`localhost`, 127.0.0.0/8, `[::1]`). Others are refused with 403, because a web \
      page could have sent them.",
    ),
    (
        "listen.allow_insecure",
        "Whether a listener may be bound to an address that other machines reach although it \
      asks for no credentials. Without it such an address is refused at start.",
    ),
    (
        "listen.connections_max",
        "Connections that each listener serves at once, at least 1; more wait to be accepted.",
    ),
    (
        "listen.drain_timeout_ms",
        "Milliseconds that requests in flight may take at shutdown before they are dropped. \
      0 drops them at once.",
    ),
    (
        "store.quota_bytes",
        "The most live bytes of each keyspace: keys, values and history that is not compacted. Beyond it only deletions and \
      compaction are taken. At least 1 MiB. etcd's `--quota-backend-bytes`, but space that was freed counts as free.",
    ),
    (
        "store.cache_bytes_max",
        "Bytes of memory, about, for the values that were written last; others are read from the disk. 0: only what the \
      disk does not have yet.",
    ),
    (
        "etcd.request_bytes_max",
        "Bytes of a request that writes, at least 1, at most 32 MiB. etcd's `--max-request-bytes`.",
    ),
    (
        "etcd.txn_ops_max",
        "Operations in each list of a transaction, those of the transactions around it counted in; at least 1, at most \
      100,000. etcd's `--max-txn-ops`.",
    ),
    (
        "etcd.progress_interval_ms",
        "Milliseconds after which a watcher that asked for it is told how far history was seen; at least 100. etcd's \
      `--experimental-watch-progress-notify-interval`.",
    ),
    (
        "etcd.history_ms",
        "Milliseconds of history that stay readable; what is older is compacted by itself, a tenth later. 0: nothing is, \
      unless `etcd.history_revisions` says so. etcd's `--auto-compaction-mode=periodic`.",
    ),
    (
        "etcd.history_revisions",
        "Revisions of history that stay readable; older ones are compacted by themselves, a tenth later. 0: none are, unless \
      `etcd.history_ms` says so. etcd's `--auto-compaction-mode=revision`. All other keyspaces keep 20,000.",
    ),
    (
        "registry.self_preservation",
        "When silent instances are kept because the network is the likelier fault: \
      `eureka` (Eureka's rule exactly), `auto` (the same, but off while a namespace has fewer than \
      `self_preservation_instances_min` instances) or `off`.",
    ),
    (
        "registry.self_preservation_instances_min",
        "Instances of a namespace below which `auto` does not protect.",
    ),
    (
        "registry.renewal_percent_threshold",
        "The share of expected renewals that must arrive, else nothing expires; \
      also the share of instances that one eviction leaves alone. Above 0, at most 1.",
    ),
    (
        "registry.expected_renewal_interval_s",
        "Seconds in which each client is expected to renew once, at least 1.",
    ),
    (
        "registry.expected_clients_initial",
        "Renewing clients that are expected before any has registered. 0 leaves \
      the count at 0 until the first correction, 15 minutes after start, as Netflix's server does.",
    ),
    (
        "registry.eviction_interval_ms",
        "Milliseconds between two evictions, at least 1. Each evicts at most \
      1 - `renewal_percent_threshold` of all instances.",
    ),
    (
        "registry.delta_retention_ms",
        "Milliseconds for which a change stays in the delta and can be resumed from.",
    ),
    (
        "registry.delta_retention_interval_ms",
        "Milliseconds between two removals of older changes, at least 1.",
    ),
    (
        "registry.change_log_len_max",
        "Changes remembered per namespace whatever their age, at least 1. A subscriber \
      further behind is given a new snapshot.",
    ),
    (
        "registry.instances_max",
        "Instances per namespace, at least 1; further registrations are refused.",
    ),
    (
        "registry.bytes_max",
        "Bytes of all instances together, of all namespaces and about, at least 1; further registrations are refused.",
    ),
    ("registry.namespaces_max", "Namespaces, at least 1."),
    (
        "gateway.workers",
        "Threads of the data plane, each with its own listening socket, connections and buffers. 0: one for each \
      core that the process may use.",
    ),
    (
        "gateway.routes_file",
        "The file of routes: an `application.yml` of Spring Cloud Gateway, or only its `routes`. It is watched while \
      the node runs: a wrong one leaves the routes in force as they are and says why. Empty: no file.",
    ),
    (
        "gateway.connections_max",
        "Client connections at once, at least 1; more are answered with 503 and closed.",
    ),
    (
        "gateway.connections_per_address_max",
        "Client connections at once from one address, at least 1.",
    ),
    (
        "gateway.balance",
        "How an instance is chosen where a route's metadata `koinon.policy` does not say: `round_robin`, `random`, \
      `weighted`, `least_requests` or `p2c`.",
    ),
    (
        "gateway.zone",
        "The zone of this node: instances of the same zone go first while there are any. Empty: none.",
    ),
    (
        "gateway.access_log",
        "One line for each request on standard output: `off`, `json`, or `combined` as Apache and nginx write it.",
    ),
    (
        "gateway.connect_timeout_ms",
        "Milliseconds to connect to an endpoint, then the next is tried. At least 1, as all times here. The routes \
      file's `connect-timeout` goes first.",
    ),
    (
        "gateway.head_timeout_ms",
        "Milliseconds for a request's head from its first byte, then 408.",
    ),
    (
        "gateway.keep_alive_timeout_ms",
        "Milliseconds between two requests of a client, then the connection is closed.",
    ),
    (
        "gateway.response_timeout_ms",
        "Milliseconds from a request's end to its response's head, then 504. The routes file's `response-timeout` \
      goes first.",
    ),
    (
        "gateway.idle_timeout_ms",
        "Milliseconds for the next bytes of a body, or for the other side to take some.",
    ),
    (
        "gateway.client_rate_min_bytes_per_s",
        "The least bytes per second at which a client sends a body or takes a response, then 408, or the connection ends \
      if the response has begun. Only time in which the client alone is waited for counts. 0: none. A route's metadata \
      `koinon.client-rate-min` goes first.",
    ),
    (
        "gateway.client_rate_grace_ms",
        "Milliseconds that such a client has to begin with. What it sends or takes faster than it must is saved for \
      pauses, up to `idle_timeout_ms` together.",
    ),
    (
        "gateway.total_timeout_ms",
        "Milliseconds for a request and its response, bodies included.",
    ),
    (
        "gateway.tunnel_idle_timeout_ms",
        "Milliseconds without a byte in an upgraded connection (WebSocket), then it is closed.",
    ),
    (
        "gateway.upstream_idle_timeout_ms",
        "Milliseconds for which an idle connection to an endpoint is kept. Below what endpoints keep theirs: one that \
      closes while a request is on its way loses it, unless it may be repeated.",
    ),
];

/// The reference as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(
        "# Settings\n\n\
         Generated from the code; `cargo xtask fix` writes it anew.\n\n\
         Each layer overrides the ones before it: defaults, `koinon.toml` (in the working folder, or `--config FILE`), \
         environment variables (`KOINON__SECTION__KEY`), `--set section.key=value`. Lists are written with commas in \
         the last two. An unknown key ends the start with exit code 64 and the nearest known name. All settings are \
         read at start; none reloads while running yet.\n\n\
         | setting | default in `dev` | meaning |\n|---|---|---|\n",
    );
    let defaults = Table::try_from(Settings::defaults(Role::Dev)).unwrap_or_default();
    for (key, meaning) in MEANINGS {
        let default = lookup(&defaults, key)
            .map(ToString::to_string)
            .unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "| `{key}` | `{default}` | {meaning} |");
    }
    out
}

fn lookup<'a>(tree: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((section, rest)) => lookup(tree.get(section)?.as_table()?, rest),
        None => tree.get(key),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn keys(prefix: &str, table: &Table) -> Vec<String> {
        let dotted = |key: &str| {
            if prefix.is_empty() {
                key.to_owned()
            } else {
                format!("{prefix}.{key}")
            }
        };
        let inner = |(key, value): (&String, &Value)| match value.as_table() {
            Some(table) => keys(&dotted(key), table),
            None => vec![dotted(key)],
        };
        table.iter().flat_map(inner).collect()
    }

    /// A setting that nobody can read about does not exist for an operator, nor does a documented one that is gone.
    #[test]
    fn every_setting_is_documented_and_no_other() {
        let mut known = keys("", &Table::try_from(Settings::defaults(Role::Dev)).unwrap());
        let mut documented: Vec<String> = MEANINGS.iter().map(|(key, _)| (*key).to_owned()).collect();
        known.sort();
        documented.sort();
        assert_eq!(documented, known);
    }

    /// The committed page is the one that the code writes. `KOINON_REWRITE=1` writes it.
    #[test]
    fn the_committed_reference_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/config.md");
        if std::env::var_os("KOINON_REWRITE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, markdown()).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == markdown(),
            "docs/reference/config.md is not current; run cargo xtask fix"
        );
    }
}
