//! A certificate of the engine's own, for those who have none: clients know it by its fingerprint.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

use super::{files::TlsError, provider};

/// A certificate and its key, to be kept: with another one, every address that carries its
/// fingerprint is void.
pub struct SelfSigned {
    /// In PEM, the certificate and then the key.
    pub pem: Zeroizing<String>,
}

/// Makes one for all times.
///
/// # Panics
/// Where the system has no entropy.
pub fn self_signed() -> SelfSigned {
    let names = vec!["zms".to_owned()];
    let mut params = CertificateParams::new(names).expect("the name is a good one");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "zms");
    let key = KeyPair::generate().expect("the system has entropy");
    let certificate = params.self_signed(&key).expect("the key is its own");
    let secret = Zeroizing::new(key.serialize_pem());
    SelfSigned { pem: Zeroizing::new(format!("{}{}", certificate.pem(), *secret)) }
}

impl SelfSigned {
    pub(super) fn certified(&self) -> Result<CertifiedKey, TlsError> {
        let unreadable = |what| {
            move |source| TlsError::Unreadable { path: "the own certificate".into(), what, source }
        };
        let text = self.pem.as_bytes();
        let certificate =
            CertificateDer::from_pem_slice(text).map_err(unreadable("certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(text).map_err(unreadable("private key"))?;
        CertifiedKey::from_der(vec![certificate], key, &provider()).map_err(TlsError::Pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tls::Tls;

    #[test]
    fn one_that_is_kept_has_the_same_fingerprint_and_each_has_its_own() {
        let own = self_signed();
        let print = |own: &SelfSigned| Tls::from_own(own).expect("it is our own").fingerprint();
        assert_eq!(print(&own), print(&own));
        assert_ne!(print(&own), print(&self_signed()));
        let broken = SelfSigned { pem: Zeroizing::new(String::new()) };
        assert!(Tls::from_own(&broken).is_err());
    }
}
