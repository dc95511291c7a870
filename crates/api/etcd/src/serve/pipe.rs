//! Where the messages of a lasting call come from and go to. gRPC is one carrier, JSON's gateway the other.

use std::future::Future;

use bytes::Bytes;
use prost::Message;

use crate::wire::frame;
use crate::wire::status::Status;

/// Requests as they come.
pub(super) trait Incoming: Send {
    /// The next request; `None` when the client has sent all. May be dropped while waiting: nothing is lost, and who
    /// polled it last is woken all the same.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, Status>> + Send;
}

/// Answers as they go.
pub(super) trait Outgoing: Send {
    /// Sends a framed answer, and waits until there is room for it.
    fn send(&mut self, framed: Bytes) -> impl Future<Output = Result<(), Status>> + Send;

    /// Waits until nobody can get answers any more.
    fn closed(&mut self) -> impl Future<Output = Status> + Send;
}

/// Sends an answer.
pub(super) async fn send(answers: &mut impl Outgoing, answer: &impl Message) -> Result<(), Status> {
    answers.send(frame::encode(answer)).await
}
