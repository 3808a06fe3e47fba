//! One connection: HTTP/1.1, or HTTP/2 where TLS has agreed on it.

use std::{convert::Infallible, pin::pin, sync::Arc};

use axum::{Router, body::Body};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::listen::Accepted;
use crate::state::{Engine, Peer};

/// What every connection needs.
pub(super) struct Connections {
    pub(super) engine: Arc<Engine>,
    pub(super) router: Router,
    pub(super) room: Arc<Semaphore>,
    pub(super) open: TaskTracker,
}

impl Connections {
    /// Serves a connection, aside.
    pub(super) fn serve(self: &Arc<Self>, accepted: Accepted, room: OwnedSemaphorePermit) {
        let connections = Arc::clone(self);
        self.open.spawn(async move {
            let open = &connections.engine.metrics.connections;
            open.inc();
            match accepted {
                Accepted::Tcp(stream, address) => {
                    connections.http1(stream, Peer { address: Some(address) }).await;
                }
                Accepted::Unix(stream) => {
                    connections.http1(stream, Peer { address: None }).await;
                }
            }
            open.dec();
            drop(room);
        });
    }

    async fn http1(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: Peer,
    ) {
        let limits = &self.engine.limits;
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.header_time)
                .max_buf_size(limits.headers)
                .max_headers(limits.header_count)
                .serve_connection(
                    TokioIo::new(stream),
                    service_fn(|request| self.answer(request, peer)),
                )
        );
        // How a connection ends is its sender's business: what was refused has been answered.
        tokio::select! {
            _ended = &mut connection => {}
            () = self.engine.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let _ended = connection.await;
            }
        }
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: Peer,
    ) -> Result<axum::response::Response, Infallible> {
        request.extensions_mut().insert(peer);
        self.router.clone().oneshot(request.map(Body::new)).await
    }
}
