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
