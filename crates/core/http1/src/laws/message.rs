//! A message as a reader saw it, to be compared with what another reader saw.

/// Names and values.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Method and target, or status and reason.
pub type What = (Vec<u8>, Vec<u8>);

/// What a connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Requests.
    Request,
    /// Responses.
    Response {
        /// Whether they answer HEAD.
        answers_head: bool,
    },
}

/// One message of a connection: where it lies and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its first byte.
    pub start: usize,
    /// The byte behind its head.
    pub head_end: usize,
    /// The byte behind it.
    pub end: usize,
    /// What its first line says but for the version.
    pub what: What,
    /// Its fields.
    pub fields: Pairs,
    /// The content of its body.
    pub content: Vec<u8>,
    /// The fields behind its body.
    pub trailer: Pairs,
    /// Whether another message may follow.
    pub keep_alive: bool,
}

/// Why a reader stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Between two messages, where the bytes end.
    Clean,
    /// Within a message, where the bytes end.
    Incomplete,
    /// At a message that is not taken.
    Malformed,
    /// Behind a message after which the connection closes.
    Closed,
}
