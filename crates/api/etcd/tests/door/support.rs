//! A door, and a gRPC client that shows everything it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request};
use koinon_api_etcd::serve::{Door, Limits, serve};
use koinon_api_etcd::translate::Identity;
use koinon_api_etcd::wire::etcdserverpb::{PutRequest, PutResponse};
use koinon_api_etcd::wire::frame::{self, Frames};
use koinon_base::SystemClock;
use koinon_io_disk::{Disk, OsDisk};
use koinon_io_net::{DrainHandle, HostGuard, ServeOptions, ServeReport, bind, drain};
use koinon_store::{Settings, Store, run_leases};
use prost::Message;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything may take before a story fails.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A running door.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) door: Door,
    pub(crate) drain: DrainHandle,
    pub(crate) serving: JoinHandle<ServeReport>,
    store: Store,
    leases: JoinHandle<()>,
    /// Gone only while it moves to the next life.
    folder: Option<TempDir>,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default(), Limits::default()).await
    }

    pub(crate) async fn with(settings: Settings, limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::over(folder, settings, limits).await
    }

    /// The same store behind a new door, after a restart.
    pub(crate) async fn restarted(mut self, settings: Settings, limits: Limits) -> Self {
        let folder = self.folder.take().expect("it has one until then");
        self.drain.start(SOON);
        let _report = timeout(SOON, &mut self.serving).await.expect("an end in time");
        drop(self);
        Self::over(folder, settings, limits).await
    }

    async fn over(folder: TempDir, settings: Settings, limits: Limits) -> Self {
        let path = folder.path().join("store");
        let open = move || {
            let disk: Arc<dyn Disk> = Arc::new(OsDisk);
            let deadline = Instant::now() + SOON;
            loop {
                // The tasks of the life before may hold it for a moment.
                match Store::open(&disk, &path, settings.clone(), Arc::new(SystemClock::new())) {
                    Err(error) if Instant::now() > deadline => panic!("{error}"),
                    Err(_) => std::thread::yield_now(),
                    Ok(store) => return store,
                }
            }
        };
        let store = tokio::task::spawn_blocking(open).await.expect("no panic");
        let listener = bind("etcd", "127.0.0.1:0".parse().expect("an address")).expect("a port");
        let addr = listener.local_addr();
        let identity = Identity {
            cluster_id: 11,
            member_id: 22,
            name: "default".into(),
            peer_urls: Vec::new(),
            client_urls: vec![format!("http://{addr}")],
        };
        let door = Door::new(&store, identity, limits);
        let (handle, drain) = drain();
        let guard = HostGuard::loopback_and::<&str>(&[]).expect("no names");
        let serving = tokio::spawn(serve(
            listener,
            door.clone(),
            guard,
            ServeOptions::default(),
            drain,
        ));
        let leases = tokio::spawn(run_leases(store.clone()));
        Self {
            addr,
            door,
            drain: handle,
            serving,
            store,
            leases,
            folder: Some(folder),
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.addr).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
        self.leases.abort();
        let store = self.store.clone();
        // Closing blocks, and a test's thread may be the runtime's only one.
        std::thread::spawn(move || store.close())
            .join()
            .expect("no panic");
    }
}

/// One HTTP/2 connection.
#[derive(Clone)]
pub(crate) struct Client {
    send: SendRequest<Bytes>,
}

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: String,
    pub(crate) text: String,
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        let socket = TcpStream::connect(addr).await.expect("the door listens");
        let (send, connection) = h2::client::Builder::new()
            // Many small answers may wait here until a story looks at them.
            .data_frame_budget(4 << 20)
            .handshake(socket)
            .await
            .expect("the door speaks HTTP/2");
        tokio::spawn(connection);
        Self { send }
    }

    /// Opens a call.
    pub(crate) async fn open(&self, path: &str) -> Call {
        let request = Request::post(format!("http://etcd{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .expect("a request");
        let mut send = self.send.clone().ready().await.expect("a live connection");
        let (response, requests) = send.send_request(request, false).expect("room for a call");
        Call {
            requests,
            response: Some(response),
            answers: None,
            head: HeaderMap::new(),
            frames: Frames::new(64 << 20),
        }
    }

    /// One request, one answer.
    pub(crate) async fn call<A: Message + Default>(
        &self,
        path: &str,
        request: &impl Message,
    ) -> Result<A, Ended> {
        let mut call = self.open(path).await;
        call.send(request, true);
        match call.next().await {
            Some(answer) => Ok(answer),
            None => Err(call.ended().await),
        }
    }

    pub(crate) async fn put(&self, key: &str, value: &str) -> i64 {
        let request = PutRequest {
            key: key.to_owned().into(),
            value: value.to_owned().into(),
            ..PutRequest::default()
        };
        let answer: PutResponse = self.call("/etcdserverpb.KV/Put", &request).await.expect("a put");
        answer.header.expect("every answer has one").revision
    }
}

/// An open call.
pub(crate) struct Call {
    requests: SendStream<Bytes>,
    response: Option<ResponseFuture>,
    answers: Option<RecvStream>,
    head: HeaderMap,
    frames: Frames,
}

impl Call {
    pub(crate) fn send(&mut self, request: &impl Message, last: bool) {
        self.requests
            .send_data(frame::encode(request), last)
            .expect("an open call");
    }

    /// Part of a framed request, or of several.
    pub(crate) fn send_piece(&mut self, piece: Bytes, last: bool) {
        self.requests.send_data(piece, last).expect("an open call");
    }

    /// The next answer; `None` when there are no more.
    pub(crate) async fn next<A: Message + Default>(&mut self) -> Option<A> {
        let message = timeout(SOON, self.next_message())
            .await
            .expect("an answer in time")?;
        Some(A::decode(message).expect("an answer of this kind"))
    }

    async fn next_message(&mut self) -> Option<Bytes> {
        if let Some(response) = self.response.take() {
            let (head, body) = response.await.ok()?.into_parts();
            self.head = head.headers;
            self.answers = Some(body);
        }
        loop {
            if let Some(message) = self.frames.take().expect("well-formed answers") {
                return Some(message);
            }
            let answers = self.answers.as_mut()?;
            let piece = answers.data().await?.ok()?;
            answers
                .flow_control()
                .release_capacity(piece.len())
                .expect("what was taken");
            self.frames.push(piece);
        }
    }

    /// How it ended; to be asked when there are no more answers.
    pub(crate) async fn ended(mut self) -> Ended {
        let trailers = match &mut self.answers {
            Some(answers) => timeout(SOON, answers.trailers())
                .await
                .expect("in time")
                .ok()
                .flatten(),
            None => None,
        };
        let all = trailers.unwrap_or(self.head);
        let text = |name: &str| {
            let value = all.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        Ended {
            code: text("grpc-status"),
            text: text("grpc-message"),
        }
    }
}
