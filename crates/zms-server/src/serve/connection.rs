//! One connection: HTTP/1.1, or HTTP/2 where TLS has agreed on it.

use std::{convert::Infallible, io, pin::pin, sync::Arc};

use axum::body::Body;
use hyper::{
    Request,
    body::{Body as _, Incoming},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::{
    crowd::Crowd,
    idle::Activity,
    listen::Accepted,
    patience::Patient,
    workers::{self, Worker},
};
use crate::{
    router::Routes,
    state::{Engine, Peer},
};

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Connections {
    pub(super) engine: Arc<Engine>,
    pub(super) workers: Arc<[Worker]>,
    pub(super) routes: Routes,
    pub(super) room: Arc<Semaphore>,
    pub(super) crowd: Arc<Crowd>,
    pub(super) open: TaskTracker,
    pub(super) tls: Option<TlsAcceptor>,
}

impl Connections {
    /// Serves a connection, aside.
    pub(super) fn serve(self: &Arc<Self>, accepted: Accepted, room: OwnedSemaphorePermit) {
        let limits = &self.engine.limits;
        let most = limits.connections_per_address;
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
        workers::spawn(
            &self.workers,
            self.open.track_future(async move {
                let open = &connections.engine.metrics.connections;
                open.inc();
                // Where this thread can not wait for it, its end tells who asked.
                let _unheard = connections.hear(accepted).await;
                open.dec();
                drop((room, place));
            }),
        );
    }

    /// Answers what comes, on the thread that waits for it from now on.
    async fn hear(&self, accepted: Accepted) -> io::Result<()> {
        let (activity, write_time) = (Activity::new(), self.engine.limits.write_time);
        match accepted {
            Accepted::Tcp(stream, address) => {
                let stream = TcpStream::from_std(stream)?;
                let stream = Patient::new(stream, write_time, activity.clone());
                let peer = Peer { address: Some(address) };
                match &self.tls {
                    Some(tls) => self.tls(tls, stream, activity, peer).await,
                    None => self.http1(stream, activity, peer).await,
                }
            }
            Accepted::Unix(stream) => {
                let stream = UnixStream::from_std(stream)?;
                let stream = Patient::new(stream, write_time, activity.clone());
                self.http1(stream, activity, Peer { address: None }).await;
            }
        }
        Ok(())
    }

    async fn tls(
        &self,
        tls: &TlsAcceptor,
        stream: Patient<TcpStream>,
        activity: Activity,
        peer: Peer,
    ) {
        let shaken = timeout(self.engine.limits.handshake_time, tls.accept(stream)).await;
        let Ok(Ok(stream)) = shaken else {
            self.engine.metrics.handshakes_failed.inc();
            return;
        };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.http2(stream, activity, peer).await;
        } else {
            self.http1(stream, activity, peer).await;
        }
    }

    async fn http2(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        activity: Activity,
        peer: Peer,
    ) {
        let limits = &self.engine.limits;
        let headers = u32::try_from(limits.headers).unwrap_or(u32::MAX);
        let connections = self.clone();
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
        // Where an answer is not taken, a connection is kept as long as between two requests.
        let idle = activity.is_idle(limits.header_time);
        tokio::select! {
            // First: what has come is answered before it is asked whether anything does.
            biased;
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
        activity: Activity,
        peer: Peer,
    ) {
        let limits = &self.engine.limits;
        let answer = service_fn(|request| {
            let working = activity.begin();
            async move {
                let response = self.answer(request, peer).await;
                drop(working);
                response
            }
        });
        let mut connection = pin!(
            http1::Builder::new()
                // Its own timer would be set anew for each request.
                .header_read_timeout(None)
                .max_buf_size(limits.headers)
                .max_headers(limits.header_count)
                .serve_connection(TokioIo::new(stream), answer)
        );
        // It is between two requests, or the headers of one do not come.
        let mut idle = pin!(activity.is_idle(limits.header_time));
        // How a connection ends is its sender's business: what was refused has been answered.
        tokio::select! {
            // First: what has come is answered before it is asked whether anything does.
            biased;
            _ended = &mut connection => {}
            () = self.engine.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    _ended = connection => {}
                    () = idle => {}
                }
            }
            () = &mut idle => {}
        }
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: Peer,
    ) -> Result<axum::response::Response, Infallible> {
        request.extensions_mut().insert(peer);
        let request = request.map(|body| match body.is_end_stream() {
            true => Body::empty(),
            false => Body::new(body),
        });
        Ok(self.routes.answer(request).await)
    }
}
