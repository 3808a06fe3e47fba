//! Tokens that may be used so many times.

use axum::http::StatusCode;
use zms_core::{
    audit::{Action, Outcome},
    change::token::{Grant, NewToken, TokenKind, create},
    engine::path,
    open::Reading,
    path::{ScopePath, Segment},
    principal::Principal,
};
use zms_store::contract::vault::put;

use crate::{asked::World, audit::read};

async fn limited(world: &mut World, uses: u32) -> Principal {
    let twin = &world.twin;
    let (batch, token) = world.vault.opened(twin, |opening, rng| {
        let way =
            opening.way(&ScopePath::parse("shop/production").unwrap(), Reading::Last).unwrap();
        let new = NewToken {
            label: Segment::parse("few").unwrap(),
            kind: TokenKind::Service,
            grants: vec![Grant { way: &way, write: false, inherit: true }],
            expires: None,
            uses,
        };
        create(opening, &new, rng).unwrap()
    });
    world.commits(&batch, Action::Grant).await;
    token
}

#[tokio::test]
async fn attack_uses_taken_at_once() {
    let mut world = World::made().await;
    let token = limited(&mut world, 1).await;
    let target = path::bundle(world.named());
    let asked: Vec<_> = (0..50)
        .map(|_| {
            let (sent, router) = (world.request(&token, "GET", &target), world.router.clone());
            tokio::spawn(async move { sent.to(&router).await })
        })
        .collect();
    let mut served = 0;
    for answer in asked {
        let answer = answer.await.unwrap();
        match answer.status {
            StatusCode::OK => served += 1,
            _ => assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "used".into())),
        }
    }
    assert_eq!(served, 1);
    let denied = read(&world).await.into_iter().filter(|it| it.event.outcome == Outcome::Denied);
    assert_eq!(denied.count(), 49);
}

#[tokio::test]
async fn the_same_request_again_takes_no_use() {
    let mut world = World::made().await;
    let token = limited(&mut world, 2).await;
    let target = path::bundle(world.named());
    let sent = |nonce| {
        let (key, at) = (token.request_key(), zms_store::contract::vault::NOW);
        crate::asked::signed(token.id(), &key, "GET", &target, &[], at, nonce).to(&world.router)
    };
    let first = sent(7).await;
    for _ in 0..3 {
        assert_eq!(sent(7).await.body, first.body);
    }
    assert_eq!(sent(8).await.status, StatusCode::OK);
    assert_eq!(sent(9).await.code(), "used");
    assert_eq!(sent(7).await.status, StatusCode::OK);
    // What shows no record is no use.
    assert_eq!(world.bundle(&token, "records=none").await.status, StatusCode::OK);
}

/// A server that took a use and whose answer was lost may be gone.
#[tokio::test]
async fn the_same_request_again_takes_no_use_at_another_server_either() {
    let mut world = World::made().await;
    let token = limited(&mut world, 1).await;
    let beside = world.server_beside(zms_server::Register::Nobody);
    let target = path::bundle(world.named());
    let sent = |nonce| {
        let (key, at) = (token.request_key(), zms_store::contract::vault::NOW);
        crate::asked::signed(token.id(), &key, "GET", &target, &[], at, nonce)
    };
    assert_eq!(sent(7).to(&world.router).await.status, StatusCode::OK);
    assert_eq!(sent(7).to(&beside).await.status, StatusCode::OK);
    assert_eq!(sent(8).to(&beside).await.code(), "used");
}

/// What a commit is made from may be had without a use.
#[tokio::test]
async fn attack_a_token_without_uses_left_commits() {
    let mut world = World::made().await;
    let token = limited(&mut world, 1).await;
    let batch = world.vault.write(&world.twin, "shop/production", &[put("A", b"one")]);
    // Not its own change, but the use is taken before that is found out.
    let first = world.commit(&token, &batch, Action::Write).await;
    assert_eq!((first.status, first.code()), (StatusCode::FORBIDDEN, "denied".into()));
    let second = world.commit(&token, &batch, Action::Write).await;
    assert_eq!((second.status, second.code()), (StatusCode::FORBIDDEN, "used".into()));
    assert_eq!(world.bundle(&token, "").await.code(), "used");
    let last = read(&world).await.into_iter().rev().find(|it| it.event.principal == token.id());
    assert_eq!(last.map(|it| it.event.outcome), Some(Outcome::Denied));
}
