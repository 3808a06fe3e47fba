//! TLS to the database, verified against the system's authorities or those of a file.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use rustls_native_certs::load_certs_from_paths;
use tokio_postgres_rustls::MakeRustlsConnect;
use zms_core::bundle::{Trouble, TroubleClass};

/// What makes connections safe. Where the address asks for no TLS, it is never used.
pub(crate) fn connector(authorities: Option<&Path>) -> Result<MakeRustlsConnect, Trouble> {
    let mut roots = RootCertStore::empty();
    let unusable = |why: String| Trouble::new(TroubleClass::Other, why);
    match authorities {
        None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
        Some(path) => {
            let found: Vec<CertificateDer<'_>> = load_certs_from_paths(Some(path), None).certs;
            if found.is_empty() {
                return Err(unusable(format!("no certificate can be read in {}", path.display())));
            }
            roots.add_parsable_certificates(found)
        }
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
