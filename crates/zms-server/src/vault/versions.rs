//! `delete`, `undelete` and `destroy`: marks on versions, signed like any change.

use axum::http::StatusCode;
use zms_client::{After, Before, SessionError};
use zms_core::{about::Mark, record::Payload};

use super::{Acting, body, kv::Target};
use crate::gateway::{Answer, Refusal};

/// `DELETE data/PATH`.
pub(super) fn delete_newest(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    mark(acting, target, None, delete_one)
}

/// `PUT delete/PATH`.
pub(super) fn delete(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    let numbers = numbers(acting, "No version number provided")?;
    mark(acting, target, Some(&numbers), delete_one)
}

fn delete_one(before: &Before<'_>, number: u64) -> Option<Mark> {
    (!before.about.hides(number, before.now)).then_some(Mark::Deleted(before.now))
}

/// `PUT destroy/PATH`.
pub(super) fn destroy(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    let numbers = numbers(acting, "no version number provided")?;
    mark(acting, target, Some(&numbers), |before, number| {
        (before.about.marks.get(&number) != Some(&Mark::Destroyed)).then_some(Mark::Destroyed)
    })
}

fn numbers(acting: &Acting<'_>, none: &str) -> Result<Vec<u64>, Refusal> {
    let numbers = body::versions(acting.call)?;
    if numbers.is_empty() { Err(Refusal::bad(none)) } else { Ok(numbers) }
}

/// Marks versions, those that are there; the newest is gone from what lives, too.
fn mark(
    acting: &mut Acting<'_>,
    target: &Target,
    numbers: Option<&[u64]>,
    kind: impl Fn(&Before<'_>, u64) -> Option<Mark>,
) -> Result<Answer, Refusal> {
    acting.session.rewrite(&target.path, &target.mount, |before| {
        let Some(newest) = before.newest else { return Ok((None, ())) };
        let mut about = before.quietly();
        let mut marked = false;
        let mut secrets = None;
        for number in named(before, numbers)? {
            let Some(mark) = kind(before, number) else { continue };
            about.marks.insert(number, mark);
            marked = true;
            if number == newest.number {
                secrets = Some(Vec::new());
            }
        }
        Ok((marked.then_some(After { secrets, about: Some(about) }), ()))
    })?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// The versions that are named and there; the newest where none are named.
fn named(before: &Before<'_>, numbers: Option<&[u64]>) -> Result<Vec<u64>, SessionError> {
    let Some(numbers) = numbers else { return Ok(vec![before.number()]) };
    if numbers == [before.number()] {
        return Ok(numbers.to_vec());
    }
    let versions = before.versions()?;
    let there = |number: &&u64| versions.iter().any(|version| version.number == **number);
    Ok(numbers.iter().filter(there).copied().collect())
}

/// `PUT undelete/PATH`.
pub(super) fn undelete(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    let numbers = numbers(acting, "No version number provided")?;
    acting.session.rewrite(&target.path, &target.mount, |before| {
        let Some(newest) = before.newest else { return Ok((None, ())) };
        let mut about = before.quietly();
        let (mut taken, mut secrets) = (false, None);
        for number in named(before, Some(&numbers))? {
            let Some(Mark::Deleted(at)) = about.marks.get(&number).copied() else { continue };
            about.marks.remove(&number);
            taken = true;
            if number == newest.number {
                let held = before.held_at(number)?.into_iter();
                // What ended with its version goes on.
                let lasting = |held: Payload| Payload {
                    expires_at: held.expires_at.filter(|end| *end != at),
                    ..held
                };
                secrets = Some(held.map(lasting).collect());
            }
        }
        Ok((taken.then_some(After { secrets, about: Some(about) }), ()))
    })?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
