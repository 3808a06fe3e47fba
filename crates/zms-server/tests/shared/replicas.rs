//! Engines that know nothing of each other but their database.

use std::{fs, time::Duration};

use axum::http::{StatusCode, header};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use zms_core::{
    audit::Action,
    engine::{path, register_key},
};
use zms_server::{Limits, Once, Register, router};
use zms_store::contract::vault::{Vault, put};

use crate::{
    asked::{World, engine_of},
    server::Server,
};

/// Another engine on the same database.
fn beside(world: &World) -> zms_server::Routes {
    let url = fs::read_to_string(world.folder.path().join("url")).unwrap();
    let vaults = crate::on(&url, crate::Limits { connections: 4, ..crate::Limits::default() });
    router(&engine_of(vaults, Register::Nobody, Limits::default()))
}

#[tokio::test]
async fn what_one_engine_keeps_every_other_one_shows_at_once() {
    let mut world = World::made().await;
    let others = [beside(&world), beside(&world)];
    let owner = world.vault.owner.duplicate();
    let target = path::bundle(world.named());
    let mut etags = Vec::new();
    for round in 1..10 {
        let value = format!("{round}");
        let batch =
            world.vault.write(&world.twin, "shop/production", &[put("A", value.as_bytes())]);
        let commits = world.commits(&batch, Action::Write).await.commits();
        for other in &others {
            let answer = world.request(&owner, "GET", &target).to(other).await;
            assert_eq!((answer.status, answer.commits()), (StatusCode::OK, commits));
            // Both made it, and it is the same.
            let etag = answer.headers[header::ETAG].clone();
            let own = world.get(&owner, &target).await;
            assert_eq!((&own.headers[header::ETAG], &own.body), (&etag, &answer.body));
            let asked = world.request(&owner, "GET", &target);
            let asked = asked.with("if-none-match", etag.to_str().unwrap());
            assert_eq!(asked.to(other).await.status, StatusCode::NOT_MODIFIED);
            assert!(etags.last() != Some(&(round - 1, etag.clone())), "it is another state");
            etags.push((round, etag));
        }
    }
}

/// Each of several servers over an empty database prints one, as it can not know of the others.
#[tokio::test]
async fn of_codes_that_are_used_at_the_same_moment_one_makes_a_vault() {
    for _ in 0..8 {
        let code = |code: &str| Register::Once(Once::new(register_key(code)));
        let mut world = World::with(code("code 0"), Limits::default());
        let mut asking = JoinSet::new();
        for number in 0..4 {
            let mut vault = Vault::unmade();
            vault.id.0[0] ^= number;
            let word = format!("code {number}");
            let sent = world.register_of(&vault.init(), &word);
            let server = world.server_beside(code(&word));
            asking.spawn(async move { (vault.id, sent.to(&server).await.status) });
        }
        let answers = asking.join_all().await;
        let with = |status| answers.iter().filter(move |(_, told)| *told == status);
        assert_eq!(with(StatusCode::CREATED).count(), 1, "{answers:?}");
        assert_eq!(with(StatusCode::UNAUTHORIZED).count(), 3, "{answers:?}");
        let url = fs::read_to_string(world.folder.path().join("url")).unwrap();
        let database = url.rsplit('/').next().unwrap();
        assert_eq!(Server::shared().sql(database, "SELECT count(*) FROM vault"), "1");
        let mut made = with(StatusCode::CREATED).map(|(vault, _)| hex::encode(vault.0));
        let id = Server::shared().sql(database, "SELECT encode(id, 'hex') FROM vault");
        assert_eq!(made.next(), Some(id), "it is the one that was acknowledged");
    }
}

#[tokio::test]
async fn a_token_that_one_engine_takes_out_is_refused_by_every_other_one() {
    let mut world = World::made().await;
    let token = world.token("leaves").await;
    let other = beside(&world);
    let target = path::bundle(world.named());
    let before = world.request(&token, "GET", &target).to(&other).await;
    assert_eq!(before.status, StatusCode::OK);
    let batch = world.vault.revoke(&world.twin, token.id());
    world.commits(&batch, Action::Revoke).await;
    let after = world.request(&token, "GET", &target).to(&other).await;
    assert_eq!(after.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_waits_at_one_engine_hears_of_what_another_keeps() {
    let mut world = World::made().await;
    let other = beside(&world);
    let owner = world.vault.owner.duplicate();
    for commits in 1..4 {
        let target = format!("{}?after={commits}&wait=50", path::changes(world.named()));
        let waits = world.request(&owner, "GET", &target);
        let router = other.clone();
        let waiting = tokio::spawn(async move { waits.to(&router).await });
        sleep(Duration::from_millis(200)).await;
        let batch = world.vault.write(&world.twin, "shop/production", &[put("A", b"x")]);
        world.commits(&batch, Action::Write).await;
        let begun = Instant::now();
        let answer = timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
        assert_eq!((answer.status, answer.commits()), (StatusCode::OK, commits + 1));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
