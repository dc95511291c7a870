//! Asking the server.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use koinon_io_net::client::Call;
use koinon_io_net::{Client, ClientError, ClientOptions, Endpoint};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::node::{Answer, Refused};

/// The longest wait for an answer: the classic tool's.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
/// What may stand in a form as it is.
const IN_FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// And in a key, whose parts have slashes between them.
const IN_KEY: &AsciiSet = &IN_FORM.remove(b'/');

/// Why a command was not done.
#[derive(Debug, Error)]
pub(super) enum KeysError {
    /// The arguments are wrong.
    #[error("{0}")]
    Usage(&'static str),
    /// The server refuses.
    #[error("{}: {} ({}) [{}]", .0.code, .0.message, .0.cause, .0.index)]
    Refused(Refused),
    /// The server cannot be reached, or what it said cannot be read.
    #[error("client: etcd cluster is unavailable or misconfigured; error #0: {0}")]
    Unreachable(String),
    /// A member does not do well; said already.
    #[error("the cluster is not healthy")]
    Unhealthy,
    /// Something that is said as it is.
    #[error("{0}")]
    Said(String),
    /// Standard output is closed or full.
    #[error("cannot write the answer")]
    Output(#[source] std::io::Error),
}

/// Fields of a query or a form.
pub(super) type Fields = Vec<(&'static str, String)>;

/// The v2 keys of a server.
#[derive(Debug)]
pub(super) struct Keys {
    client: Client,
}

impl Keys {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let options = ClientOptions {
            total_timeout: TOTAL_TIMEOUT,
            ..ClientOptions::default()
        };
        Self::with(Client::new(endpoint, options))
    }

    pub(super) fn with(client: Client) -> Self {
        Self { client }
    }

    /// What is at a path beside the keys.
    pub(super) async fn look<T: DeserializeOwned>(&self, path: &str) -> Result<T, KeysError> {
        let call = Call::new(Method::GET, path);
        let answer = self.client.request(&call).await.map_err(unreachable)?;
        serde_json::from_slice(&answer.body).map_err(|error| KeysError::Unreachable(error.to_string()))
    }

    pub(super) async fn get(
        &self,
        key: &str,
        recursive: bool,
        sorted: bool,
        quorum: bool,
    ) -> Result<Answer, KeysError> {
        let query = [
            ("quorum", quorum.to_string()),
            ("recursive", recursive.to_string()),
            ("sorted", sorted.to_string()),
        ];
        self.ask(Call::new(Method::GET, place(key, &query))).await
    }

    pub(super) async fn put(
        &self,
        key: &str,
        query: &[(&'static str, String)],
        value: Option<&str>,
        ttl: u64,
    ) -> Result<Answer, KeysError> {
        self.write(Method::PUT, place(key, query), value, ttl).await
    }

    pub(super) async fn post(&self, key: &str, value: &str, ttl: u64) -> Result<Answer, KeysError> {
        self.write(Method::POST, place(key, &[]), Some(value), ttl).await
    }

    pub(super) async fn delete(
        &self,
        key: &str,
        query: &[(&'static str, String)],
    ) -> Result<Answer, KeysError> {
        self.ask(Call::new(Method::DELETE, place(key, query))).await
    }

    /// Waits for the first event of a key, from an index on; 0: from now on. However long it takes.
    pub(super) async fn wait(&self, key: &str, recursive: bool, from: u64) -> Result<Answer, KeysError> {
        let query = [
            ("recursive", recursive.to_string()),
            ("wait", "true".to_owned()),
            ("waitIndex", from.to_string()),
        ];
        loop {
            let call = Call::new(Method::GET, place(key, &query));
            let mut stream = self.client.stream(&call).await.map_err(unreachable)?;
            let (good, headers) = (stream.status().is_success(), stream.headers().clone());
            let body = stream.rest(Duration::MAX).await.map_err(unreachable)?;
            // A server that goes away ends its answers; the next request says how it stands.
            if !body.is_empty() {
                return read(good, &headers, &body);
            }
        }
    }

    async fn write(
        &self,
        method: Method,
        path: String,
        value: Option<&str>,
        ttl: u64,
    ) -> Result<Answer, KeysError> {
        let mut fields = Fields::new();
        fields.extend(value.map(|value| ("value", value.to_owned())));
        fields.extend((ttl > 0).then(|| ("ttl", ttl.to_string())));
        let mut call = Call::new(method, path).header("content-type", "application/x-www-form-urlencoded");
        call.body = Bytes::from(form(&fields));
        self.ask(call).await
    }

    async fn ask(&self, call: Call) -> Result<Answer, KeysError> {
        let answer = self.client.request(&call).await.map_err(unreachable)?;
        read(answer.status.is_success(), &answer.headers, &answer.body)
    }
}

/// The key among a verb's arguments.
pub(super) fn key(args: &[String]) -> Result<&str, KeysError> {
    args.first()
        .map(String::as_str)
        .ok_or(KeysError::Usage("key required"))
}

/// The value among a verb's arguments, or what standard input says.
pub(super) fn value(args: &[String]) -> Result<String, KeysError> {
    if let Some(value) = args.get(1) {
        return Ok(value.clone());
    }
    let mut value = String::new();
    match std::io::stdin().read_to_string(&mut value) {
        Ok(_) if !value.is_empty() => Ok(value),
        Ok(_) | Err(_) => Err(KeysError::Usage("value required")),
    }
}

/// What a key must be like.
pub(super) fn expected(value: &str, index: u64) -> Fields {
    let mut fields = Fields::new();
    fields.extend((!value.is_empty()).then(|| ("prevValue", value.to_owned())));
    fields.extend((index > 0).then(|| ("prevIndex", index.to_string())));
    fields
}

/// A key's path and query. Slashes at its ends and empty parts say nothing.
fn place(key: &str, query: &[(&'static str, String)]) -> String {
    let mut place = "/v2/keys".to_owned();
    for part in key.split('/').filter(|part| !part.is_empty()) {
        place.push('/');
        place.extend(utf8_percent_encode(part, IN_KEY));
    }
    if !query.is_empty() {
        place.push('?');
        place.push_str(&form(query));
    }
    place
}

fn form(fields: &[(&'static str, String)]) -> String {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, IN_FORM)));
    pairs.collect::<Vec<_>>().join("&")
}

fn read(good: bool, headers: &http::HeaderMap, body: &[u8]) -> Result<Answer, KeysError> {
    if !good {
        return Err(match serde_json::from_slice::<Refused>(body) {
            Ok(refused) => KeysError::Refused(refused),
            Err(_) => KeysError::Unreachable(String::from_utf8_lossy(body).trim().to_owned()),
        });
    }
    let mut answer: Answer =
        serde_json::from_slice(body).map_err(|error| KeysError::Unreachable(error.to_string()))?;
    let index = headers.get("x-etcd-index").and_then(|index| index.to_str().ok());
    answer.index = index.and_then(|index| index.parse().ok()).unwrap_or(0);
    Ok(answer)
}

fn unreachable(error: ClientError) -> KeysError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    KeysError::Unreachable(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key has one address, however it is written, and nothing in it is taken for a query.
    #[test]
    fn keys_have_addresses() {
        for (key, address) in [
            ("/", "/v2/keys"),
            ("a", "/v2/keys/a"),
            ("//a/b/", "/v2/keys/a/b"),
            ("/a b?c&d", "/v2/keys/a%20b%3Fc%26d"),
        ] {
            assert_eq!(place(key, &[]), address);
        }
        let query = expected("a=b", 7);
        assert_eq!(place("/k", &query), "/v2/keys/k?prevValue=a%3Db&prevIndex=7");
    }
}
