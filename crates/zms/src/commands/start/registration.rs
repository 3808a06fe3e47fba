//! Who may make vaults on the server.

use std::path::Path;

use zeroize::Zeroizing;
use zms_core::engine::register_key;
use zms_server::{Once, Register, vaults::Vaults};

use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    home::{read_credential, read_private},
    session::unopened,
};

/// Fewest characters of a secret: it is tried against what was seen on the wire.
const FEWEST: usize = 20;

/// The registration secret: from a file, a variable, or systemd's credentials.
fn secret(file: Option<&Path>) -> Outcome<Option<Zeroizing<String>>> {
    let text = if let Some(path) = file {
        let missing = || Failure::not_found(format!("{} does not exist", path.display()));
        Some(read_private(path, Exit::Other)?.ok_or_else(missing)?)
    } else if let Some(text) = environment::text("ZMS_REGISTRATION")? {
        Some(Zeroizing::new(text))
    } else {
        match environment::credential("zms-registration") {
            Some(path) => read_credential(&path, Exit::Other)?,
            None => None,
        }
    };
    let Some(text) = text else { return Ok(None) };
    let line = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
    if line.chars().count() < FEWEST {
        let why = format!("the registration secret has less than {FEWEST} characters");
        return Err(Failure::usage(why).hint("make one with `zms generate hex:32`"));
    }
    Ok(Some(line))
}

/// Who may, and the code that is to be shown where nobody could otherwise.
pub fn register(
    file: Option<&Path>,
    vaults: &dyn Vaults,
) -> Outcome<(Register, Option<Zeroizing<String>>)> {
    if let Some(secret) = secret(file)? {
        return Ok((Register::Secret(register_key(&secret)), None));
    }
    if !vaults.is_empty().map_err(unopened)? {
        return Ok((Register::Nobody, None));
    }
    let code = code();
    let key = register_key(&code);
    Ok((Register::Once(Once::new(key)), Some(code)))
}

/// 128 random bits, in groups that can be read out.
fn code() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; 16]);
    environment::entropy().fill_bytes(&mut *bytes);
    let groups: Vec<Zeroizing<String>> =
        bytes.chunks(4).map(|group| Zeroizing::new(hex::encode(group))).collect();
    let groups: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
    Zeroizing::new(groups.join("-"))
}
