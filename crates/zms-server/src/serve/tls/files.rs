//! A certificate and its key in PEM files.
#![expect(clippy::disallowed_methods, reason = "this file reads the certificate's files")]

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    CertificateError, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    sign::CertifiedKey,
};

use super::provider;
use crate::names::Names;

/// Why a certificate is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file can not be read as what it is to be.
    #[error("{} holds no {what} that can be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// A certificate, or a key.
        what: &'static str,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// Others may read the key.
    #[error("{} can be read by everybody", .0.display())]
    OpenKey(PathBuf),
    /// The key is not the certificate's, or none that TLS can use.
    #[error("the key is not that of the certificate")]
    Pair(#[source] rustls::Error),
    /// It is for another time or another name.
    #[error("the certificate is not good for {name}")]
    Unfit {
        /// A name of the engine.
        name: String,
        /// Why.
        source: rustls::Error,
    },
}

/// What changes when a file is put in another's place.
pub(super) fn stamp(certificate: &Path, key: &Path) -> [Option<(u64, i64, i64, u64)>; 2] {
    [certificate, key].map(|path| {
        let found = fs::metadata(path).ok()?;
        Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len()))
    })
}

/// Reads both, and refuses what clients would.
pub(super) fn load(
    certificate: &Path,
    key: &Path,
    names: &Names,
    now: u64,
) -> Result<CertifiedKey, TlsError> {
    let unreadable = |path: &Path, what| {
        let path = path.to_owned();
        move |source| TlsError::Unreadable { path, what, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|chain| match chain.is_empty() {
            true => Err(rustls::pki_types::pem::Error::NoItemsFound),
            false => Ok(chain),
        })
        .map_err(unreadable(certificate, "certificate"))?;
    if fs::metadata(key).is_ok_and(|found| found.mode() & 0o007 != 0) {
        return Err(TlsError::OpenKey(key.to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key, "private key"))?;
    let pair = CertifiedKey::from_der(chain, secret, &provider()).map_err(TlsError::Pair)?;
    for name in names.iter() {
        check(&pair.cert, name, now)
            .map_err(|source| TlsError::Unfit { name: name.to_owned(), source })?;
    }
    Ok(pair)
}

/// Whether a chain is good for a name now, whoever issued it: that is for clients to judge.
fn check(chain: &[CertificateDer<'_>], name: &str, now: u64) -> Result<(), rustls::Error> {
    let [leaf, between @ ..] = chain else { return Ok(()) };
    let host = host(name);
    let Ok(server) = ServerName::try_from(host) else { return Ok(()) };
    let mut roots = RootCertStore::empty();
    if roots.add(chain.last().unwrap_or(leaf).clone().into_owned()).is_err() {
        return Err(CertificateError::BadEncoding.into());
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    let verifier = verifier.map_err(|error| rustls::Error::General(error.to_string()))?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    match verifier.verify_server_cert(leaf, between, &server, &[], now) {
        // A certificate without its chain: whether that is good, only its clients know.
        Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Ok(()),
        verified => verified.map(|_| ()),
    }
}

/// The host of an authority.
fn host(name: &str) -> String {
    let end = name.rfind(']').unwrap_or(0);
    let host = name[end..].split_once(':').map_or(name, |(before, _)| &name[..end + before.len()]);
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use tempfile::TempDir;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    struct Files(TempDir);

    impl Files {
        fn new() -> Self {
            Self(TempDir::new().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
            let path = self.path(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        }

        /// A certificate for a name, good from one year to another, and its key.
        fn pair(&self, host: &str, years: (i32, i32)) -> (PathBuf, PathBuf) {
            let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
            params.not_before = date_time_ymd(years.0, 1, 1);
            params.not_after = date_time_ymd(years.1, 1, 1);
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            let certificate = self.write("cert.pem", &certificate.pem(), 0o644);
            (certificate, self.write("key.pem", &key.serialize_pem(), 0o600))
        }
    }

    fn loaded(pair: &(PathBuf, PathBuf)) -> Result<CertifiedKey, TlsError> {
        load(&pair.0, &pair.1, &Names::new(["zms.test:3030".to_owned()]), NOW)
    }

    #[test]
    fn a_good_certificate_is_taken_and_others_are_refused() {
        let files = Files::new();
        assert!(loaded(&files.pair("zms.test", (2020, 2040))).is_ok());
        for (host, years) in
            [("zms.test", (2020, 2021)), ("zms.test", (2039, 2040)), ("other.test", (2020, 2040))]
        {
            let refused = loaded(&files.pair(host, years));
            assert!(matches!(refused, Err(TlsError::Unfit { .. })), "{host} {years:?}");
        }
        let (certificate, key) = files.pair("zms.test", (2020, 2040));
        let other = files.write("other.pem", &KeyPair::generate().unwrap().serialize_pem(), 0o600);
        assert!(matches!(loaded(&(certificate.clone(), other)), Err(TlsError::Pair(_))));
        let empty = files.write("empty.pem", "", 0o600);
        for pair in [
            (empty.clone(), key.clone()),
            (certificate.clone(), empty),
            (files.path("none"), key.clone()),
        ] {
            assert!(matches!(loaded(&pair), Err(TlsError::Unreadable { .. })));
        }
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(loaded(&(certificate, key)), Err(TlsError::OpenKey(_))));
    }

    #[test]
    fn a_name_is_a_host_without_its_port() {
        for (name, expected) in [
            ("zms.test:1", "zms.test"),
            ("zms.test", "zms.test"),
            ("[::1]:1", "::1"),
            ("[::1]", "::1"),
        ] {
            assert_eq!(host(name), expected);
        }
    }
}
