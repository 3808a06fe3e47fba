//! Whoever sits between a client and an engine: sees every byte, and answers as it likes.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

/// What was asked and what was answered, as it went over the wire.
#[derive(Clone)]
pub struct Exchange {
    pub request: Vec<u8>,
    pub answer: Vec<u8>,
}

/// Makes another answer of one; none, and the connection is cut.
pub type Meddle = Box<dyn FnMut(&[u8], Vec<u8>) -> Option<Vec<u8>> + Send>;

#[derive(Clone)]
pub struct Proxy {
    pub address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    upstream: PathBuf,
    seen: Vec<Exchange>,
    meddle: Option<Meddle>,
}

impl Proxy {
    /// Listens; whom it speaks for is said once that is there.
    pub fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Inner { upstream: PathBuf::new(), seen: Vec::new(), meddle: None };
        let proxy = Self { address, inner: Arc::new(Mutex::new(inner)) };
        let own = proxy.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let proxy = own.clone();
                thread::spawn(move || {
                    let _ended = proxy.serve(stream);
                });
            }
        });
        proxy
    }

    /// Whom it passes requests on to.
    pub fn to(&self, upstream: PathBuf) {
        self.inner.lock().unwrap().upstream = upstream;
    }

    pub fn meddle(&self, meddle: impl FnMut(&[u8], Vec<u8>) -> Option<Vec<u8>> + Send + 'static) {
        self.inner.lock().unwrap().meddle = Some(Box::new(meddle));
    }

    pub fn honest(&self) {
        self.inner.lock().unwrap().meddle = None;
    }

    /// All that was seen since it was asked last.
    pub fn seen(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.inner.lock().unwrap().seen)
    }

    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        while let Some(request) = message(&mut client, false)? {
            let upstream = self.inner.lock().unwrap().upstream.clone();
            let answer = forward(&upstream, &request)?;
            let mut inner = self.inner.lock().unwrap();
            inner.seen.push(Exchange { request: request.clone(), answer: answer.clone() });
            let mut meddle = inner.meddle.take();
            drop(inner);
            // Not while others wait: it may take its time.
            let answer = match &mut meddle {
                Some(meddle) => meddle(&request, answer),
                None => Some(answer),
            };
            let mut inner = self.inner.lock().unwrap();
            if inner.meddle.is_none() {
                inner.meddle = meddle;
            }
            drop(inner);
            let Some(answer) = answer else { return Ok(()) };
            client.write_all(&answer)?;
        }
        Ok(())
    }
}

/// Hands a request to an engine, and gives what it answers.
pub fn forward(upstream: &std::path::Path, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut engine = UnixStream::connect(upstream)?;
    engine.write_all(request)?;
    message(&mut engine, true)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// One message with its body; `None` at the end.
fn message(stream: &mut impl Read, answer: bool) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let bare = answer && (head.starts_with("http/1.1 204") || head.starts_with("http/1.1 304"));
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.filter(|_| !bare).map_or(0, |text| text.trim().parse().unwrap());
    let start = bytes.len();
    bytes.resize(start + length, 0);
    stream.read_exact(&mut bytes[start..])?;
    Ok(Some(bytes))
}

/// Where the body of a message begins.
pub fn body_of(message: &[u8]) -> usize {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n");
    end.unwrap() + 4
}

/// Whether a request is for a bundle.
pub fn asks_for_a_bundle(request: &[u8]) -> bool {
    request.starts_with(b"GET /v1/vaults/-/bundle")
}
