//! A test for every promise of [`Store`]. A backend's tests call [`run`], and [`run_shared`]
//! where two handles can show one store.
//!
//! What is committed here was made and signed by the core, and what must be refused is that with
//! one thing broken, so nothing but the promise under test can be the reason.
//!
//! A store that is somebody else's word for another one may be unable to keep a promise by what it
//! is: [`run_but`] and [`run_shared_but`] are told which, and why.

mod audit;
mod kept;
mod members;
mod noted;
mod renewed;
mod revisions;
mod rosters;
mod rows;
mod seen;
mod shared;
mod shown;
pub mod vault;
mod wrapped;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Keeper, Store};

/// A promise by its name, with the test that it is kept.
pub type Promise<S> = (&'static str, fn(S));
/// The same, on two handles.
pub type SharedPromise<S> = (&'static str, fn(S, S));

/// Tests every promise, each on an empty store of its own.
///
/// # Panics
/// With the names of all promises that are broken.
pub fn run<S: Store>(new_store: impl FnMut() -> S) {
    keep(promises(), new_store);
}

/// Tests every promise of a [`Keeper`] beside those of [`run`].
///
/// # Panics
/// With the names of all promises that are broken.
pub fn run_kept<S: Keeper>(new_store: impl FnMut() -> S) {
    keep(kept_promises(), new_store);
}

/// Why a promise is not one of a store: its name, and the reason.
pub type LeftOut = (&'static str, &'static str);

/// As [`run`], save for what a store can not promise by what it is.
///
/// # Panics
/// With the names of all promises that are broken, of those left out that are kept after all, and of
/// those that there are none of.
pub fn run_but<S: Store>(left_out: &[LeftOut], mut new_store: impl FnMut() -> S) {
    expect_broken(left_out, promises(), |name, keeps| {
        let store = new_store();
        (name, catch_unwind(AssertUnwindSafe(|| keeps(store))).is_ok())
    });
}

/// As [`run_shared`], save for what a store can not promise by what it is.
///
/// # Panics
/// As [`run_but`].
pub fn run_shared_but<S: Store>(left_out: &[LeftOut], mut two_handles: impl FnMut() -> (S, S)) {
    expect_broken(left_out, shared_promises(), |name, keeps| {
        let (one, other) = two_handles();
        (name, catch_unwind(AssertUnwindSafe(|| keeps(one, other))).is_ok())
    });
}

/// Tries every promise. One that is left out and kept would hide the day on which it is broken.
fn expect_broken<P>(
    left_out: &[LeftOut],
    promises: Vec<(&'static str, P)>,
    mut try_it: impl FnMut(&'static str, P) -> (&'static str, bool),
) {
    let is_left_out = |name: &str| left_out.iter().any(|(left, _)| *left == name);
    let unknown: Vec<_> = left_out
        .iter()
        .filter(|(left, _)| !promises.iter().any(|(name, _)| name == left))
        .collect();
    assert!(unknown.is_empty(), "there is no such promise: {unknown:#?}");
    report(promises.into_iter().map(|(name, keeps)| {
        let (name, kept) = try_it(name, keeps);
        (name, kept != is_left_out(name))
    }));
}

fn keep<S>(promises: Vec<Promise<S>>, mut new_store: impl FnMut() -> S) {
    report(promises.into_iter().map(|(name, keeps)| {
        let store = new_store();
        (name, catch_unwind(AssertUnwindSafe(|| keeps(store))).is_ok())
    }));
}

/// Tests the promises that concern two handles, each on two handles of an empty store.
///
/// # Panics
/// With the names of all promises that are broken.
pub fn run_shared<S: Store>(mut two_handles: impl FnMut() -> (S, S)) {
    report(shared_promises().into_iter().map(|(name, keeps)| {
        let (one, other) = two_handles();
        (name, catch_unwind(AssertUnwindSafe(|| keeps(one, other))).is_ok())
    }));
}

/// Tests the promises of a [`Keeper`] that concern two handles.
///
/// # Panics
/// With the names of all promises that are broken.
pub fn run_shared_kept<S: Keeper>(mut two_handles: impl FnMut() -> (S, S)) {
    let mut keeps = |name, keeps: fn(S, S)| {
        let (one, other) = two_handles();
        (name, catch_unwind(AssertUnwindSafe(|| keeps(one, other))).is_ok())
    };
    let kept = [
        keeps("a_mark_is_that_of_the_state_it_comes_with", |one, other| {
            kept::a_mark_is_that_of_the_state_it_comes_with(one, &other);
        }),
        keeps(
            "of_two_that_take_an_answer_one_gets_it",
            wrapped::of_two_that_take_an_answer_one_gets_it,
        ),
    ];
    report(kept.into_iter());
}

fn report(outcomes: impl Iterator<Item = (&'static str, bool)>) {
    let broken: Vec<_> = outcomes.filter(|(_, kept)| !kept).map(|(name, _)| name).collect();
    assert!(broken.is_empty(), "broken promises: {broken:#?}");
}

macro_rules! named {
    ($($module:ident::$name:ident,)*) => { vec![$((stringify!($name), $module::$name),)*] };
}

/// Every promise.
pub fn promises<S: Store>() -> Vec<Promise<S>> {
    named![
        shown::an_empty_store_shows_nothing,
        shown::what_is_committed_opens,
        shown::what_is_absent_is_none,
        shown::a_removed_record_is_gone_and_the_others_stay,
        shown::records_not_asked_for_come_bare,
        shown::messages_between_exclude_both_ends,
        shown::a_rekeyed_scope_opens_under_its_new_key,
        shown::what_ended_is_kept_with_the_revision_that_ended_it,
        shown::a_bundle_that_is_sent_shows_what_the_store_shows,
        members::every_member_is_proven_whatever_their_number,
        members::a_member_that_left_is_none,
        members::a_member_that_left_is_told_from_a_stranger,
        members::a_member_joins_only_once,
        members::who_departed_stays_out,
        members::only_a_member_changes_its_keyring,
        members::only_a_member_departs,
        renewed::a_vault_made_anew_opens_for_its_new_members_only,
        renewed::a_vault_is_made_anew_whole_or_not_at_all,
        rosters::a_vault_is_made_only_once,
        rosters::the_same_vault_is_made_only_once,
        rosters::a_vault_comes_before_everything_else,
        rosters::a_first_roster_has_version_1_and_follows_nothing,
        rosters::a_roster_that_moved_refuses_the_batch,
        rosters::a_roster_follows_the_current_one,
        rosters::of_two_changes_from_one_state_one_is_committed,
        rosters::a_change_of_members_is_committed_once,
        revisions::a_revision_follows_the_head,
        revisions::a_first_revision_has_number_1_and_follows_nothing,
        revisions::a_scope_begins_only_once,
        revisions::a_head_that_must_not_move_refuses_the_batch,
        revisions::only_closing_follows_closing,
        revisions::closing_ends_every_row,
        revisions::nothing_begins_in_a_scope_that_closes,
        revisions::of_two_writes_from_one_state_one_is_committed,
        revisions::a_write_is_committed_once,
        revisions::one_bad_revision_refuses_the_whole_batch,
        revisions::a_write_in_two_scopes_is_done_in_both_or_neither,
        rows::only_a_live_record_ends,
        rows::no_record_begins_where_one_is_live,
        rows::only_a_live_child_ends,
        rows::no_child_begins_where_one_is_live,
        rows::a_child_is_live_in_one_place,
        audit::entries_form_a_chain,
        audit::entries_are_kept_as_they_are,
        audit::entries_are_read_in_pages,
        audit::every_chain_is_told_with_its_last_entry,
        audit::a_refused_commit_leaves_no_entry,
        audit::no_entry_comes_before_the_vault,
        audit::uses_are_counted_with_their_entries,
    ]
}

/// Every promise of [`Keeper`].
pub fn kept_promises<S: Keeper>() -> Vec<Promise<S>> {
    named![
        kept::a_check_sees_the_state_that_a_batch_is_put_on,
        kept::what_a_check_refuses_changes_nothing,
        kept::telling_whether_it_can_be_written_changes_nothing,
        kept::commits_are_counted_and_reads_are_not,
        kept::a_members_request_key_is_kept_and_goes_with_it,
        kept::a_new_authority_takes_the_place_of_the_old_one,
        wrapped::an_answer_waits_until_it_is_taken_once,
        wrapped::an_answer_is_taken_with_its_entries,
        wrapped::an_answer_of_which_the_time_is_over_makes_room,
        wrapped::no_answer_waits_before_the_vault,
        noted::a_request_is_noted_once_with_its_entries,
        noted::a_request_takes_one_use_however_often_it_comes,
        noted::a_request_is_one_senders_and_goes_with_its_time,
        noted::what_was_made_from_another_state_is_not_noted,
    ]
}

/// Every promise that concerns two handles on one store.
pub fn shared_promises<S: Store>() -> Vec<SharedPromise<S>> {
    named![
        shared::a_handle_shows_what_another_committed,
        shared::a_bundle_shows_one_state_while_another_commits,
        shared::the_slower_of_two_handles_is_refused,
        shared::entries_of_two_handles_form_one_chain,
    ]
}
