//! `config`: what holds for every path of a mount that says nothing itself.

use axum::http::{Method, StatusCode};
use serde_json::json;
use zms_client::After;
use zms_core::about::About;

use super::{Acting, body, duration, envelope, kv::Target, metadata::Said};
use crate::gateway::{Answer, Refusal};

/// `GET config` and `POST config`.
pub(super) fn respond(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    let whole = target.mount.segments().is_empty();
    if acting.call.method == Method::GET {
        let about = match whole {
            true => {
                acting.session.own()?;
                About::default()
            }
            false => acting.session.whole(&target.mount, &target.mount)?.about,
        };
        let found = json!({
            "cas_required": about.cas_required,
            "delete_version_after": duration::write(about.delete_after),
            "max_versions": about.max_versions,
        });
        return Ok(envelope::data(acting.call, &found));
    }
    if !acting.call.puts() {
        return Err(Refusal::unsupported());
    }
    let said = Said::read(&body::members(acting.call)?, false)?;
    if whole {
        acting.session.own()?;
        return match said.is_usual() {
            true => Ok(Answer::empty(StatusCode::NO_CONTENT)),
            false => Err(Refusal::bad(
                "secret/ is the whole vault, which has no settings of its own: set them on a path \
                 (metadata), or on another mount",
            )),
        };
    }
    acting.session.rewrite(&target.mount, &target.mount, |before| {
        if !before.exists {
            return Err(Refusal::Missing(Some(target.mount.clone())).into());
        }
        let mut about = before.quietly();
        said.apply(&mut about, true)?;
        Ok((Some(After { secrets: None, about: Some(about) }), ()))
    })?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
