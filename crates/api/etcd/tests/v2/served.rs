//! A door on a port of its own, on a thread of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use koinon_api_etcd::serve::{Door, Limits, serve};
use koinon_api_etcd::translate::Identity;
use koinon_base::SystemClock;
use koinon_io_disk::{Disk, OsDisk};
use koinon_io_net::{HostGuard, ServeOptions, bind, drain};
use koinon_store::{Settings, Store, run_leases};
use koinon_testkit::{Request, Response, send};
use tempfile::TempDir;
use tokio::sync::oneshot;

pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Removed after the thread has ended, if it is nobody else's.
    folder: Option<TempDir>,
}

impl Served {
    /// A door before an empty store.
    pub(crate) fn new() -> Self {
        let (mut served, folder) = Self::at(tempfile::tempdir().unwrap());
        served.folder = Some(folder);
        served
    }

    /// A door before the store in a folder, which comes back with it.
    pub(crate) fn at(folder: TempDir) -> (Self, TempDir) {
        let (tell_address, told_address) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let path = folder.path().to_owned();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = bind("etcd", "127.0.0.1:0".parse().unwrap()).unwrap();
                let address = listener.local_addr();
                tell_address.send(address).unwrap();
                let disk: Arc<dyn Disk> = Arc::new(OsDisk);
                let store =
                    Store::open(&disk, &path, Settings::default(), Arc::new(SystemClock::new())).unwrap();
                let leases = tokio::spawn(run_leases(store.clone()));
                let identity = Identity {
                    cluster_id: 0xc1,
                    member_id: 0xab,
                    name: "default".into(),
                    peer_urls: vec!["http://127.0.0.1:2380".into()],
                    client_urls: vec![format!("http://{address}")],
                };
                let (handle, drain) = drain();
                tokio::spawn(async move {
                    let _ = stopped.await;
                    handle.start(Duration::from_secs(1));
                    std::future::pending::<()>().await;
                });
                let door = Door::new(&store, identity, Limits::default());
                let guard = HostGuard::loopback_and::<&str>(&[]).unwrap();
                serve(listener, door, guard, ServeOptions::default(), drain).await;
                leases.abort();
                store.close();
            });
        });
        let served = Self {
            address: told_address.recv().unwrap(),
            stop: Some(stop),
            thread: Some(thread),
            folder: None,
        };
        (served, folder)
    }

    pub(crate) fn send(&self, request: &Request) -> Response {
        send(self.address, request).unwrap()
    }

    /// A request with a form.
    pub(crate) fn ask(&self, method: &str, path: &str, form: &str) -> Response {
        let mut request = Request::new(method, path);
        if !form.is_empty() {
            request = request
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(form);
        }
        self.send(&request)
    }

    /// Brings the index to 10, where the recorded stories begin.
    pub(crate) fn settle(&self) {
        for _ in 0..10 {
            let response = self.ask("PUT", "/v2/keys/_base?value=x", "");
            if response.json().unwrap()["node"]["modifiedIndex"] == 10 {
                return;
            }
        }
        panic!("the index does not come to 10");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the door's thread panicked"
            );
        }
    }
}
