//! The gateway's paths. A fact of the protocol: etcd's documentation lists them.

/// The prefixes of two ages: the second is what etcd 3.4 called it first.
const PREFIXES: [&str; 2] = ["/v3/", "/v3beta/"];

/// The service and the method behind a path.
pub(super) fn route(path: &str) -> Option<(&'static str, &'static str)> {
    let path = PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix))?;
    if path == "watch" {
        return Some(("etcdserverpb.Watch", "Watch"));
    }
    let (area, call) = path.split_once('/')?;
    match area {
        "kv" => kv(call),
        "lease" => lease(call).map(|method| ("etcdserverpb.Lease", method)),
        "cluster" => member(call.strip_prefix("member/")?).map(|method| ("etcdserverpb.Cluster", method)),
        "maintenance" => maintenance(call).map(|method| ("etcdserverpb.Maintenance", method)),
        "auth" => auth(call).map(|method| ("etcdserverpb.Auth", method)),
        "lock" => match call {
            "lock" => Some(("v3lockpb.Lock", "Lock")),
            "unlock" => Some(("v3lockpb.Lock", "Unlock")),
            _ => None,
        },
        "election" => election(call).map(|method| ("v3electionpb.Election", method)),
        _ => None,
    }
}

fn kv(call: &str) -> Option<(&'static str, &'static str)> {
    let method = match call {
        "range" => "Range",
        "put" => "Put",
        "deleterange" => "DeleteRange",
        "txn" => "Txn",
        "compaction" => "Compact",
        // Leases were keys' business once, and are found there still.
        "lease/revoke" => return Some(("etcdserverpb.Lease", "LeaseRevoke")),
        "lease/timetolive" => return Some(("etcdserverpb.Lease", "LeaseTimeToLive")),
        "lease/leases" => return Some(("etcdserverpb.Lease", "LeaseLeases")),
        _ => return None,
    };
    Some(("etcdserverpb.KV", method))
}

fn lease(call: &str) -> Option<&'static str> {
    Some(match call {
        "grant" => "LeaseGrant",
        "revoke" => "LeaseRevoke",
        "keepalive" => "LeaseKeepAlive",
        "timetolive" => "LeaseTimeToLive",
        "leases" => "LeaseLeases",
        _ => return None,
    })
}

fn member(call: &str) -> Option<&'static str> {
    Some(match call {
        "add" => "MemberAdd",
        "remove" => "MemberRemove",
        "update" => "MemberUpdate",
        "list" => "MemberList",
        "promote" => "MemberPromote",
        _ => return None,
    })
}

fn maintenance(call: &str) -> Option<&'static str> {
    Some(match call {
        "alarm" => "Alarm",
        "status" => "Status",
        "defragment" => "Defragment",
        "hash" => "Hash",
        "hashkv" => "HashKV",
        "snapshot" => "Snapshot",
        "transfer-leadership" => "MoveLeader",
        "downgrade" => "Downgrade",
        _ => return None,
    })
}

fn auth(call: &str) -> Option<&'static str> {
    Some(match call {
        "enable" => "AuthEnable",
        "disable" => "AuthDisable",
        "status" => "AuthStatus",
        "authenticate" => "Authenticate",
        "user/add" => "UserAdd",
        "user/get" => "UserGet",
        "user/list" => "UserList",
        "user/delete" => "UserDelete",
        "user/changepw" => "UserChangePassword",
        "user/grant" => "UserGrantRole",
        "user/revoke" => "UserRevokeRole",
        "role/add" => "RoleAdd",
        "role/get" => "RoleGet",
        "role/list" => "RoleList",
        "role/delete" => "RoleDelete",
        "role/grant" => "RoleGrantPermission",
        "role/revoke" => "RoleRevokePermission",
        _ => return None,
    })
}

fn election(call: &str) -> Option<&'static str> {
    Some(match call {
        "campaign" => "Campaign",
        "proclaim" => "Proclaim",
        "leader" => "Leader",
        "observe" => "Observe",
        "resign" => "Resign",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::calls::Call;
    use crate::wire::json::Shapes;

    /// Every path leads to a method that the protocol's files describe and that the door answers.
    #[test]
    fn every_path_leads_somewhere() {
        let paths = [
            "kv/range",
            "kv/put",
            "kv/deleterange",
            "kv/txn",
            "kv/compaction",
            "kv/lease/revoke",
            "kv/lease/timetolive",
            "kv/lease/leases",
            "watch",
            "lease/grant",
            "lease/revoke",
            "lease/keepalive",
            "lease/timetolive",
            "lease/leases",
            "cluster/member/add",
            "cluster/member/remove",
            "cluster/member/update",
            "cluster/member/list",
            "cluster/member/promote",
            "maintenance/alarm",
            "maintenance/status",
            "maintenance/defragment",
            "maintenance/hash",
            "maintenance/hashkv",
            "maintenance/snapshot",
            "maintenance/transfer-leadership",
            "maintenance/downgrade",
            "auth/enable",
            "auth/disable",
            "auth/status",
            "auth/authenticate",
            "auth/user/add",
            "auth/user/get",
            "auth/user/list",
            "auth/user/delete",
            "auth/user/changepw",
            "auth/user/grant",
            "auth/user/revoke",
            "auth/role/add",
            "auth/role/get",
            "auth/role/list",
            "auth/role/delete",
            "auth/role/grant",
            "auth/role/revoke",
            "lock/lock",
            "lock/unlock",
            "election/campaign",
            "election/proclaim",
            "election/leader",
            "election/observe",
            "election/resign",
        ];
        for path in paths {
            let (service, method) = route(&format!("/v3/{path}")).unwrap_or_else(|| panic!("{path}"));
            assert!(Shapes::of(service, method).is_ok(), "{path}");
            assert!(Call::at(&format!("/{service}/{method}")).is_some(), "{path}");
            assert_eq!(route(&format!("/v3beta/{path}")), Some((service, method)));
        }
        for path in [
            "/v3/",
            "/v3/kv",
            "/v3/kv/nope",
            "/v3/kv/put/",
            "/v2/kv/put",
            "/v3/watch/x",
            "/v3/cluster/add",
        ] {
            assert_eq!(route(path), None, "{path}");
        }
    }
}
