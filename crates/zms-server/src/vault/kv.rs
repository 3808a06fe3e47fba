//! KV version 2: which path a request means, and what it wants there.

use axum::http::{Method, StatusCode};
use zms_core::path::{ScopePath, Segment};

use super::{
    Acting, config, data,
    envelope::{self, Beside},
    metadata, mounts, no_handler, subkeys, versions,
};
use crate::gateway::{Answer, Refusal};

/// The mount that is the whole vault.
pub(super) const WHOLE: &str = "secret";

/// What a request names.
pub(super) struct Target {
    /// The scope of the mount: the root for [`WHOLE`].
    pub(super) mount: ScopePath,
    /// The scope that the path is.
    pub(super) path: ScopePath,
}

impl Target {
    fn parse(mount: &str, rest: &[&str]) -> Result<Self, Refusal> {
        let mount = mount_path(mount)?;
        let rest = rest.iter().map(|segment| Segment::parse(segment));
        let rest = rest.collect::<Result<Vec<_>, _>>()?;
        let path = ScopePath::new([mount.segments(), &rest].concat())?;
        Ok(Self { mount, path })
    }

    /// Where nothing is, not even the mount: that is told apart, as Vault does.
    fn told(&self, refusal: Refusal, acting: &Acting<'_>) -> Refusal {
        match refusal {
            Refusal::Missing(Some(path)) if path.is_prefix_of(&self.mount) => {
                no_handler(acting.call)
            }
            refusal => refusal,
        }
    }
}

/// The scope of a mount.
pub(super) fn mount_path(mount: &str) -> Result<ScopePath, Refusal> {
    Ok(if mount == WHOLE { ScopePath::default() } else { ScopePath::parse(mount)? })
}

/// Answers below a mount.
pub(super) fn respond(acting: &mut Acting<'_>, words: &[&str]) -> Result<Answer, Refusal> {
    let [mount, verb, rest @ ..] = words else { return invalid(acting, words) };
    let target = Target::parse(mount, rest)?;
    let answered = verbs(acting, &target, verb, rest, words);
    answered.map_err(|refusal| target.told(refusal, acting))
}

fn verbs(
    acting: &mut Acting<'_>,
    target: &Target,
    verb: &str,
    rest: &[&str],
    words: &[&str],
) -> Result<Answer, Refusal> {
    let call = acting.call;
    if !["GET", "POST", "PUT", "PATCH", "DELETE", "LIST"].contains(&call.method.as_str()) {
        return Err(Refusal::unsupported());
    }
    match (verb, call.lists()?) {
        ("metadata", true) => return metadata::list(acting, target),
        ("config", false) if rest.is_empty() => return config::respond(acting, target),
        ("data" | "subkeys" | "delete" | "undelete" | "destroy", true) => {
            return Err(Refusal::unsupported());
        }
        ("data" | "metadata" | "subkeys" | "delete" | "undelete" | "destroy", false) => {}
        _ => return invalid(acting, words),
    }
    if rest.is_empty() && !call.trailing {
        let warning = "Non-listing operations on the root of a K/V v2 mount are not supported.";
        return Ok(nothing(acting, warning));
    }
    if call.trailing {
        let written = call.method == Method::GET || call.method == Method::DELETE;
        return Err(match written {
            true => Refusal::Missing(None),
            false => Refusal::bad("cannot write to a path ending in '/'"),
        });
    }
    match (verb, &call.method) {
        ("data", &Method::GET) => data::get(acting, target),
        ("data", &Method::PATCH) => data::patch(acting, target),
        ("data", &Method::DELETE) => versions::delete_newest(acting, target),
        ("data", _) if call.puts() => data::put(acting, target),
        ("metadata", &Method::GET) => metadata::get(acting, target),
        ("metadata", &Method::PATCH) => metadata::patch(acting, target),
        ("metadata", &Method::DELETE) => metadata::forget(acting, target),
        ("metadata", _) if call.puts() => metadata::put(acting, target),
        ("subkeys", &Method::GET) => subkeys::get(acting, target),
        ("delete", _) if call.puts() => versions::delete(acting, target),
        ("undelete", _) if call.puts() => versions::undelete(acting, target),
        ("destroy", _) if call.puts() => versions::destroy(acting, target),
        _ => Err(Refusal::unsupported()),
    }
}

fn nothing(acting: &Acting<'_>, warning: &str) -> Answer {
    let beside = Beside { warnings: &[warning], auth: None };
    envelope::raw(acting.call, StatusCode::NOT_FOUND, b"null", beside)
}

/// A path as version 1 of KV has them: who sends one needs these words.
fn invalid(acting: &mut Acting<'_>, words: &[&str]) -> Result<Answer, Refusal> {
    let mount = words.first().copied().unwrap_or_default();
    if !mounts::reaches(acting, mount)? {
        return Err(no_handler(acting.call));
    }
    let command = match acting.call.method.as_str() {
        "LIST" => "list",
        "PATCH" => "patch",
        "DELETE" => "delete",
        "POST" | "PUT" => "put",
        _ => "get",
    };
    Ok(nothing(
        acting,
        &format!(
            "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate \
             API endpoints to use. If using the OpenBao CLI, use 'bao kv {command}' for this \
             operation."
        ),
    ))
}
