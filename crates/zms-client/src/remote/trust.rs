//! Which certificate is an engine's: one that the system trusts for its name, or the very one whose
//! fingerprint the address carries.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use zms_core::address::Wire;
use zms_crypto::digest::sha256;

/// How TLS is spoken; `None` where it is not.
pub(super) fn config(wire: Wire) -> Option<Arc<ClientConfig>> {
    let provider = Arc::new(ring::default_provider());
    let builder = |provider| {
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for every version")
    };
    let config = match wire {
        Wire::Clear => return None,
        Wire::Tls => {
            let mut roots = RootCertStore::empty();
            // Where none can be read no certificate verifies, and that is what is then said.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            builder(provider).with_root_certificates(roots)
        }
        Wire::Pinned(fingerprint) => {
            let verifier = Pinned { fingerprint, provider: provider.clone() };
            builder(provider).dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    Some(Arc::new(config.with_no_client_auth()))
}

/// Takes one certificate, whoever issued it, for whatever name and time: the fingerprint says all.
/// That the other end has its key is verified as ever.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if sha256(&[end_entity]) == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
