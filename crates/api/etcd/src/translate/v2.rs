//! The v2 API's requests ⇄ changes of the tree, and everything that can go wrong as etcd says it.

#[cfg(any(test, feature = "laws"))]
pub mod laws;

use bytes::Bytes;
use http::{Method, StatusCode};
use koinon_core_kv::KvError;
use koinon_core_kv::v2::{Change, Expect, Path, Refusal, Watch};
use koinon_store::StoreError;

use crate::wire::v2::form::{Form, FormError, WrongKind};
use crate::wire::v2::json::ErrorJson;

/// The longest time to live, 285 years: the longest that v3 grants a lease for.
const TTL_MAX_S: u64 = 9_000_000_000;

/// What a request for keys asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A node.
    Read {
        /// Which.
        path: Path,
        /// With everything in it.
        recursive: bool,
        /// It must see every write that was answered.
        quorum: bool,
    },
    /// Events.
    Wait {
        /// Of what; from index 0: from now on.
        watch: Watch,
        /// All of them, not only the first.
        stream: bool,
    },
    /// A change.
    Change {
        /// Which.
        change: Change,
        /// Nothing of it is to be answered but that it is done.
        without_nodes: bool,
    },
}

/// An error for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The status that goes with its number.
    pub status: StatusCode,
    /// The rest.
    pub error: ErrorJson,
}

