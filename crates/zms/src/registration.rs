//! The secret that allows to make a vault at a server: a registration secret, or the setup code that
//! it printed once.

use std::path::PathBuf;

use zeroize::Zeroizing;
use zms_core::address::Address;

use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    home::read_private,
    prompt,
};

/// Finds it: a file that is named, a variable, or whoever sits at the terminal. Never in the
/// arguments, where others could read it.
pub fn secret(file: Option<&PathBuf>, address: &Address) -> Outcome<Zeroizing<String>> {
    let text = match (file, environment::raw("ZMS_REGISTRATION")) {
        (Some(path), _) => read_private(path, Exit::Other)?.ok_or_else(|| {
            Failure::not_found(format!("{} does not exist", path.display()))
                .hint("--registration-file must name a file that holds the secret")
        })?,
        (None, Some(text)) => Zeroizing::new(text.into_string().unwrap_or_default()),
        (None, None) if prompt::possible() => {
            prompt::hidden(&format!("Registration secret or setup code of {address}: "))?
        }
        (None, None) => {
            return Err(Failure::new(
                Exit::Locked,
                format!("to make a vault at {address} its registration secret is needed"),
            )
            .hint(
                "set ZMS_REGISTRATION, or name a file with --registration-file: the setup code that \
                 `zms start` printed, or the secret that it was given",
            ));
        }
    };
    let line = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
    if line.is_empty() {
        return Err(Failure::new(Exit::Locked, "the registration secret is empty"));
    }
    Ok(line)
}
