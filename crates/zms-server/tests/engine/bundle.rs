//! Bundles: what is shown to whom, and what of it is noted.

use axum::http::{StatusCode, header};
use zms_core::{
    audit::Action,
    bundle::Bundle,
    engine::path::{self, Named},
    open::Opening,
    pin::Pins,
};
use zms_store::contract::vault::{NOW, put, remove};

use crate::{asked::World, audit::read};

async fn written() -> World {
    let mut world = World::made().await;
    let batch = world.vault.write(&world.twin, "shop/production", &[put("A", b"one")]);
    world.commits(&batch, Action::Write).await;
    world
}

#[tokio::test]
async fn a_bundle_opens_and_its_read_is_noted() {
    let mut world = written().await;
    let token = world.token("deploy").await;
    let before = read(&world).await.len();
    let answer = world.bundle(&token, "").await;
    let packed = answer.packed();
    let pins = Pins::default();
    Opening::begin(&token, &packed, &pins, NOW).expect("the token opens it");
    let noted = read(&world).await.split_off(before);
    let scopes: Vec<_> =
        packed.reads().map(|(scope, revision, _)| (Some(scope), revision)).collect();
    // `shop`, `shop/production` and `shop/production/api`.
    assert_eq!(scopes.len(), 3);
    let read: Vec<_> = noted.iter().map(|it| (it.event.scope, it.event.revision)).collect();
    assert_eq!(read, scopes);
    assert!(noted.iter().all(|it| it.event.principal == token.id() && it.event.time == NOW));
    assert!(noted.iter().all(|it| it.event.action == Action::Read));
}

#[tokio::test]
async fn what_is_unchanged_is_not_sent_again_and_noted_all_the_same() {
    let mut world = written().await;
    let token = world.token("deploy").await;
    let first = world.bundle(&token, "of=own").await;
    let etag = first.headers[header::ETAG].to_str().unwrap().to_owned();
    let before = read(&world).await.len();
    let target = format!("{}?of=own", path::bundle(world.named()));
    let again = || world.request(&token, "GET", &target).with("if-none-match", &etag);
    let answer = again().to(&world.router).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(
        (answer.commits(), &answer.headers[header::ETAG]),
        (first.commits(), &first.headers[header::ETAG])
    );
    assert_eq!(read(&world).await.len() - before, 2);
    // Another query, another caller, another state: another bundle.
    for (who, query) in [(&token, ""), (&world.vault.owner, "of=own")] {
        assert_ne!(world.bundle(who, query).await.headers[header::ETAG], etag);
    }
    let batch = world.vault.write(&world.twin, "shop/production", &[remove("A")]);
    world.commits(&batch, Action::Write).await;
    let again = world.request(&token, "GET", &target).with("if-none-match", &etag);
    let answer = again.to(&world.router).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.commits(), first.commits() + 1);
}

#[tokio::test]
async fn who_holds_a_token_alone_needs_no_name_of_the_vault() {
    let mut world = written().await;
    let token = world.token("deploy").await;
    let own = world.get(&token, &path::bundle(Named::Own)).await;
    assert_eq!(own.packed().vault().unwrap(), Some(world.vault.id));
}

#[tokio::test]
async fn a_state_that_moved_is_not_shown_as_the_one_asked_for() {
    let mut world = written().await;
    let owner = world.vault.owner.duplicate();
    let tree = world.bundle(&owner, "records=none").await;
    let noted = read(&world).await.len();
    let at = format!("at={}", tree.commits());
    assert_eq!(world.bundle(&owner, &at).await.status, StatusCode::OK);
    assert!(read(&world).await.len() > noted);
    let batch = world.vault.write(&world.twin, "shop/production", &[put("B", b"two")]);
    world.commits(&batch, Action::Write).await;
    let answer = world.bundle(&owner, &at).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "moved".into()));
}

#[tokio::test]
async fn only_administrators_are_shown_everybody() {
    let mut world = written().await;
    let token = world.token("deploy").await;
    let owner = world.vault.owner.duplicate();
    let all = world.bundle(&owner, "records=none&everyone=1").await.packed();
    assert_eq!(all.members().unwrap().len(), 2);
    let answer = world.bundle(&token, "everyone=1").await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "denied".into()));
}

#[tokio::test]
async fn a_query_in_another_spelling_is_refused() {
    let world = written().await;
    for query in ["at=01", "records=none&records=none", "scopes=A", "x=1", "past=true"] {
        let answer = world.bundle(&world.vault.owner, query).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "malformed".into()));
    }
}
