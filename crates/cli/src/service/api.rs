//! The native API's calls about services.

use bytes::Bytes;
use http::Method;
use koinon_api_admin::wire::RegisterRequest;
use koinon_io_net::client::{AnswerStream, Call};

use super::watch::SILENCE_MAX;
use crate::remote::{CommandError, Remote, encoded};

/// One node's API in one namespace.
#[derive(Debug)]
pub(crate) struct Api {
    remote: Remote,
    namespace: String,
}

impl Api {
    pub(crate) fn new(remote: Remote, namespace: String) -> Self {
        Self { remote, namespace }
    }

    pub(crate) async fn list(&self) -> Result<Bytes, CommandError> {
        let call = Call::new(Method::GET, self.path("/v1/services"));
        self.remote.ask(call).await
    }

    pub(crate) async fn get(&self, service: &str) -> Result<Bytes, CommandError> {
        let path = self.path(&format!("/v1/services/{}", encoded(service)));
        self.remote.ask(Call::new(Method::GET, path)).await
    }

    pub(crate) async fn register(
        &self,
        service: &str,
        id: &str,
        request: &RegisterRequest,
    ) -> Result<Bytes, CommandError> {
        let body = serde_json::to_vec(request).map_err(CommandError::Unreadable)?;
        let call = Call::new(Method::PUT, self.instance(service, id, "")).json(body);
        self.remote.ask(call).await
    }

    pub(crate) async fn heartbeat(&self, service: &str, id: &str) -> Result<(), CommandError> {
        let call = Call::new(Method::POST, self.instance(service, id, "/heartbeat"));
        self.remote.ask(call).await.map(drop)
    }

    pub(crate) async fn deregister(&self, service: &str, id: &str) -> Result<(), CommandError> {
        let call = Call::new(Method::DELETE, self.instance(service, id, ""));
        self.remote.ask(call).await.map(drop)
    }

    /// Follows one service, or all; from `position` if there is one.
    pub(crate) async fn watch(
        &self,
        service: Option<&str>,
        position: Option<&str>,
    ) -> Result<AnswerStream, CommandError> {
        let path = match service {
            Some(service) => self.path(&format!("/v1/services/{}/watch", encoded(service))),
            None => self.path("/v1/watch"),
        };
        let mut call = Call::new(Method::GET, path);
        if let Some(Ok(position)) = position.map(str::parse) {
            call.headers.insert("last-event-id", position);
        }
        self.remote.stream(call, SILENCE_MAX).await
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
