//! The same messages as JSON: names as in the protocol's files, 64-bit numbers as strings, bytes in base 64, what has its
//! default left out.
//!
//! One way for all messages, by their descriptors; a method is not known here by more than its name.

use std::sync::LazyLock;

use bytes::Bytes;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};
use serde_json::de::IoRead;
use serde_json::{Deserializer, Serializer};

/// Why JSON is not the message asked for, or a message has no JSON.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is no JSON, or does not fit the message.
    #[error("{0}")]
    Malformed(#[from] serde_json::Error),
    /// The bytes are no message.
    #[error("{0}")]
    Undecodable(#[from] prost::DecodeError),
    /// There is no such method.
    #[error("there is no method {0}")]
    UnknownMethod(String),
}

/// The shapes of a method's messages.
#[derive(Debug, Clone)]
pub struct Shapes {
    input: MessageDescriptor,
    output: MessageDescriptor,
}

/// A piece of JSON input.
#[derive(Debug)]
pub enum Piece {
    /// A message as the wire has it, and how many bytes of the input it took.
    Message(Bytes, usize),
    /// The input ends within a value.
    Unfinished,
    /// Nothing but blanks.
    Nothing,
}

impl Shapes {
    /// The shapes of `service` (with its package) and `method`.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn of(service: &str, method: &str) -> Result<Self, JsonError> {
        let unknown = || JsonError::UnknownMethod(format!("{service}/{method}"));
        let service = pool()
            .and_then(|pool| pool.get_service_by_name(service))
            .ok_or_else(unknown)?;
        let method = service
            .methods()
            .find(|found| found.name() == method)
            .ok_or_else(unknown)?;
        Ok(Self {
            input: method.input(),
            output: method.output(),
        })
    }

    /// The first value of `input` as a request. Fields that the message does not have are ignored.
    ///
    /// # Errors
    /// When it is no JSON, or does not fit.
    pub fn read(&self, input: &[u8]) -> Result<Piece, JsonError> {
        if input.iter().all(u8::is_ascii_whitespace) {
            return Ok(Piece::Nothing);
        }
        let mut values = Deserializer::from_slice(input).into_iter::<&serde_json::value::RawValue>();
        let raw = match values.next() {
            None => return Ok(Piece::Nothing),
            Some(Err(error)) if error.is_eof() => return Ok(Piece::Unfinished),
            Some(raw) => raw?,
        };
        let taken = values.byte_offset();
        let options = DeserializeOptions::new().deny_unknown_fields(false);
        let mut value = Deserializer::<IoRead<_>>::from_reader(raw.get().as_bytes());
        let message = DynamicMessage::deserialize_with_options(self.input.clone(), &mut value, &options)?;
        Ok(Piece::Message(message.encode_to_vec().into(), taken))
    }

    /// An answer as JSON, appended to `out`.
    ///
    /// # Errors
    /// When the bytes are no such answer.
    pub fn write(&self, answer: Bytes, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let message = DynamicMessage::decode(self.output.clone(), answer)?;
        let options = SerializeOptions::new()
            .use_proto_field_name(true)
            .skip_default_fields(true)
            .stringify_64_bit_integers(true);
        message.serialize_with_options(&mut Serializer::new(out), &options)?;
        Ok(())
    }
}

fn pool() -> Option<&'static DescriptorPool> {
    static POOL: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| {
        DescriptorPool::decode(&include_bytes!(concat!(env!("OUT_DIR"), "/etcd.bin"))[..]).ok()
    });
    POOL.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::etcdserverpb::{PutRequest, RangeResponse, ResponseHeader};
    use crate::wire::mvccpb::KeyValue;

    fn shapes() -> Shapes {
        Shapes::of("etcdserverpb.KV", "Put").expect("a method")
    }

    fn put(json: &str) -> Result<PutRequest, JsonError> {
        match shapes().read(json.as_bytes())? {
            Piece::Message(bytes, _) => Ok(PutRequest::decode(bytes)?),
            Piece::Unfinished | Piece::Nothing => panic!("{json} is a whole value"),
        }
    }

    /// What clients of the gateway send is understood: base 64 with and without padding, numbers as strings or numbers,
    /// either spelling of names, and fields that nobody knows.
    #[test]
    fn requests_are_read_liberally() {
        let plain = put(r#"{"key":"Zm9v","value":"YmE=","lease":"12","prev_kv":true}"#).expect("fits");
        assert_eq!(
            (&plain.key[..], &plain.value[..], plain.lease, plain.prev_kv),
            (&b"foo"[..], &b"ba"[..], 12, true)
        );
        let odd = put(r#"{"key":"Zm9v","value":"YmE","lease":12,"prevKv":true,"bogus":[1]}"#).expect("fits");
        assert_eq!(plain, odd);
    }

    /// Several values may follow each other; one that is not whole yet is waited for; anything else is an error.
    #[test]
    fn values_are_read_one_by_one() {
        let shapes = shapes();
        assert!(matches!(shapes.read(b" \n"), Ok(Piece::Nothing)));
        assert!(matches!(shapes.read(b"{\"key\":\"Zm"), Ok(Piece::Unfinished)));
        let Ok(Piece::Message(_, taken)) = shapes.read(b"{} {\"key\":") else {
            panic!("the first value is whole");
        };
        assert_eq!(taken, 2);
        assert!(shapes.read(b"}").is_err());
        assert!(shapes.read(b"{\"key\":7}").is_err());
    }

    /// Answers look as etcd's gateway writes them.
    #[test]
    fn answers_are_written_as_etcd_writes_them() {
        let answer = RangeResponse {
            header: Some(ResponseHeader {
                cluster_id: u64::MAX,
                revision: 3,
                ..ResponseHeader::default()
            }),
            kvs: vec![KeyValue {
                key: "foo".into(),
                mod_revision: 3,
                ..KeyValue::default()
            }],
            count: 1,
            ..RangeResponse::default()
        };
        let mut out = Vec::new();
        let shapes = Shapes::of("etcdserverpb.KV", "Range").expect("a method");
        shapes
            .write(answer.encode_to_vec().into(), &mut out)
            .expect("an answer");
        let wanted = r#"{"header":{"cluster_id":"18446744073709551615","revision":"3"},"kvs":[{"key":"Zm9v","mod_revision":"3"}],"count":"1"}"#;
        assert_eq!(String::from_utf8(out).expect("JSON is UTF-8"), wanted);
    }
}
