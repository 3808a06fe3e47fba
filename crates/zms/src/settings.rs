//! `zms.toml`: where a folder's commands act, and which secrets its program needs. It is
//! committed, holds no secret, and names neither a server nor a command nor `production`.

mod kind;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

pub use self::kind::Kind;
use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    files,
};

/// The file's name.
pub const FILE: &str = "zms.toml";
/// The environment that no file may choose.
pub const PRODUCTION: &str = "production";

/// What the file says.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Project to act in.
    pub project: Option<String>,
    /// Environment to act in.
    pub environment: Option<String>,
    /// Service to act in.
    pub service: Option<String>,
    /// What the program needs.
    #[serde(default)]
    pub secrets: BTreeMap<String, Declared>,
}

/// What the file says of one secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Whether the program can not do without it.
    #[serde(default)]
    pub required: bool,
    /// What its value looks like.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What it is for.
    description: Option<String>,
    /// What a value may look like.
    example: Option<String>,
}

impl Declared {
    /// What it is for and may look like, for who is to set it.
    pub fn explained(&self) -> String {
        let example = self.example.as_ref().map(|example| format!("for example {example}"));
        let parts: Vec<_> = [self.description.clone(), example].into_iter().flatten().collect();
        parts.join("; ")
    }
}

/// The nearest `zms.toml`, in the working folder or above it.
pub fn find() -> Outcome<Option<(PathBuf, Settings)>> {
    let folder = environment::folder()?;
    for folder in folder.ancestors() {
        let path = folder.join(FILE);
        if let Some((bytes, trusted)) = files::read_trusted(&path)? {
            // It says where secrets are written: somebody else must not.
            if !trusted {
                return Err(Failure::new(
                    Exit::Denied,
                    format!("{} belongs to somebody else, or others can write it", path.display()),
                )
                .hint("make it yours alone, or name the place: `-p NAME -e NAME`"));
            }
            let settings = parse(&path, &bytes)?;
            return Ok(Some((path, settings)));
        }
    }
    Ok(None)
}

fn parse(path: &Path, bytes: &[u8]) -> Outcome<Settings> {
    let wrong = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8 text".to_owned()))?;
    let settings: Settings =
        toml::from_str(text).map_err(|error| wrong(error.message().to_owned()))?;
    for (name, declared) in &settings.secrets {
        if let Some(kind) = declared.kind.as_deref().filter(|kind| !kind::known(kind)) {
            return Err(wrong(format!("secret {name} has the unknown type {kind:?}")));
        }
    }
    if settings.environment.as_deref() == Some(PRODUCTION) {
        return Err(wrong("a file may not choose production".to_owned())
            .hint("name it where you mean it: `-e production`, ZMS_ENV, or a token for it"));
    }
    Ok(settings)
}
