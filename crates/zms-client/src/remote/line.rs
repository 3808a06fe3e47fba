//! The way to an engine: a unix socket or TCP, and TLS on top where the address asks for it.
//!
//! What is sent is sealed and signed whatever lies below. TLS keeps strangers from seeing who asks
//! when, and from standing in the way unnoticed.

use std::{
    fmt,
    io::{self, Read, Write},
    net::SocketAddr,
    os::unix::net::UnixStream,
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use ureq::{
    Agent, Error,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{
            Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, TcpConnector,
            Transport, TransportAdapter,
        },
    },
};
use zms_core::address::{Address, Wire};

/// An agent that speaks to one engine.
pub(super) fn agent(address: &Address, config: Config) -> Agent {
    let (socket, wire) = match address {
        Address::Unix(path) => (Some(path.clone()), Wire::Clear),
        Address::Net { wire, .. } => (None, *wire),
    };
    let resolver = Names { none: socket.is_some(), system: DefaultResolver::default() };
    let tls = Tls { config: super::trust::config(wire) };
    let connector = ().chain(Socket { path: socket }).chain(TcpConnector::default()).chain(tls);
    Agent::with_parts(config, connector, resolver)
}

/// Looks up names: none that is an address already, and none for a socket of this machine.
#[derive(Debug)]
struct Names {
    none: bool,
    system: DefaultResolver,
}

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let (scheme, authority) = uri.scheme().zip(uri.authority()).ok_or(Error::HostNotFound)?;
        let named = DefaultResolver::host_and_port(scheme, authority).ok_or(Error::HostNotFound)?;
        let known = match self.none {
            true => Some(SocketAddr::from(([0; 4], 0))),
            false => named.parse().ok(),
        };
        let Some(address) = known else { return self.system.resolve(uri, config, timeout) };
        let mut found = self.empty();
        found.push(address);
        Ok(found)
    }
}

/// Connects to a unix socket, where one is named.
#[derive(Debug)]
struct Socket {
    path: Option<String>,
}

impl<In: Transport> Connector<In> for Socket {
    type Out = Either<In, UnixTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(path) = &self.path else { return Ok(chained.map(Either::A)) };
        let stream = UnixStream::connect(path)?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Either::B(UnixTransport { stream, buffers })))
    }
}

/// A unix socket as ureq wants one.
#[derive(Debug)]
struct UnixTransport {
    stream: UnixStream,
    buffers: LazyBuffers,
}

fn most(timeout: &NextTimeout) -> Option<Duration> {
    let never = timeout.after.is_not_happening();
    (!never).then(|| (*timeout.after).max(Duration::from_millis(1)))
}

/// A read or write that took too long, by its reason.
fn told(error: io::Error, timeout: &NextTimeout) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(error),
    }
}

impl Transport for UnixTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.set_write_timeout(most(&timeout))?;
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output).map_err(|error| told(error, &timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.set_read_timeout(most(&timeout))?;
        let input = self.buffers.input_append_buf();
        let read = loop {
            match self.stream.read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(|error| told(error, &timeout))?,
            }
        };
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        // A peer that is gone makes the socket readable; one that is there has nothing to say.
        let mut ready = [rustix::event::PollFd::new(&self.stream, rustix::event::PollFlags::IN)];
        let none = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(rustix::event::poll(&mut ready, Some(&none)), Ok(0))
    }
}

/// Speaks TLS over what is connected, where the address asks for it.
struct Tls {
    config: Option<Arc<ClientConfig>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl<In: Transport> Connector<In> for Tls {
    type Out = Either<In, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let below = chained.ok_or(Error::ConnectionFailed)?;
        let Some(config) = &self.config else { return Ok(Some(Either::A(below))) };
        let host = details.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| Error::HostNotFound)?;
        let mut tls = ClientConnection::new(config.clone(), name)?;
        let mut below = TransportAdapter::new(below.boxed(), details.current_time.clone());
        below.set_timeout(details.timeout);
        while tls.is_handshaking() {
            tls.complete_io(&mut below)?;
        }
        let sizes = details.config;
        let buffers = LazyBuffers::new(sizes.input_buffer_size(), sizes.output_buffer_size());
        let stream = StreamOwned::new(tls, below);
        Ok(Some(Either::B(TlsTransport { stream, buffers })))
    }
}

/// A TLS connection as ureq wants one.
struct TlsTransport {
    stream: StreamOwned<ClientConnection, TransportAdapter>,
    buffers: LazyBuffers,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTransport").finish_non_exhaustive()
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        self.stream.write_all(&self.buffers.output()[..amount])?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        // A connection that ends without TLS's own word for it was cut: that is an error here.
        let read = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
