//! One connection: HTTP/1.1, or HTTP/2 where TLS has agreed on it.

use std::{convert::Infallible, pin::pin, sync::Arc};

use axum::{Router, body::Body};
use hyper::{
    Request,
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::{crowd::Crowd, idle::Activity, listen::Accepted, patience::Patient};
use crate::state::{Engine, Peer};

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Connections {
    pub(super) engine: Arc<Engine>,
    pub(super) router: Router,
    pub(super) room: Arc<Semaphore>,
    pub(super) crowd: Arc<Crowd>,
    pub(super) open: TaskTracker,
    pub(super) tls: Option<TlsAcceptor>,
}

impl Connections {
    /// Serves a connection, aside.
    pub(super) fn serve(self: &Arc<Self>, accepted: Accepted, room: OwnedSemaphorePermit) {
        let limits = &self.engine.limits;
        let (write_time, most) = (limits.write_time, limits.connections_per_address);
        let place = match &accepted {
            Accepted::Tcp(_, address) => match self.crowd.enter(*address, most) {
                // Who holds so many is told by their end.
                None => {
                    self.engine.metrics.connections_refused.inc();
                    return;
                }
                place => place,
            },
            Accepted::Unix(_) => None,
        };
        let connections = Arc::clone(self);
        self.open.spawn(async move {
            let open = &connections.engine.metrics.connections;
            open.inc();
            match accepted {
                Accepted::Tcp(stream, address) => {
                    let stream = Patient::new(stream, write_time);
                    let peer = Peer { address: Some(address) };
                    match &connections.tls {
                        Some(tls) => connections.tls(tls, stream, peer).await,
                        None => connections.http1(stream, peer).await,
                    }
                }
                Accepted::Unix(stream) => {
                    let stream = Patient::new(stream, write_time);
                    connections.http1(stream, Peer { address: None }).await;
                }
            }
            open.dec();
            drop((room, place));
        });
    }

    async fn tls(&self, tls: &TlsAcceptor, stream: Patient<TcpStream>, peer: Peer) {
        let shaken = timeout(self.engine.limits.handshake_time, tls.accept(stream)).await;
        let Ok(Ok(stream)) = shaken else {
            self.engine.metrics.handshakes_failed.inc();
            return;
        };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.http2(stream, peer).await;
        } else {
            self.http1(stream, peer).await;
        }
    }

    async fn http2(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: Peer,
    ) {
        let limits = &self.engine.limits;
        let headers = u32::try_from(limits.headers).unwrap_or(u32::MAX);
        let (connections, activity) = (self.clone(), Activity::new());
        let watched = activity.clone();
        let answer = service_fn(move |request| {
            let (connections, activity) = (connections.clone(), watched.clone());
            async move {
                let _working = activity.begin();
                let response = connections.answer(request, peer).await?;
                Ok::<_, Infallible>(response.map(|body| activity.watching(body)))
            }
        });
        let mut connection = pin!(
            http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(limits.header_time)
                .keep_alive_timeout(limits.header_time)
                .max_header_list_size(headers)
                .max_concurrent_streams(limits.streams)
                .serve_connection(TokioIo::new(stream), answer)
        );
        // Between two requests, and where an answer is not taken, a connection is kept as long as
        // one of HTTP/1.1 waits for headers.
        let idle = async {
            loop {
                let at = activity.idle_at(limits.header_time);
                if at <= Instant::now() {
                    return;
                }
                sleep_until(at).await;
            }
        };
        tokio::select! {
            _ended = &mut connection => {}
            () = self.engine.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let _ended = connection.await;
            }
            () = idle => {
                connection.as_mut().graceful_shutdown();
                // Who does not go when told is left.
                let _ended = timeout(limits.header_time, connection).await;
            }
        }
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
