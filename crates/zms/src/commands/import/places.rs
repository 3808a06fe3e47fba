//! Which environment and service a file of a folder belongs to, by its name and its folder's.

use std::path::Path;

use zms_core::path::Segment;

use crate::{
    exit::{Failure, Outcome},
    place::new_name,
    settings::PRODUCTION,
};

/// Ends of names of files that hold no secrets, or hold keys of another tool.
const NO_SECRETS: [&str; 10] =
    ["example", "sample", "template", "dist", "defaults", "schema", "keys", "vault", "d", "json"];
/// Ends of names that editors and people give to older copies.
const OLDER: [&str; 7] = ["bak", "backup", "old", "orig", "save", "swp", "tmp"];
/// Environments by the short names that people give them.
const SHORT: [(&str, &str); 4] =
    [("dev", "development"), ("local", ""), ("stage", "staging"), ("prod", PRODUCTION)];

/// What a file's name says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// It is none of those that are looked for.
    Other,
    /// It is left out, and why.
    LeftOut(&'static str),
    /// It belongs to an environment: that which is acted in, or one that it names.
    Env {
        /// The environment that it names.
        environment: Option<String>,
        /// Whether it is for this machine, and stands over the one for all.
        local: bool,
    },
}

/// Reads `.env`, `.env.local`, `.env.NAME` and `.env.NAME.local`.
pub(super) fn named(file_name: &str) -> Named {
    let Some(rest) = file_name.strip_prefix(".env") else { return Named::Other };
    if rest.is_empty() {
        return Named::Env { environment: None, local: false };
    }
    let Some(rest) = rest.strip_prefix('.') else { return Named::Other };
    let last = rest.rsplit('.').next().unwrap_or(rest);
    if NO_SECRETS.contains(&last) {
        return Named::LeftOut("it is no file of secrets by its name");
    }
    if OLDER.contains(&last) || rest.ends_with('~') {
        return Named::LeftOut("it is an older copy by its name");
    }
    let (name, local) = match rest.strip_suffix(".local") {
        Some(name) => (name, true),
        None => (rest, rest == "local"),
    };
    let short = SHORT.iter().find(|(short, _)| *short == name).map(|(_, long)| *long);
    let environment = short.unwrap_or(name);
    let environment = Some(environment.to_owned()).filter(|name| !name.is_empty());
    Named::Env { environment, local }
}

/// The service of a folder below the one that is imported: called as the folder is.
pub(super) fn service(folder: &Path) -> Outcome<Option<Segment>> {
    let Some(name) = folder.file_name() else { return Ok(None) };
    let name = name.to_string_lossy().to_lowercase();
    new_name("service", &name).map(Some).map_err(|failure| Failure {
        hint: Some(format!(
            "import its files one by one: `zms import {}/.env -s NAME`",
            folder.display()
        )),
        ..failure
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_environments() {
        let env = |name: &str, local| {
            let environment = Some(name.to_owned()).filter(|name| !name.is_empty());
            Named::Env { environment, local }
        };
        for (name, expected) in [
            (".env", env("", false)),
            (".env.local", env("", true)),
            (".env.staging", env("staging", false)),
            (".env.staging.local", env("staging", true)),
            (".env.prod", env("production", false)),
            (".env.dev.local", env("development", true)),
            (".env.eu.west", env("eu.west", false)),
        ] {
            assert_eq!(named(name), expected, "{name}");
        }
        for other in ["env", ".environment", ".envrc", "a.env", ".env-staging"] {
            assert_eq!(named(other), Named::Other, "{other}");
        }
        for left in [".env.example", ".env.staging.sample", ".env.keys", ".env.bak", ".env.a~"] {
            assert!(matches!(named(left), Named::LeftOut(_)), "{left}");
        }
    }

    #[test]
    fn a_service_is_called_as_its_folder() {
        assert_eq!(service(Path::new("")).unwrap(), None);
        let api = service(Path::new("services/Api")).unwrap().unwrap();
        assert_eq!(api.as_str(), "api");
        let refused = service(Path::new("services/my api")).unwrap_err();
        assert!(refused.hint.unwrap().contains("zms import services/my api/.env -s NAME"));
    }
}
