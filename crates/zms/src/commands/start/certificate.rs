//! What TLS is spoken with.

use std::{error::Error, path::Path};

use zeroize::Zeroizing;
use zms_server::{
    Names,
    serve::tls::{SelfSigned, Tls, TlsError, self_signed},
};

use super::Args;
use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    home::{create_private, read_private, trouble},
};

/// Reads or makes a certificate, where TLS is asked for. One that is made lies in `folder`.
pub fn tls(args: &Args, folder: &Path, names: &Names) -> Outcome<Option<Tls>> {
    if let Some((certificate, key)) = args.tls_cert.clone().zip(args.tls_key.clone()) {
        let tls = Tls::from_files(certificate, key, names.clone(), environment::now());
        return tls.map(Some).map_err(|error| refused(&error));
    }
    if !args.tls_self_signed {
        return Ok(None);
    }
    let path = folder.join("zms.tls.pem");
    let own = match read_private(&path, Exit::Other)? {
        Some(pem) => SelfSigned { pem: Zeroizing::new((*pem).clone()) },
        None => {
            let own = self_signed();
            create_private(&path, &own.pem)
                .map_err(|error| trouble(&error, format!("{} can not be made", path.display())))?;
            own
        }
    };
    let tls = Tls::from_own(&own).map_err(|error| {
        let why = format!("{} holds no certificate and key of this server", path.display());
        Failure::other(format!("{why}: {error}")).hint(
            "put it back from a copy; with a new one, every address with its fingerprint is void",
        )
    })?;
    Ok(Some(tls))
}

fn refused(error: &TlsError) -> Failure {
    let why = error.source().map(|why| format!(" ({why})")).unwrap_or_default();
    let failure = Failure::other(format!("{error}{why}"));
    match error {
        TlsError::OpenKey(path) => failure.hint(format!("chmod 600 {}", path.display())),
        TlsError::Unfit { .. } => {
            failure.hint("renew the certificate, for every --name of this server")
        }
        _ => failure.hint("--tls-cert and --tls-key name PEM files that belong together"),
    }
}
