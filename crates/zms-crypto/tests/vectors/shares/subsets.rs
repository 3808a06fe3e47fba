//! Which sets of shares give the secret back, and which changes of a share are seen.

use std::collections::BTreeMap;

use rand_chacha::rand_core::Rng;
use zms_crypto::{
    Key,
    share::{
        Combiner, Encryption, Group, Refused, Scheme, Share, ShareError, Unfinished, complete,
        split, split_bytes,
    },
};

use super::{again, any_scheme, any_secret, between, cases, combine, fast, seeded};

/// How many shares of each group were given.
type Given = BTreeMap<u8, u8>;

/// Whether these shares are enough, by the words of the scheme.
fn suffice(scheme: &Scheme, given: &Given) -> bool {
    let complete = given
        .iter()
        .filter(|(group, given)| **given >= scheme.groups()[usize::from(**group)].threshold);
    complete.count() >= usize::from(scheme.group_threshold())
}

/// Gives shares to a combiner in their order and holds what it says against the scheme.
fn give<'a>(scheme: &Scheme, shares: impl IntoIterator<Item = &'a Share>) -> (Combiner, bool) {
    let (mut combiner, mut given) = (Combiner::default(), Given::new());
    for share in shares {
        let before = suffice(scheme, &given);
        let group = share.group_index();
        let threshold = scheme.groups()[usize::from(group)].threshold;
        let count = given.entry(group).or_default();
        match combiner.add(again(share)) {
            Err(Refused::Complete) => assert!(before),
            Err(Refused::GroupComplete { group: named }) => {
                assert!(!before && *count == threshold && named == group + 1);
            }
            Err(other) => panic!("{other}"),
            Ok(progress) => {
                assert!(!before && *count < threshold);
                *count += 1;
                let said = progress.groups.iter().map(|group| (group.index, group.given)).collect();
                assert_eq!(given, said);
                let own = progress.groups.iter().find(|known| known.index == group);
                assert_eq!(own.map(|own| own.threshold), Some(threshold));
                assert_eq!(progress.is_complete(), suffice(scheme, &given));
            }
        }
        given.retain(|_, count| *count > 0);
    }
    let enough = suffice(scheme, &given);
    (combiner, enough)
}

#[test]
fn every_subset_of_a_set_rebuilds_or_says_that_more_is_needed() {
    let mut rng = seeded();
    let group = |threshold, count| Group { threshold, count };
    let scheme =
        Scheme::new(2, &[group(2, 3), group(1, 1), group(3, 3)]).expect("numbers that fit");
    let secret = any_secret(&mut rng);
    let shares = split_bytes(&secret, &scheme, fast("p"), &mut rng).expect("a good length");
    let shares: Vec<_> = shares.iter().flatten().collect();
    let mut rebuilt = 0;
    for set in 0_u32..1 << shares.len() {
        let chosen = (0..shares.len()).filter(|at| set & (1 << at) != 0).map(|at| shares[at]);
        let (combiner, enough) = give(&scheme, chosen);
        let outcome = combiner.finish(fast("p").passphrase);
        if enough {
            assert!(outcome.is_ok_and(|found| *found.expose() == secret));
            rebuilt += 1;
        } else {
            assert_eq!(outcome.err(), Some(Unfinished::TooFew));
        }
    }
    // Of 128: two of three groups, with 4, 1 and 1 ways to have enough of 8, 2 and 8.
    assert_eq!(rebuilt, 4 * 8 + 4 * 2 + 8 - 2 * 4);
}

#[test]
fn random_sets_in_random_order_rebuild_exactly_where_they_suffice() {
    let mut rng = seeded();
    for _ in 0..cases(40) {
        let scheme = any_scheme(&mut rng, 6);
        let secret = any_secret(&mut rng);
        let shares = split_bytes(&secret, &scheme, fast(""), &mut rng).expect("a good length");
        let mut shares: Vec<_> = shares.into_iter().flatten().collect();
        for at in (1..shares.len()).rev() {
            let most = u8::try_from(at).expect("few shares");
            shares.swap(at, between(&mut rng, 0, most).into());
        }
        let most = u8::try_from(shares.len()).expect("few shares");
        let enough_of = usize::from(between(&mut rng, 0, most));
        let (combiner, enough) = give(&scheme, &shares[..enough_of]);
        let outcome = combiner.finish(fast("").passphrase);
        assert_eq!(outcome.is_ok(), enough);
        assert!(
            outcome.map_or_else(
                |error| error == Unfinished::TooFew,
                |found| *found.expose() == secret
            )
        );
        let (combiner, enough) = give(&scheme, &shares);
        let outcome = combiner.finish(fast("").passphrase);
        assert!(enough && outcome.is_ok_and(|found| *found.expose() == secret));
    }
}

