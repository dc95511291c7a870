//! The general server.

use crate::*;

type Answered = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>>;

fn start(options: ServeOptions) -> Served {
    start_with(|listener, held, drain| {
        let service = service_fn(move |request: Request<Incoming>| -> Answered {
            let held = Arc::clone(&held);
            Box::pin(async move {
                Ok(Response::new(Full::new(
                    answer(request.uri().path(), &held).await,
                )))
            })
        });
        serve(listener, service, options, drain)
    })
}

#[path = "stories.rs"]
mod stories;
