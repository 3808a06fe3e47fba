//! Every answer that a store gives, flipped, swapped and dropped, whatever kept it.

use std::collections::{BTreeMap, BTreeSet};

use zms_core::{
    id::{PrincipalId, ScopeId},
    principal::Principal,
    record::Envelope,
    roster::Right,
};
use zms_store::Store;

use super::{Reader, Table, binds_readers, judge, outcomes};
use crate::{
    state::{Member, Scope, State},
    world::{World, way},
};

const AT: &str = "shop/production";

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
}

/// What the readers need, by how the vault was made: nobody may overlook that it was changed. The
/// rest may be missed by nobody: members who neither read nor wrote what is read, scopes beside the
/// way, and messages from before what the oldest pins have seen.
struct Needs {
    readers: [PrincipalId; 2],
    /// The newest revision that every pin has seen, of each scope from the top down to [`AT`].
    way: BTreeMap<ScopeId, usize>,
    /// The same of the roster.
    roster: usize,
}

impl Needs {
    /// Of a state that everybody with pins has seen.
    fn of(world: &World, token: &Principal) -> Self {
        let state = world.store.state();
        let ids = way(&state, &world.owner, AT).into_iter().map(|scope| scope.id());
        Self {
            readers: [world.owner.id(), token.id()],
            way: ids.map(|id| (id, state.scopes[&id].older.len() + 1)).collect(),
            roster: state.older.len() + 1,
        }
    }
}

/// Whether the message at this place, counted from 0, is behind what was seen.
fn behind(at: usize, seen: Option<usize>) -> bool {
    seen.is_some_and(|seen| at + 1 > seen)
}

/// Edits of one scope, each with the column that it stands for and whether some reader needs what it
/// changes, by what was seen of the scope. Taking the fields apart makes this fail to compile when
/// one is added.
fn of_scope(scope: &Scope, seen: Option<usize>) -> Vec<(&'static str, bool, Scope)> {
    // Signatures and what ended are read by who looks into the past: see `history.rs`.
    let Scope { head: _, older, records, children, past, signatures: _, ended: _ } = scope;
    let mut made = Vec::new();
    let mut edit_if = |needed, column, change: &dyn Fn(&mut Scope)| {
        let mut changed = scope.clone();
        change(&mut changed);
        made.push((column, needed, changed));
    };
    for at in 0..older.len() {
        // What stands behind a message that is gone moves up.
        let (this, first, last) =
            (behind(at, seen), behind(0, seen), behind(older.len() - 1, seen));
        edit_if(this, "revision.message", &move |scope| flip(&mut scope.older[at]));
        edit_if(this || first, "revision.revision", &move |scope| scope.older.swap(at, 0));
        edit_if(last, "revision.revision", &move |scope| drop(scope.older.remove(at)));
    }
    let mut edit = |column, change: &dyn Fn(&mut Scope)| edit_if(seen.is_some(), column, change);
    edit("revision.message", &|scope| flip(&mut scope.head.message));
    edit("revision.signature", &|scope| flip(&mut scope.head.signature));
    for at in 0..records.len() {
        let next = (at + 1) % records.len();
        edit("record.name_index", &move |scope| flip(&mut scope.records[at].name_index.0));
        edit("record.rev_from", &move |scope| scope.records[at].rev_from += 1);
        edit("record.epoch", &move |scope| scope.records[at].epoch += 1);
        edit("record.hash", &move |scope| {
            let mut hash = scope.records[at].envelope.hash();
            flip(&mut hash);
            scope.records[at].envelope = Envelope::Bare(hash);
        });
        edit("record.envelope", &move |scope| {
            if let Envelope::Whole(bytes) = &mut scope.records[at].envelope {
                flip(bytes);
            }
        });
        edit("record.envelope", &move |scope| {
            let bare = scope.records[at].envelope.hash();
            scope.records[at].envelope = Envelope::Bare(bare);
        });
        edit("record.scope", &move |scope| drop(scope.records.remove(at)));
        edit("record.scope", &move |scope| scope.records.push(scope.records[at].clone()));
        edit("record.name_index", &move |scope| {
            let index = scope.records[at].name_index;
            scope.records[at].name_index = scope.records[next].name_index;
            scope.records[next].name_index = index;
        });
    }
    for at in 0..children.len() {
        let next = (at + 1) % children.len();
        edit("child.child_index", &move |scope| flip(&mut scope.children[at].child_index.0));
        edit("child.child", &move |scope| flip(&mut scope.children[at].child.0));
        edit("child.child_epoch", &move |scope| scope.children[at].child_epoch += 1);
        edit("child.envelope", &move |scope| flip(&mut scope.children[at].envelope));
        edit("child.scope", &move |scope| drop(scope.children.remove(at)));
        edit("child.envelope", &move |scope| {
            let envelope = scope.children[at].envelope.clone();
            scope.children[at].envelope = scope.children[next].envelope.clone();
            scope.children[next].envelope = envelope;
        });
    }
    for epoch in past.keys() {
        edit("past.envelope", &move |scope| {
            flip(scope.past.get_mut(epoch).expect("it is there"));
        });
        edit("past.epoch", &move |scope| drop(scope.past.remove(epoch)));
    }
    // Swapping what is one alone, or with itself, is no edit.
    made.retain(|(_, _, changed)| changed != scope);
    made
}

