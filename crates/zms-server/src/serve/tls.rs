//! TLS: certificates from files, read again when they change, or one that this engine made.

mod files;
mod self_signed;

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::CertificateDer,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use zms_crypto::digest::sha256;

pub use self::{
    files::TlsError,
    self_signed::{SelfSigned, self_signed},
};
use crate::names::Names;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// What TLS shakes hands with.
#[derive(Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    /// Certificate and key, where they are somebody else's to replace.
    files: Option<(PathBuf, PathBuf)>,
    names: Names,
}

/// The certificate that is used now.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl Tls {
    /// From PEM files: a certificate with its chain, for every name of the engine, and its key.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn from_files(
        certificate: PathBuf,
        key: PathBuf,
        names: Names,
        now: u64,
    ) -> Result<Self, TlsError> {
        let current = files::load(&certificate, &key, &names, now)?;
        Ok(Self::with(current, Some((certificate, key)), names))
    }

    /// From one that this engine made. Clients know it by its fingerprint, so its names and times
    /// say nothing.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn from_own(own: &SelfSigned) -> Result<Self, TlsError> {
        Ok(Self::with(own.certified()?, None, Names::default()))
    }

    fn with(current: CertifiedKey, files: Option<(PathBuf, PathBuf)>, names: Names) -> Self {
        let current = Arc::new(Current(RwLock::new(Arc::new(current))));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has what TLS 1.2 and 1.3 need")
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Current>::clone(&current));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { config: Arc::new(config), current, files, names }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` shows it.
    pub fn fingerprint(&self) -> [u8; 32] {
        let current = self.current.0.read().unwrap_or_else(PoisonError::into_inner);
        sha256(&[current.cert.first().map_or(&[][..], CertificateDer::as_ref)])
    }

    /// Whether it is one that clients know by its fingerprint alone.
    pub const fn is_own(&self) -> bool {
        self.files.is_none()
    }

    /// Takes what is put into the files' place, once it is good; until then the old one stays.
    pub async fn follow(&self, clock: fn() -> u64, stop: CancellationToken) {
        let Some((certificate, key)) = &self.files else { return };
        let look = || files::stamp(certificate, key);
        let mut seen = look();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let found = look();
            if found == seen {
                continue;
            }
            match files::load(certificate, key, &self.names, clock()) {
                Ok(new) => {
                    *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                    tracing::info!("the certificate was read again");
                }
                Err(error) => {
                    let why = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(%error, why, "the old certificate stays");
                }
            }
            seen = found;
        }
    }
}
