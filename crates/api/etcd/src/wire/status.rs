//! How a call ended: gRPC's codes and texts, and what HTTP's gateway makes of them.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What gRPC wants escaped in a text: all but printable ASCII, and the escape character itself.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// gRPC's codes, under their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Done.
    Ok = 0,
    /// The client gave up.
    Canceled = 1,
    /// Nothing fits.
    Unknown = 2,
    /// The request is wrong.
    InvalidArgument = 3,
    /// There is no such thing.
    NotFound = 5,
    /// Too much.
    ResourceExhausted = 8,
    /// Not in the present state.
    FailedPrecondition = 9,
    /// Beyond what there is.
    OutOfRange = 11,
    /// Nothing does that.
    Unimplemented = 12,
    /// The message cannot be read.
    Internal = 13,
    /// Not now.
    Unavailable = 14,
    /// Stored data is damaged.
    DataLoss = 15,
}

impl Code {
    /// The number, as gRPC writes it.
    #[must_use]
    pub fn digits(self) -> &'static str {
        match self {
            Self::Ok => "0",
            Self::Canceled => "1",
            Self::Unknown => "2",
            Self::InvalidArgument => "3",
            Self::NotFound => "5",
            Self::ResourceExhausted => "8",
            Self::FailedPrecondition => "9",
            Self::OutOfRange => "11",
            Self::Unimplemented => "12",
            Self::Internal => "13",
            Self::Unavailable => "14",
            Self::DataLoss => "15",
        }
    }

    /// The status of the JSON gateway's answer.
    #[must_use]
    pub fn http(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::Canceled => 499,
            Self::InvalidArgument | Self::FailedPrecondition | Self::OutOfRange => 400,
            Self::NotFound => 404,
            Self::ResourceExhausted => 429,
            Self::Unknown | Self::Internal | Self::DataLoss => 500,
            Self::Unimplemented => 501,
            Self::Unavailable => 503,
        }
    }
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The code.
    pub code: Code,
    /// The text; clients of etcd compare it.
    pub text: Cow<'static, str>,
}

impl Status {
    /// A failure.
    pub fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }

    /// The text as a header's value.
    #[must_use]
    pub fn escaped(&self) -> String {
        utf8_percent_encode(&self.text, ESCAPED).to_string()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Status {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text may hold what a header may not: it is escaped, and everything else is left as clients compare it.
    #[test]
    fn texts_fit_into_headers() {
        let status = |text| Status::new(Code::Unknown, text).escaped();
        assert_eq!(
            status("etcdserver: key is not provided"),
            "etcdserver: key is not provided"
        );
        assert_eq!(status("100 % sure\r\nof é"), "100 %25 sure%0D%0Aof %C3%A9");
    }

    /// The digits are the numbers.
    #[test]
    fn codes_are_written_as_their_numbers() {
        for code in [Code::Ok, Code::InvalidArgument, Code::OutOfRange, Code::DataLoss] {
            assert_eq!(code.digits(), (code as u8).to_string());
        }
    }
}