fn of_member(member: &Member) -> [(&'static str, Member); 3] {
    let Member { line, escrow, keyring } = member.clone();
    let mut changed = [line, escrow, keyring];
    changed.iter_mut().for_each(|field| flip(field));
    let [line, escrow, keyring] = changed;
    [
        ("member.line", Member { line, ..member.clone() }),
        ("member.escrow", Member { escrow, ..member.clone() }),
        ("member.keyring", Member { keyring, ..member.clone() }),
    ]
}

/// Goes on showing the proofs of what was signed, whatever the members become.
fn keep_witnesses(state: &mut State) {
    let ids: Vec<_> = state.members.keys().copied().collect();
    for id in ids {
        state.witnesses.extend(state.witness(id).map(|witness| (id, witness)));
    }
}

fn edits(state: &State, needs: &Needs) -> Vec<(&'static str, bool, State)> {
    let State { vault: _, roster: _, older, members, departed: _, witnesses: _, listed: _, scopes } =
        state;
    let mut made = Vec::new();
    let mut edit_if = |needed, column, change: &dyn Fn(&mut State)| {
        let mut changed = state.clone();
        change(&mut changed);
        made.push((column, needed, changed));
    };
    edit_if(true, "vault.id", &|state| flip(&mut state.vault.0));
    edit_if(true, "roster.message", &|state| flip(&mut state.roster.message));
    edit_if(true, "roster.signature", &|state| flip(&mut state.roster.signature));
    for at in 0..older.len() {
        let seen = Some(needs.roster);
        let (this, last) = (behind(at, seen), behind(older.len() - 1, seen));
        edit_if(this, "roster.message", &move |state| flip(&mut state.older[at]));
        edit_if(last, "roster.version", &move |state| drop(state.older.remove(at)));
    }
    for (id, member) in members {
        let needed = needs.readers.contains(id);
        let mut edit = |column, change: &dyn Fn(&mut State)| edit_if(needed, column, change);
        for (column, changed) in of_member(member) {
            let id = *id;
            // The line's own hash leads elsewhere, so does the keyring's; the escrow's is only
            // known by what stands in the tree.
            edit(column, &move |state| {
                keep_witnesses(state);
                let witness = state.witnesses.get_mut(&id).expect("a member");
                witness.line.clone_from(&changed.line);
                state.members.insert(id, changed.clone());
            });
        }
        let (id, other) = (*id, PrincipalId([7; 16]));
        let everyone = move |state: &mut State, column: &str| {
            keep_witnesses(state);
            state.witnesses.remove(&id);
            let gone = state.members.remove(&id);
            if column == "leaf.principal" {
                state.members.extend(gone.map(|gone| (other, gone)));
            }
        };
        edit("member.principal", &move |state| everyone(state, "member.principal"));
        edit("leaf.principal", &move |state| everyone(state, "leaf.principal"));
        for (column, field) in [("leaf.escrow", 0), ("leaf.keyring", 1), ("node.hashes", 2)] {
            edit(column, &move |state| {
                let mut witness = state.witness(id).expect("a member");
                match field {
                    0 => flip(&mut witness.escrow),
                    1 => flip(&mut witness.keyring),
                    _ => flip(&mut witness.proof[0].hash),
                }
                state.witnesses.insert(id, witness);
            });
        }
        edit("leaf.at", &move |state| {
            let mut witness = state.witness(id).expect("a member");
            witness.proof[0].left ^= true;
            state.witnesses.insert(id, witness);
        });
    }
    for (id, scope) in scopes {
        let seen = needs.way.get(id).copied();
        for (column, needed, changed) in of_scope(scope, seen) {
            let id = *id;
            edit_if(needed, column, &move |state| drop(state.scopes.insert(id, changed.clone())));
        }
        let id = *id;
        edit_if(seen.is_some(), "revision.scope", &move |state| drop(state.scopes.remove(&id)));
    }
    made
}

#[test]
fn every_answer_of_a_store_fails_as_the_specification_says() {
    let (world, table) = (World::new(), Table::read());
    let token = world.token("reads", &[(AT, Right::Read, true)]);
    let leaves = world.token("leaves", &[("shop/production/web", Right::Read, false)]);
    world.revoke(&leaves).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    for who in [&token, &world.owner] {
        world.read(who, AT).expect("pinned now");
    }
    let needs = Needs::of(&world, &token);
    for value in [b"b", b"c"] {
        world.set(&world.owner, AT, "LATER", value).expect("the owner may write");
        world.token(&format!("t{}", value[0]), &[(AT, Right::Write, true)]);
    }
    let truth = world.read_fresh(&token, AT).expect("the honest store reads");
    let reader = |name, who: &Principal, pinned: bool| Reader {
        name,
        who: crate::world::twin(who),
        at: AT,
        pins: pinned.then(|| world.pin_folder()),
        truth: truth.clone(),
        older: vec![],
    };
    let readers = [
        reader("the owner, new", &world.owner, false),
        reader("the token, new", &token, false),
        reader("the token, pinned", &token, true),
    ];
    let (mut met_by, mut missed, mut demands) = (BTreeSet::new(), BTreeSet::new(), 0);
    let scratch = tempfile::tempdir().expect("a scratch folder");
    for (column, needed, state) in edits(&world.store.state(), &needs) {
        let classes = table.of(column);
        let mut overlooked = true;
        let demanded = needed && binds_readers(classes);
        demands += usize::from(demanded);
        met_by.insert(column);
        world.store.show(state);
        for reader in &readers {
            let open = || Ok(Box::new(world.store.clone()) as Box<dyn Store>);
            for met in outcomes(&open, reader, scratch.path()) {
                let why = judge(column, classes, reader, &met);
                why.unwrap_or_else(|why| panic!("{why}"));
                if met.as_ref() != Ok(&reader.truth) {
                    missed.insert(column);
                    overlooked = false;
                }
            }
        }
        assert!(!overlooked || !demanded, "nobody misses {column}");
    }
    assert!(demands > 50, "only {demands} changes must be missed");
    for column in met_by {
        let bound = binds_readers(table.of(column));
        assert_eq!(bound, missed.contains(column), "whether readers miss {column}");
    }
}