#[test]
fn a_key_is_split_and_rebuilt_with_the_parameters_that_we_write() {
    let mut rng = seeded();
    let key = Key::generate(&mut rng);
    let scheme = Scheme::single(3, 5).expect("numbers that fit");
    let shares = split(&key, &scheme, Encryption::default(), &mut rng).remove(0);
    assert_eq!(shares.len(), 5);
    for (index, share) in (0..).zip(&shares) {
        let parameters = share.parameters();
        assert!(parameters.extendable && parameters.identifier < 1 << 15);
        assert_eq!(parameters.iteration_exponent.exponent(), 1);
        assert_eq!((parameters.group_threshold, parameters.group_count), (1, 1));
        assert_eq!(
            (share.group_index(), share.member_index(), share.member_threshold()),
            (0, index, 3)
        );
        assert_eq!(share.to_words().expose().split(' ').count(), 33);
    }
    let (combiner, _) = give(&scheme, &shares[2..]);
    let rebuilt = combiner.finish_key(Encryption::default().passphrase);
    assert!(rebuilt.is_ok_and(|rebuilt| rebuilt.expose() == key.expose()));
    let (combiner, _) = give(&scheme, &shares[..2]);
    assert_eq!(
        combiner.finish_key(Encryption::default().passphrase).err(),
        Some(Unfinished::TooFew)
    );
}

#[test]
fn a_passphrase_is_needed_and_another_gives_another_secret() {
    let mut rng = seeded();
    let secret = any_secret(&mut rng);
    let scheme = Scheme::single(2, 2).expect("numbers that fit");
    let shares =
        split_bytes(&secret, &scheme, fast("right"), &mut rng).expect("a good length").remove(0);
    assert!(combine(&shares, "right") == Ok(secret.clone()));
    for wrong in ["", "Right", "right "] {
        assert!(
            combine(&shares, wrong)
                .is_ok_and(|found| found.len() == secret.len() && found != secret)
        );
    }
}

#[test]
fn a_secret_of_another_length_is_not_split() {
    let mut rng = seeded();
    let scheme = Scheme::single(2, 2).expect("numbers that fit");
    for length in 0..70 {
        let split = split_bytes(&vec![1; length], &scheme, fast(""), &mut rng);
        assert_eq!(split.is_ok(), (16..=32).contains(&length) && length % 2 == 0, "{length}");
    }
}

/// Every change of one word is tried on the checksum itself; here some of them through the door.
#[test]
fn a_share_with_other_words_is_refused() {
    let mut rng = seeded();
    let words: Vec<_> = complete("").collect();
    let key = Key::generate(&mut rng);
    let scheme = Scheme::single(2, 3).expect("numbers that fit");
    let share = split(&key, &scheme, fast(""), &mut rng).remove(0).remove(0);
    let text = share.to_words();
    let right: Vec<_> = text.expose().split(' ').collect();
    let refusal = |words: &[&str]| Share::parse(&words.join(" ")).err();
    for at in 0..right.len() {
        for _ in 0..cases(3) {
            let mut wrong = right.clone();
            wrong[at] = words[(rng.next_u32() % 1024) as usize];
            let expected = (wrong[at] != right[at]).then_some(ShareError::Checksum);
            assert_eq!(refusal(&wrong), expected);
        }
        let mut wrong = right.clone();
        let cut = &right[at][..right[at].len() - 1];
        for unknown in [cut, "caf\u{e9}", "-", "\0", "academicacademic"] {
            wrong[at] = unknown;
            let known = words.contains(&unknown);
            let expected = if known {
                ShareError::Checksum
            } else {
                ShareError::UnknownWord { position: at + 1 }
            };
            assert_eq!(refusal(&wrong), Some(expected));
        }
        let mut missing = right.clone();
        missing.remove(at);
        assert_eq!(refusal(&missing), Some(ShareError::WordCount { count: 32 }));
    }
    for count in [0, 1, 6, 7, 19, 21, 34, 1000] {
        let many: Vec<_> = right.iter().copied().cycle().take(count).collect();
        assert_eq!(refusal(&many), Some(ShareError::WordCount { count }));
    }
}

#[test]
fn case_and_white_space_do_not_matter() {
    let mut rng = seeded();
    let scheme = Scheme::single(2, 2).expect("numbers that fit");
    let share = split(&Key::generate(&mut rng), &scheme, fast(""), &mut rng).remove(0).remove(0);
    let text = share.to_words();
    let text = text.expose();
    for same in [
        text.to_uppercase(),
        format!("\n  {}\t", text.replace(' ', " \r\n ")),
        text.replace(" a", "\u{a0}A"),
    ] {
        assert!(super::read(&same).to_words().expose() == text);
    }
}
