//! A revocation that is interrupted anywhere goes on from where it stopped.

use zms_core::{change::rekey::Spoiled, roster::Right};

use crate::{
    class::Class,
    keys::{Keys, Sealed},
    world::{SCOPES, World},
};

fn holders(world: &World) -> Vec<(zms_core::principal::Principal, &'static str)> {
    let token = |label, at| (world.token(label, &[(at, Right::Read, true)]), at);
    vec![
        token("one", "shop"),
        token("two", "shop/production"),
        token("three", "shop/production/api"),
        token("four", "lab"),
    ]
}

#[test]
fn a_revocation_interrupted_after_any_commit_is_finished_by_the_next_session() {
    for commits in 0.. {
        let world = World::new();
        let holders = holders(&world);
        let leaves =
            world.token("leaves", &[("shop", Right::Write, true), ("lab", Right::Read, true)]);
        let before: Vec<_> =
            holders.iter().map(|(who, at)| world.read(who, at).expect("it reads")).collect();
        world.revoke(&leaves).expect("the owner may revoke");
        world.store.fail_after(Some(commits));
        let mut told = 0;
        let stopped = world.pinned(&world.owner).rekey_pending(Spoiled::Report, |_| told += 1);
        assert_eq!(told, commits.min(6), "told of what was committed, and of nothing else");
        world.store.fail_after(None);
        // Between two steps everybody reads everything, old values under old or new keys.
        for ((who, at), before) in holders.iter().zip(&before) {
            assert_eq!(world.read(who, at).as_ref(), Ok(before), "{at} after {commits} commits");
        }
        world.all_verifies();
        let finished = world.rekey().expect("a new session goes on");
        assert_eq!(finished.len(), 6 - told, "no step is done twice");
        assert!(world.store.state().roster().pending.is_empty());
        for ((who, at), before) in holders.iter().zip(&before) {
            assert_eq!(world.read(who, at).as_ref(), Ok(before), "{at} in the end");
        }
        for at in SCOPES {
            world.set(&world.owner, at, "NEW", b"after all").expect("the owner may write");
        }
        let sealed = Sealed::of(&world.store.history());
        let opened = Keys::of(&leaves, world.vault, &sealed).opened(world.vault, &sealed);
        assert!(!opened.is_empty(), "what was sealed before stays open to who kept a copy");
        let new = opened.values().flatten().any(|(_, value)| value == b"after all");
        assert!(!new, "nothing new opens for who has left");
        assert_eq!(world.read(&leaves, "shop"), Err(Class::Departed));
        world.all_verifies();
        if stopped.is_ok() {
            assert_eq!(commits, 6, "it was interrupted after each commit there is");
            return;
        }
    }
}
