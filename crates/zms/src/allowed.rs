//! `.env` files of the working folder that may name a token, once their very content was allowed.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;
use zms_crypto::{digest::sha256, parts::Parts};

use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, create_private},
};

/// The files looked at, the more personal one first.
const FILES: [&str; 2] = [".env.local", ".env"];

/// The only key that is ever read from them.
const KEY: &str = "ZMS_TOKEN";

/// Trusts a file as it is now: the path and every byte.
pub fn allow(home: &Home, path: &Path) -> Outcome<PathBuf> {
    let path = files::canonical(path)?;
    let text = files::read(&path)?;
    if token_in(&path, &text)?.is_none() {
        return Err(Failure::usage(format!("{} names no ZMS_TOKEN", path.display()))
            .hint("only the key ZMS_TOKEN is ever read from such a file"));
    }
    home.make()?;
    files::make_folder(&home.allowed())?;
    match create_private(&mark(home, &path, &text), &format!("{}\n", path.display())) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(crate::home::trouble(&error, "the consent can not be kept".to_owned()))
        }
        _ => Ok(path),
    }
}

/// The token that an allowed file of the working folder names.
pub fn token(home: &Home) -> Outcome<Option<(Zeroizing<String>, String)>> {
    let folder = environment::folder()?;
    for name in FILES {
        let path = folder.join(name);
        let Some(text) = files::read_found(&path)? else { continue };
        // A file that can not be understood may name a token all the same: passing over it would
        // run with other rights than it says.
        if !text.windows(KEY.len()).any(|window| window == KEY.as_bytes()) {
            continue;
        }
        let path = files::canonical(&path)?;
        let Some(token) = token_in(&path, &text)? else { continue };
        if !files::exists(&mark(home, &path, &text)) {
            return Err(Failure::new(
                Exit::Denied,
                format!("{} names a ZMS_TOKEN and is not allowed", path.display()),
            )
            .hint("look at the file; if it is yours, run `zms allow`, again after each change"));
        }
        return Ok(Some((token, path.display().to_string())));
    }
    Ok(None)
}

fn mark(home: &Home, path: &Path, text: &[u8]) -> PathBuf {
    let parts = Parts::tagged("zms/allowed").bytes(path.as_os_str().as_encoded_bytes());
    home.allowed().join(hex::encode(sha256(&[&parts.bytes(text).finish()])))
}

fn token_in(path: &Path, text: &[u8]) -> Outcome<Option<Zeroizing<String>>> {
    let entries = zms_format::parse_dotenv(text).map_err(|error| {
        let hint = error.hint();
        Failure::usage(format!("{}: {error}", path.display())).hint(hint)
    })?;
    let token = entries.into_iter().find(|entry| entry.name == KEY);
    // EXPOSE: the token is read to be used.
    let text = token.map(|entry| String::from_utf8(entry.value.expose().clone()));
    text.transpose()
        .map(|text| text.map(Zeroizing::new))
        .map_err(|_| Failure::new(Exit::Denied, format!("malformed token in {}", path.display())))
}
