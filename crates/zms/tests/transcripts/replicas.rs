//! Several servers over one database, each a process of its own, and what stands before them: each
//! connection is handed to the next one, as by a balancer.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{UnixListener, UnixStream},
    task::AbortHandle,
};

use super::{RUNTIME, SECRET};

/// Servers that know nothing of each other but their database, until they are dropped.
pub struct Replicas {
    servers: Vec<Child>,
    connections: Arc<AtomicUsize>,
    balancer: AbortHandle,
}

impl Replicas {
    /// Starts so many in a folder, all at once, and listens for them there at a socket.
    pub fn start(count: usize, folder: &Path, url: &str, socket: &Path) -> Self {
        let place = |number: usize| folder.join(format!("replica{number}"));
        let sockets: Vec<PathBuf> =
            (0..count).map(|number| place(number).with_extension("sock")).collect();
        let started = sockets.iter().enumerate();
        let mut servers: Vec<Child> =
            started.map(|(number, socket)| start(&place(number), url, socket)).collect();
        servers.iter_mut().for_each(wait_until_it_serves);
        let connections = Arc::new(AtomicUsize::new(0));
        let (turn, _inside) = (Arc::clone(&connections), RUNTIME.enter());
        let listener = UnixListener::bind(socket).unwrap();
        let balancer = RUNTIME.spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let next = sockets[turn.fetch_add(1, Ordering::SeqCst) % sockets.len()].clone();
                tokio::spawn(async move {
                    let mut server = UnixStream::connect(next).await.unwrap();
                    // It ends when one of them has gone.
                    let _gone = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { servers, connections, balancer: balancer.abort_handle() }
    }

    /// How many connections were handed over, in turns.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        self.balancer.abort();
        for server in &mut self.servers {
            let _ended = server.kill();
            let _ended = server.wait();
        }
    }
}

/// The real program, as whoever runs several of it starts it.
fn start(home: &Path, url: &str, socket: &Path) -> Child {
    let listen = format!("unix:{}", socket.display());
    Command::new(env!("CARGO_BIN_EXE_zms"))
        .args(["start", "--json", "--no-gateway", "--log-level", "error", "--listen", &listen])
        .args(["--database-connections", "4"])
        .args(["--rate-token", "0", "--rate-address", "0", "--rate-refused", "0"])
        .env_clear()
        .env("HOME", home)
        .env("ZMS_HOME", home)
        .env("ZMS_DATABASE", url)
        .env("ZMS_REGISTRATION", SECRET)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_until_it_serves(server: &mut Child) {
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap() == "}"), "a server did not start");
}
