//! The etcd listener's JSON form: a POST for each call, a line for each answer of a lasting one.
//!
//! Invariant: nothing is sent twice. A call that may have been done is not repeated, whatever became of its answer.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::Method;
use koinon_io_net::client::{AnswerStream, Call};
use koinon_io_net::{Client, ClientOptions, Endpoint};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::{KvError, Refusal};

/// How long a lock, an election or a silent watch is waited for: as long as anybody has patience.
const PATIENCE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long the rest of an error is waited for.
const ERROR_WAIT_MAX: Duration = Duration::from_secs(5);
/// The longest line of a lasting answer: a response of etcd's largest default size in base 64, with room to spare.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One listener.
#[derive(Debug)]
pub(super) struct Door {
    quick: Client,
    patient: Client,
}

impl Door {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let patient = ClientOptions {
            total_timeout: PATIENCE,
            ..ClientOptions::default()
        };
        Self {
            quick: Client::new(endpoint.clone(), ClientOptions::default()),
            patient: Client::new(endpoint, patient),
        }
    }

    pub(super) fn endpoint(&self) -> String {
        self.quick.endpoint().to_string()
    }

    /// The answer to a call that is done at once.
    pub(super) async fn ask(&self, call: &str, request: &Value) -> Result<Bytes, KvError> {
        send(&self.quick, call, request).await
    }

    /// The answer to a call that waits for others.
    pub(super) async fn wait(&self, call: &str, request: &Value) -> Result<Bytes, KvError> {
        send(&self.patient, call, request).await
    }

    /// The answers to a lasting call, as they come.
    pub(super) async fn lines(&self, call: &str, request: &Value) -> Result<Lines, KvError> {
        // The head of an answer may come with its first line only, and that may take its time.
        let mut stream = self.patient.stream(&post(call, request)).await?;
        let status = stream.status();
        if !status.is_success() {
            let body = stream.rest(ERROR_WAIT_MAX).await?;
            return Err(refused(&self.quick, status.as_u16(), &body));
        }
        Ok(Lines {
            stream,
            input: BytesMut::new(),
        })
    }
}

fn post(call: &str, request: &Value) -> Call {
    Call::new(Method::POST, format!("/v3/{call}")).json(request.to_string())
}

async fn send(client: &Client, call: &str, request: &Value) -> Result<Bytes, KvError> {
    let answer = client.request(&post(call, request)).await?;
    if answer.status.is_success() {
        return Ok(answer.body);
    }
    Err(refused(client, answer.status.as_u16(), &answer.body))
}

fn refused(client: &Client, status: u16, body: &[u8]) -> KvError {
    let endpoint = client.endpoint().to_string();
    serde_json::from_slice(body).map_or(KvError::Foreign { endpoint, status }, KvError::Refused)
}

/// The answers of a lasting call.
pub(super) struct Lines {
    stream: AnswerStream,
    input: BytesMut,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<Refusal>,
}

impl Lines {
    /// The next answer; nothing when the server has said all.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, KvError> {
        loop {
            if let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
                let line = self.input.split_to(end);
                self.input.advance(1);
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return result_of(&line).map(Some);
            }
            if self.input.len() > LINE_BYTES_MAX {
                return Err(KvError::TooLong {
                    limit: LINE_BYTES_MAX,
                });
            }
            match self.stream.chunk(PATIENCE).await? {
                Some(chunk) => self.input.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }
}

fn result_of(line: &[u8]) -> Result<Bytes, KvError> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(KvError::Unreadable)?;
    match (line.result, line.error) {
        (Some(result), _) => Ok(Bytes::copy_from_slice(result.get().as_bytes())),
        (None, Some(refusal)) => Err(KvError::Refused(refusal)),
        (None, None) => Err(KvError::CutShort),
    }
}