impl Fault {
    fn new(code: u16, message: &'static str, cause: impl Into<String>, index: i64) -> Self {
        let status = match code {
            100 => StatusCode::NOT_FOUND,
            101 | 105 => StatusCode::PRECONDITION_FAILED,
            102 | 108 => StatusCode::FORBIDDEN,
            300 | 301 => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        let cause = cause.into();
        Self {
            status,
            error: ErrorJson {
                code,
                message,
                cause,
                index,
            },
        }
    }

    fn field(name: &str) -> Self {
        Self::cause(209, format!("invalid value for \"{name}\""))
    }

    fn cause(code: u16, cause: impl Into<String>) -> Self {
        let message = match code {
            201 => "PrevValue is Required in POST form",
            202 => "The given TTL in POST form is not a number",
            203 => "The given index in POST form is not a number",
            210 => "Invalid POST form",
            211 => "Value provided on refresh",
            212 => "A TTL must be provided on refresh",
            300 => "Raft Internal Error",
            400 => "watcher is cleared due to etcd recovery",
            _ => "Invalid field",
        };
        Self::new(code, message, cause, 0)
    }

    /// The form cannot be read.
    #[must_use]
    pub fn unreadable(cause: impl Into<String>) -> Self {
        Self::cause(210, cause)
    }

    /// What was waited for cannot be told any more.
    #[must_use]
    pub fn watcher_cleared() -> Self {
        Self::cause(400, "")
    }
}

impl From<FormError> for Fault {
    fn from(error: FormError) -> Self {
        Self::unreadable(error.to_string())
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::new(
            refusal.code.number(),
            refusal.code.message(),
            refusal.cause,
            refusal.index,
        )
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        if let StoreError::Kv(KvError::V2(refusal)) = error {
            return refusal.into();
        }
        // The original has one number for everything that its log may refuse; whether it may have happened is in the words.
        Self::cause(300, format!("etcdserver: {error}"))
    }
}

/// What a request asks for. `path` is what comes after `/v2/keys`.
///
/// # Errors
/// With the original's complaint; it looks at the fields in this order.
pub fn asked(method: &Method, path: &[u8], form: &Form, now_unix_ms: i64) -> Result<Asked, Fault> {
    let path = Path::new(path).map_err(|error| Fault::cause(209, error.to_string()))?;
    let number = |name: &str| {
        form.number(name)
            .map_err(|WrongKind| Fault::cause(203, format!("invalid value for \"{name}\"")))
    };
    let flag = |name: &str| form.flag(name).map_err(|WrongKind| Fault::field(name));
    let prev_index = number("prevIndex")?;
    let wait_index = number("waitIndex")?;
    let recursive = flag("recursive")?;
    // Everything is sorted here.
    let _sorted = flag("sorted")?;
    let wait = flag("wait")?;
    let dir = flag("dir")?;
    let quorum = flag("quorum")?;
    let stream = flag("stream")?;
    if wait && method != Method::GET {
        return Err(Fault::cause(209, "\"wait\" can only be used with GET requests"));
    }
    let prev_value = form.get("prevValue");
    if prev_value == Some(b"") {
        return Err(Fault::cause(201, "\"prevValue\" cannot be empty"));
    }
    let without_nodes = flag("noValueOnSuccess")?;
    let expires_unix_ms = expiration(form, now_unix_ms)?;
    let prev_exist = form
        .get("prevExist")
        .map(|_| form.flag("prevExist"))
        .transpose()
        .map_err(|WrongKind| Fault::cause(209, "invalid value for prevExist"))?;
    let refresh = form
        .flag("refresh")
        .map_err(|WrongKind| Fault::cause(209, "invalid value for refresh"))?;
    let value = form.get("value").unwrap_or_default();
    if refresh && !value.is_empty() {
        return Err(Fault::cause(211, "A value was provided on a refresh"));
    }
    if refresh && expires_unix_ms.is_none() {
        return Err(Fault::cause(212, "No TTL value set"));
    }
    let written = Written {
        path,
        dir,
        recursive,
        value: Bytes::copy_from_slice(value),
        expires_unix_ms,
        refresh,
        prev_exist,
        expect: Expect {
            value: Bytes::copy_from_slice(prev_value.unwrap_or_default()),
            index: prev_index,
        },
    };
    Ok(match *method {
        Method::PUT => written.put(without_nodes),
        Method::POST => written.post(without_nodes),
        Method::DELETE => written.delete(),
        _ if wait && !quorum => Asked::Wait {
            watch: Watch {
                path: written.path,
                recursive,
                since: i64::try_from(wait_index).unwrap_or(i64::MAX),
            },
            stream,
        },
        _ => Asked::Read {
            path: written.path,
            recursive,
            quorum,
        },
    })
}

/// When a node is to expire; an empty time to live is none.
fn expiration(form: &Form, now_unix_ms: i64) -> Result<Option<i64>, Fault> {
    if form.get("ttl").is_none_or(<[u8]>::is_empty) {
        return Ok(None);
    }
    let ttl_s = form
        .number("ttl")
        .map_err(|WrongKind| Fault::cause(202, "invalid value for \"ttl\""))?;
    let ttl_ms = i64::try_from(ttl_s.min(TTL_MAX_S) * 1000).unwrap_or(i64::MAX);
    // 0 stands for no time in the log; no clock shows it.
    Ok(Some(now_unix_ms.saturating_add(ttl_ms).max(1)))
}

/// The fields of a request that writes.
struct Written {
    path: Path,
    dir: bool,
    recursive: bool,
    value: Bytes,
    expires_unix_ms: Option<i64>,
    refresh: bool,
    prev_exist: Option<bool>,
    expect: Expect,
}

impl Written {
    fn put(self, without_nodes: bool) -> Asked {
        let compares = self.expect != Expect::default();
        let Self {
            path,
            dir,
            value,
            expires_unix_ms,
            refresh,
            expect,
            ..
        } = self;
        let change = match self.prev_exist {
            Some(false) => Change::Create {
                path,
                in_order: false,
                dir,
                value,
                expires_unix_ms,
            },
            Some(true) | None if compares => Change::CompareAndSwap {
                path,
                expect,
                value,
                expires_unix_ms,
                refresh,
            },
            Some(true) => Change::Update {
                path,
                value,
                expires_unix_ms,
                refresh,
            },
            None => Change::Set {
                path,
                dir,
                value,
                expires_unix_ms,
                refresh,
            },
        };
        Asked::Change {
            change,
            without_nodes,
        }
    }

    fn post(self, without_nodes: bool) -> Asked {
        Asked::Change {
            change: Change::Create {
                path: self.path,
                in_order: true,
                dir: self.dir,
                value: self.value,
                expires_unix_ms: self.expires_unix_ms,
            },
            without_nodes,
        }
    }

    /// Asked for or not, a deletion tells what it deleted.
    fn delete(self) -> Asked {
        let Self {
            path,
            dir,
            recursive,
            expect,
            ..
        } = self;
        let change = if expect == Expect::default() {
            Change::Delete { path, dir, recursive }
        } else {
            Change::CompareAndDelete { path, expect }
        };
        Asked::Change {
            change,
            without_nodes: false,
        }
    }
}
