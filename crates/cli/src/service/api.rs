//! The native API's calls that the commands make.

use bytes::Bytes;
use http::Method;
use koinon_api_admin::wire::{ErrorBody, RegisterRequest};
use koinon_io_net::Client;
use koinon_io_net::client::{AnswerStream, Call};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use super::error::ServiceError;

/// What may stand in a path segment or a query value as it is (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One node's API in one namespace.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
    namespace: String,
}

impl Api {
    pub(crate) fn new(client: Client, namespace: String) -> Self {
        Self { client, namespace }
    }

    pub(crate) async fn list(&self) -> Result<Bytes, ServiceError> {
        self.ask(Call::new(Method::GET, self.path("/v1/services"))).await
    }

    pub(crate) async fn get(&self, service: &str) -> Result<Bytes, ServiceError> {
        self.ask(Call::new(
            Method::GET,
            self.path(&format!("/v1/services/{}", encoded(service))),
        ))
        .await
    }

    pub(crate) async fn register(
        &self,
        service: &str,
        id: &str,
        request: &RegisterRequest,
    ) -> Result<Bytes, ServiceError> {
        let body = serde_json::to_vec(request).map_err(ServiceError::Unreadable)?;
        self.ask(Call::new(Method::PUT, self.instance(service, id, "")).json(body))
            .await
    }

    pub(crate) async fn heartbeat(&self, service: &str, id: &str) -> Result<(), ServiceError> {
        self.ask(Call::new(Method::POST, self.instance(service, id, "/heartbeat")))
            .await
            .map(drop)
    }

    pub(crate) async fn deregister(&self, service: &str, id: &str) -> Result<(), ServiceError> {
        self.ask(Call::new(Method::DELETE, self.instance(service, id, "")))
            .await
            .map(drop)
    }

    /// Follows one service, or all; from `position` if there is one.
    pub(crate) async fn watch(
        &self,
        service: Option<&str>,
        position: Option<&str>,
    ) -> Result<AnswerStream, ServiceError> {
        let path = match service {
            Some(service) => self.path(&format!("/v1/services/{}/watch", encoded(service))),
            None => self.path("/v1/watch"),
        };
        let mut call = Call::new(Method::GET, path);
        if let Some(Ok(position)) = position.map(str::parse) {
            call.headers.insert("last-event-id", position);
        }
        let mut stream = self.client.stream(&call).await?;
        let status = stream.status();
        if status.is_success() {
            return Ok(stream);
        }
        let body = stream.rest(super::watch::SILENCE_MAX).await?;
        Err(self.refused(status.as_u16(), &body))
    }

    async fn ask(&self, call: Call) -> Result<Bytes, ServiceError> {
        let answer = self.client.request(&call).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(self.refused(answer.status.as_u16(), &answer.body))
    }

    fn refused(&self, status: u16, body: &[u8]) -> ServiceError {
        let endpoint = self.client.endpoint().to_string();
        let error = serde_json::from_slice::<ErrorBody>(body);
        error.map_or(ServiceError::Foreign { endpoint, status }, ServiceError::Refused)
    }

    fn instance(&self, service: &str, id: &str, what: &str) -> String {
        self.path(&format!(
            "/v1/services/{}/instances/{}{what}",
            encoded(service),
            encoded(id)
        ))
    }

    fn path(&self, path: &str) -> String {
        format!("{path}?namespace={}", encoded(&self.namespace))
    }
}

/// Reads an answer's JSON.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, ServiceError> {
    serde_json::from_slice(text).map_err(ServiceError::Unreadable)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
