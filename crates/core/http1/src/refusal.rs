//! Why a message is not taken, and the status that says so.

use thiserror::Error;

/// A message that is not taken. The connection closes after the answer: where the next message would begin is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A line that does not end in CR LF.
    #[error("a line ends without CR LF")]
    BareLineEnd,
    /// The request line is not `METHOD SP TARGET SP HTTP/1.x`.
    #[error("the request line is malformed")]
    RequestLine,
    /// The status line is not `HTTP/1.x SP STATUS [SP REASON]`.
    #[error("the status line is malformed")]
    StatusLine,
    /// The target is none of the forms that the method allows, or has bytes that a URI cannot have.
    #[error("the request target is malformed")]
    Target,
    /// The target is longer than allowed.
    #[error("the request target is too long")]
    TargetTooLong,
    /// Another version than HTTP/1.0 or 1.1.
    #[error("only HTTP/1.0 and HTTP/1.1 are spoken here")]
    Version,
    /// A field line that is not `name: value`: a space before the colon, a folded line, a control character.
    #[error("a header field is malformed")]
    Field,
    /// A name that some servers take for `Content-Length` or `Transfer-Encoding`, such as `Content_Length`.
    #[error("a header field is named like one that decides about the message's length")]
    DisguisedField,
    /// The head is longer than allowed.
    #[error("the head is too long")]
    HeadTooLong,
    /// More fields than allowed.
    #[error("the head has too many fields")]
    TooManyFields,
    /// HTTP/1.1 without `Host`.
    #[error("the Host header is missing")]
    NoHost,
    /// `Host` more than once.
    #[error("the Host header is repeated")]
    RepeatedHost,
    /// `Host` is no host.
    #[error("the Host header is malformed")]
    Host,
    /// `Content-Length` more than once, or no plain decimal number.
    #[error("Content-Length is repeated or not a plain number")]
    ContentLength,
    /// Both `Content-Length` and `Transfer-Encoding`.
    #[error("Content-Length and Transfer-Encoding exclude each other")]
    TwoLengths,
    /// `Transfer-Encoding` in a message of HTTP/1.0, or more than once.
    #[error("Transfer-Encoding is repeated or not allowed here")]
    TransferEncoding,
    /// A transfer coding other than `chunked`.
    #[error("chunked is the only transfer coding taken")]
    UnknownCoding,
    /// An expectation other than `100-continue`.
    #[error("100-continue is the only expectation taken")]
    Expectation,
    /// A chunk's size line is malformed or too large.
    #[error("a chunk is malformed")]
    Chunk,
    /// The trailer is malformed, too long, or has a field that belongs into the head.
    #[error("the trailer is malformed")]
    Trailer,
}

impl Refusal {
    /// What a server answers.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BareLineEnd
            | Self::RequestLine
            | Self::StatusLine
            | Self::Target
            | Self::Field
            | Self::DisguisedField
            | Self::NoHost
            | Self::RepeatedHost
            | Self::Host
            | Self::ContentLength
            | Self::TwoLengths
            | Self::TransferEncoding
            | Self::Chunk
            | Self::Trailer => 400,
            Self::TargetTooLong => 414,
            Self::Expectation => 417,
            Self::HeadTooLong | Self::TooManyFields => 431,
            Self::UnknownCoding => 501,
            Self::Version => 505,
        }
    }
}
