//! The layer directly around a door's service: counts requests and, while draining, ends each connection with its
//! current answer (`Connection: close`) so that the client's next request goes elsewhere instead of being cut off.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;

use super::ListenerStats;
use crate::drain::Drain;

#[derive(Debug)]
pub(super) struct Counted<S> {
    pub(super) inner: S,
    pub(super) stats: Arc<ListenerStats>,
    pub(super) drain: Drain,
}

impl<S, B> Service<Request<Incoming>> for Counted<S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = CountedFuture<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.stats.request();
        CountedFuture {
            inner: self.inner.call(request),
            drain: self.drain.clone(),
        }
    }
}

pin_project_lite::pin_project! {
    /// Adds the header to the answer when it comes after the drain's start.
    pub(super) struct CountedFuture<F> {
        #[pin]
        inner: F,
        drain: Drain,
    }
}

impl<F, B, E> Future for CountedFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut result = ready!(this.inner.poll(cx));
        if let Ok(response) = &mut result
            && this.drain.is_draining()
        {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Poll::Ready(result)
    }
}
