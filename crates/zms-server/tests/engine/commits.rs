//! Commits: verified before they are kept.

use axum::http::StatusCode;
use zms_core::{audit::Action, engine::path};
use zms_store::{
    Store,
    contract::vault::{put, remove},
};

use crate::asked::World;

#[tokio::test]
async fn a_commit_is_kept_and_may_be_handed_in_again() {
    let mut world = World::made().await;
    let token = world.token("deploy").await;
    let batch = world.vault.write(&world.twin, "shop/production", &[put("A", b"one")]);
    let owner = world.vault.owner.duplicate();
    let first = world.commit(&owner, &batch, Action::Write).await;
    assert_eq!(first.status, StatusCode::OK);
    let again = world.commit(&owner, &batch, Action::Write).await;
    assert_eq!((again.status, again.commits()), (StatusCode::OK, first.commits()));
    // Somebody went on from the old state.
    let late = world.vault.write(&world.twin, "shop/production", &[put("B", b"two")]);
    let answer = world.commit(&owner, &late, Action::Write).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "moved".into()));
    world.twin.commit(&batch, &[]).unwrap();
    let (batch, _) = world.vault.token(&world.twin, "other");
    let answer = world.commit(&owner, &batch, Action::Grant).await;
    assert_eq!(answer.status, StatusCode::OK);
    let again = world.commit(&owner, &batch, Action::Grant).await;
    assert_eq!((again.status, again.commits()), (StatusCode::OK, answer.commits()));
    assert_eq!(world.bundle(&token, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_readers_would_refuse_is_not_kept() {
    let mut world = World::made().await;
    let token = world.token("deploy").await;
    let owner = world.vault.owner.duplicate();
    let before = world.bundle(&owner, "").await;
    // The owner's change in the token's hands, and one with a record that nobody signed for.
    let batch = world.vault.write(&world.twin, "shop/production", &[put("A", b"one")]);
    let answer = world.commit(&token, &batch, Action::Write).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "denied".into()));
    let mut batch = batch;
    batch.scopes[0].records.clear();
    let answer = world.commit(&owner, &batch, Action::Write).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "refused".into()));
    let (batch, _) = world.vault.token(&world.twin, "another");
    let answer = world.commit(&token, &batch, Action::Grant).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "denied".into()));
    let after = world.bundle(&owner, "").await;
    assert_eq!(
        (after.body, after.headers["etag"].clone()),
        (before.body, before.headers["etag"].clone())
    );
}

#[tokio::test]
async fn a_commit_is_named_by_what_it_may_be() {
    let mut world = World::made().await;
    let owner = world.vault.owner.duplicate();
    let batch = world.vault.write(&world.twin, "shop/production", &[put("A", b"one")]);
    for action in [Action::Read, Action::ReadPast, Action::Expose, Action::Backup, Action::Bundle] {
        let answer = world.commit(&owner, &batch, action).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "malformed".into()));
    }
    let target = path::commits(world.named());
    for query in ["", "?action=0", "?action=2&action=2"] {
        let sent = world.request_with(&owner, "POST", &format!("{target}{query}"), b"x");
        assert_eq!(sent.to(&world.router).await.code(), "malformed");
    }
    let sent = world.request_with(&owner, "POST", &format!("{target}?action=2"), b"no commit");
    assert_eq!(sent.to(&world.router).await.code(), "malformed");
}

#[tokio::test]
async fn a_token_that_left_is_a_stranger() {
    let mut world = World::made().await;
    let token = world.token("deploy").await;
    assert_eq!(world.bundle(&token, "").await.status, StatusCode::OK);
    let batch = world.vault.revoke(&world.twin, token.id());
    world.commits(&batch, Action::Revoke).await;
    assert_eq!(world.bundle(&token, "").await.code(), "unauthenticated");
}

#[tokio::test]
async fn of_many_that_write_at_once_each_is_kept_or_told_that_it_moved() {
    let mut world = World::made().await;
    let owner = world.vault.owner.duplicate();
    let mut sent = Vec::new();
    for edit in [put("A", b"one"), put("A", b"two"), put("B", b"three"), remove("C")] {
        if matches!(&edit, zms_core::change::write::Edit::Remove(_)) {
            continue;
        }
        let batch = world.vault.write(&world.twin, "shop/production", &[edit]);
        sent.push(world.commit_of(&owner, &batch, Action::Write));
    }
    let router = world.router.clone();
    let tasks: Vec<_> = sent
        .into_iter()
        .map(|sent| {
            let router = router.clone();
            tokio::spawn(async move { sent.to(&router).await })
        })
        .collect();
    let mut kept = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        match answer.status {
            StatusCode::OK => kept += 1,
            StatusCode::CONFLICT => assert_eq!(answer.code(), "moved"),
            other => panic!("{other}"),
        }
    }
    assert_eq!(kept, 1);
}
