//! Waiting for commits.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::{Instant, sleep, timeout};
use zms_core::{audit::Action, engine::path};
use zms_store::{Store, contract::vault::put};

use crate::asked::{Sent, World};

fn waits(world: &World, after: u64, wait: u64) -> Sent {
    let target = format!("{}?after={after}&wait={wait}", path::changes(world.named()));
    world.request(&world.vault.owner, "GET", &target)
}

#[tokio::test]
async fn who_is_behind_is_told_at_once_and_who_is_not_when_the_time_is_over() {
    let world = World::made().await;
    let answer = waits(&world, 0, 50).to(&world.router).await;
    assert_eq!((answer.status, answer.commits()), (StatusCode::OK, 1));
    let start = Instant::now();
    let answer = waits(&world, 1, 1).to(&world.router).await;
    assert_eq!((answer.status, answer.commits()), (StatusCode::NO_CONTENT, 1));
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_commit_wakes_all_who_wait_whoever_made_it() {
    let mut world = World::made().await;
    for here in [true, false] {
        let commits = waits(&world, 0, 0).to(&world.router).await.commits();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let (sent, router) = (waits(&world, commits, 50), world.router.clone());
                tokio::spawn(async move { sent.to(&router).await })
            })
            .collect();
        sleep(Duration::from_millis(50)).await;
        let batch = world.vault.write(&world.twin, "shop/production", &[put("A", b"x")]);
        if here {
            world.commits(&batch, Action::Write).await;
        } else {
            crate::commit_elsewhere(world.folder.path(), &batch);
            world.twin.commit(&batch, &[]).unwrap();
        }
        for waiting in waiting {
            let answer = timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
            assert_eq!((answer.status, answer.commits()), (StatusCode::OK, commits + 1));
        }
    }
}

#[tokio::test]
async fn nobody_is_kept_waiting_by_an_engine_that_stops() {
    let world = World::made().await;
    let (sent, router) = (waits(&world, 1, 50), world.router.clone());
    let waiting = tokio::spawn(async move { sent.to(&router).await });
    sleep(Duration::from_millis(50)).await;
    world.engine.stop();
    let answer = timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}
