//! From sockets to the router: connections, their limits, and an orderly end.

mod connection;
mod crowd;
mod idle;
mod listen;
pub mod log;
pub mod manager;
mod patience;
pub mod tls;
mod workers;

use std::{future::Future, io, sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{interval, sleep, timeout},
};
use tokio_util::task::TaskTracker;

pub use self::listen::{Listen, ListenError, Listener};
use self::{connection::Connections, crowd::Crowd, tls::Tls, workers::Workers};
use crate::{router::Routes, state::Engine};

/// How often those who asked long ago are forgotten.
const FORGET: Duration = Duration::from_secs(60);
/// How long is waited for the end of what is cut off.
const CUT_OFF: Duration = Duration::from_secs(5);
/// How long nothing is accepted after the system could give no descriptor.
const BREATH: Duration = Duration::from_millis(50);

/// Serves until `end` is there; then answers what was asked, as long as the limits say. With TLS,
/// all that comes by TCP is to speak it.
///
/// # Errors
/// Where there is no thread to be had.
pub async fn serve(
    engine: Arc<Engine>,
    routes: Routes,
    listeners: Vec<Listener>,
    tls: Option<Arc<Tls>>,
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let workers = Workers::begin()?;
    let connections = Arc::new(Connections {
        engine: Arc::clone(&engine),
        workers: Arc::clone(&workers.all),
        routes,
        room: Arc::new(Semaphore::new(engine.limits.connections)),
        crowd: Arc::new(Crowd::default()),
        open: TaskTracker::new(),
        tls: tls.as_ref().map(|tls| tls.acceptor()),
    });
    if let Some(tls) = tls {
        let (clock, stop) = (engine.clock, engine.stop.clone());
        tokio::spawn(async move { tls.follow(clock, stop).await });
    }
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(listener, Arc::clone(&connections)));
    }
    let forgetting = {
        let engine = Arc::clone(&engine);
        async move {
            let mut again = interval(FORGET);
            loop {
                again.tick().await;
                engine.rates.forget();
            }
        }
    };
    tokio::select! {
        () = end => {}
        () = forgetting => {}
    }
    engine.stop();
    // Closes the sockets: who comes now is told so by the system, not by silence.
    accepting.shutdown().await;
    let grace = engine.limits.grace;
    connections.open.close();
    if timeout(grace, connections.open.wait()).await.is_err() {
        tracing::warn!(seconds = grace.as_secs(), "some requests were cut off");
    }
    workers.end(CUT_OFF).await;
    Ok(())
}

async fn accept(listener: Listener, connections: Arc<Connections>) {
    loop {
        // Those who come when there is no room wait in the system's queue.
        let room = Arc::clone(&connections.room).acquire_owned().await;
        let room = room.expect("nobody closes it");
        match listener.accept().await {
            Ok(accepted) => connections.serve(accepted, room),
            Err(error) => {
                // Who went away meanwhile is no trouble; a lack of descriptors passes.
                if !matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) {
                    tracing::error!(%error, "no connection was accepted");
                    sleep(BREATH).await;
                }
            }
        }
    }
}
