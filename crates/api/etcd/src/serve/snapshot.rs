//! The keyspace as a file of etcd's, while writes go on.
//!
//! The file is made from front to end and never lies anywhere as a whole: a first walk through the records finds its shape, a
//! second one writes it. Both see the same records, which compaction leaves alone meanwhile.

use std::sync::Arc;

use futures_util::future::join;
use koinon_store::{Export, StoreError};
use prost::Message;
use sha2::{Digest, Sha256};

use super::door::Inner;
use super::pipe::{Outgoing, send};
use super::recipe::only_text;
use crate::translate::DoorError;
use crate::wire::bolt::{Plan, WriteError, Writer};
use crate::wire::database::{Entry, Head, STORAGE_VERSION, Shape, key_of, value_of};
use crate::wire::etcdserverpb::SnapshotResponse;
use crate::wire::status::{Code, Status};

/// Bytes of the file in a message, as etcd sends them.
const BLOB_LEN: usize = 32 * 1024;

/// Why a snapshot broke off.
#[derive(Debug, thiserror::Error)]
enum SnapshotError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<SnapshotError> for Status {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Store(error) => DoorError::from(error).into(),
            SnapshotError::Write(error) => {
                Self::new(Code::Internal, format!("koinon: the snapshot broke off: {error}"))
            }
        }
    }
}

impl Inner {
    /// Streams the file, and at last its SHA-256.
    pub(super) async fn snapshot(&self, answers: &mut impl Outgoing) -> Result<(), Status> {
        let index = self.index();
        let export = Arc::new(self.space.export().await.map_err(DoorError::from)?);
        let head = Head {
            index,
            term: self.term(),
            compacted: export.compacted().max(0),
            leases: export.leases().to_vec(),
        };
        let held = Arc::clone(&export);
        let (plan, rest) = blocking(move || shape(&held, &head)).await?;
        let mut sending = Sending {
            left: plan.file_len(),
            sum: Sha256::new(),
            answers,
        };
        let mut writer = Writer::new(plan).map_err(SnapshotError::from)?;
        let (mut from, mut written) = (Some(0), Vec::new());
        while let Some(at) = from {
            let held = Arc::clone(&export);
            // One piece is read while the one before is sent.
            let next = blocking(move || write_piece(&held, at, writer));
            let (next, sent) = join(next, sending.send_all(written)).await;
            sent?;
            (writer, from) = next?;
            written = writer.take();
        }
        sending.send_all(written).await?;
        for (key, value) in &rest {
            writer.add(key, value).map_err(SnapshotError::from)?;
        }
        sending
            .send_all(writer.finish().map_err(SnapshotError::from)?)
            .await?;
        sending.finish().await
    }
}

/// Runs what reads the disk where nobody waits for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SnapshotError> + Send + 'static,
) -> Result<T, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| only_text(StoreError::Broken))??)
}

fn shape(export: &Export, head: &Head) -> Result<(Plan, Vec<Entry>), SnapshotError> {
    let mut shape = Shape::default();
    let mut from = Some(0);
    while let Some(at) = from {
        let piece = export.piece(at)?;
        for (at, record) in &piece.records {
            shape.add(*at, record);
        }
        from = piece.next;
    }
    Ok(shape.finish(head))
}

fn write_piece(
    export: &Export,
    from: i64,
    mut writer: Writer,
) -> Result<(Writer, Option<i64>), SnapshotError> {
    let piece = export.piece(from)?;
    for (at, record) in &piece.records {
        writer.add(&key_of(*at, record), &value_of(record).encode_to_vec())?;
    }
    Ok((writer, piece.next))
}

/// The file on its way.
struct Sending<'a, O> {
    left: u64,
    sum: Sha256,
    answers: &'a mut O,
}

impl<O: Outgoing> Sending<'_, O> {
    async fn send_all(&mut self, bytes: Vec<u8>) -> Result<(), Status> {
        let mut bytes = bytes::Bytes::from(bytes);
        while !bytes.is_empty() {
            let blob = bytes.split_to(BLOB_LEN.min(bytes.len()));
            self.sum.update(&blob);
            self.left = self.left.saturating_sub(blob.len() as u64);
            self.send(blob).await?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), Status> {
        let sum = std::mem::take(&mut self.sum).finalize();
        self.send(bytes::Bytes::copy_from_slice(&sum)).await
    }

    async fn send(&mut self, blob: bytes::Bytes) -> Result<(), Status> {
        let message = SnapshotResponse {
            header: None,
            remaining_bytes: self.left,
            blob,
            version: STORAGE_VERSION.to_owned(),
        };
        send(self.answers, &message).await
    }
}
