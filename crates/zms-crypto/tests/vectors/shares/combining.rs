//! Shares that do not belong together are named, and never yield a key.

use rand_chacha::rand_core::{Infallible, TryCryptoRng, TryRng};
use rand_chacha::{ChaCha20Rng, rand_core::Rng};
use zms_crypto::{
    Key,
    share::{
        Combiner, Encryption, Field, Group, IterationExponent, Refused, Scheme, Share, Unfinished,
        split, split_bytes,
    },
};

use super::{again, fast, seeded};

/// Random, but for the identifier: so that two sets look alike.
struct Identified(u32, ChaCha20Rng);

impl TryRng for Identified {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.1.next_u64())
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        self.1.fill_bytes(to);
        Ok(())
    }
}

impl TryCryptoRng for Identified {}

const fn group(threshold: u8, count: u8) -> Group {
    Group { threshold, count }
}

fn set(group_threshold: u8, groups: &[Group], rng: &mut Identified) -> Vec<Vec<Share>> {
    let scheme = Scheme::new(group_threshold, groups).expect("numbers that fit");
    let key = Key::generate(rng);
    split(&key, &scheme, fast(""), rng)
}

fn rng() -> Identified {
    Identified(0x1234, seeded())
}

/// A combiner that was given these.
fn given<'a>(shares: impl IntoIterator<Item = &'a Share>) -> Combiner {
    let mut combiner = Combiner::default();
    for share in shares {
        combiner.add(again(share)).unwrap_or_else(|refused| panic!("{refused}"));
    }
    combiner
}

#[test]
fn a_share_of_another_set_is_refused_by_the_first_field_that_differs() {
    let mut rng = rng();
    let ours = &set(1, &[group(2, 3), group(2, 3)], &mut rng)[0];
    let other_length = {
        let scheme = Scheme::new(1, &[group(2, 3); 2]).expect("numbers that fit");
        split_bytes(&[7; 16], &scheme, fast(""), &mut rng).expect("a good length")
    };
    let slower = {
        let scheme = Scheme::new(1, &[group(2, 3); 2]).expect("numbers that fit");
        let exponent = IterationExponent::new(1).expect("four bits");
        let encryption = Encryption { iteration_exponent: exponent, ..fast("") };
        split(&Key::generate(&mut rng), &scheme, encryption, &mut rng)
    };
    let others = [
        (Field::IterationExponent, slower),
        (Field::GroupThreshold, set(2, &[group(2, 3); 2], &mut rng)),
        (Field::GroupCount, set(1, &[group(2, 3); 3], &mut rng)),
        (Field::SecretLength, other_length),
        (Field::MemberThreshold, set(1, &[group(3, 3), group(2, 3)], &mut rng)),
    ];
    rng.0 += 1;
    let identifier = (Field::Identifier, set(1, &[group(2, 3); 2], &mut rng));
    for (field, theirs) in others.iter().chain([&identifier]) {
        let mut combiner = given([&ours[0]]);
        let refused = combiner.add(again(&theirs[0][1])).err();
        assert_eq!(refused, Some(Refused::OtherSet { field: *field }));
        let progress = combiner.add(again(&ours[2]));
        assert!(progress.is_ok_and(|progress| progress.is_complete()), "what was given is kept");
    }
}

#[test]
fn a_share_given_twice_is_named_and_so_is_another_in_its_place() {
    let mut rng = rng();
    let ours = set(1, &[group(2, 3); 2], &mut rng);
    let theirs = set(1, &[group(2, 3); 2], &mut rng);
    let mut combiner = given([&ours[1][2]]);
    let duplicate = Some(Refused::Duplicate { group: 2, member: 3 });
    assert_eq!(combiner.add(again(&ours[1][2])).err(), duplicate);
    let conflict = Some(Refused::Conflict { group: 2, member: 3 });
    assert_eq!(combiner.add(again(&theirs[1][2])).err(), conflict);
    assert!(combiner.add(again(&ours[1][0])).is_ok_and(|progress| progress.is_complete()));
    assert_eq!(combiner.add(again(&ours[1][2])).err(), duplicate);
    assert_eq!(combiner.add(again(&theirs[1][2])).err(), conflict);
    assert_eq!(combiner.add(again(&ours[1][1])).err(), Some(Refused::Complete));
    assert_eq!(combiner.add(again(&ours[0][0])).err(), Some(Refused::Complete));
}

#[test]
fn what_is_still_needed_is_said_group_by_group() {
    let shares = set(2, &[group(2, 3), group(3, 5), group(1, 1)], &mut rng());
    let mut combiner = Combiner::default();
    assert!(combiner.progress().is_none() && combiner.parameters().is_none());
    let mut add = |share: &Share| {
        let progress = combiner.add(again(share))?;
        let needed = progress.groups.iter().map(|group| (group.index, group.needed())).collect();
        Ok::<(u8, Vec<_>), Refused>((progress.groups_needed(), needed))
    };
    assert_eq!(add(&shares[1][4]), Ok((2, vec![(1, 2)])));
    assert_eq!(add(&shares[0][0]), Ok((2, vec![(0, 1), (1, 2)])));
    assert_eq!(add(&shares[0][1]), Ok((1, vec![(0, 0), (1, 2)])));
    assert_eq!(add(&shares[0][2]), Err(Refused::GroupComplete { group: 1 }));
    assert_eq!(add(&shares[1][0]), Ok((1, vec![(0, 0), (1, 1)])));
    assert_eq!(add(&shares[2][0]), Ok((0, vec![(0, 0), (1, 1), (2, 0)])));
    assert!(combiner.finish(fast("").passphrase).is_ok());
}

/// They have one identifier, and the checksums are right: only the digest tells.
#[test]
fn sets_that_look_alike_do_not_combine_to_a_key() {
    let mut rng = rng();
    let (ours, theirs) = (set(2, &[group(3, 4); 2], &mut rng), set(2, &[group(3, 4); 2], &mut rng));
    for wrong in 0..3 {
        let mut mixed: Vec<_> = ours[1][..3].iter().chain(&ours[0][..3]).collect();
        mixed[wrong] = &theirs[1][wrong];
        let outcome = given(mixed).finish(fast("").passphrase).err();
        assert_eq!(outcome, Some(Unfinished::Group { group: 2 }));
    }
    let groups = given(ours[0][..3].iter().chain(&theirs[1][1..]));
    assert_eq!(groups.finish(fast("").passphrase).err(), Some(Unfinished::Groups));
    assert!(given(ours[0][..3].iter().chain(&ours[1][1..])).finish(fast("").passphrase).is_ok());
}

#[test]
fn nothing_and_what_is_no_key_yield_no_key() {
    let mut rng = rng();
    let passphrase = fast("").passphrase;
    assert_eq!(Combiner::default().finish(passphrase).err(), Some(Unfinished::TooFew));
    let scheme = Scheme::single(2, 2).expect("numbers that fit");
    let shares = split_bytes(&[7; 16], &scheme, fast(""), &mut rng).expect("a good length");
    let combiner = given(&shares[0]);
    assert!(combiner.finish(passphrase).is_ok_and(|secret| *secret.expose() == [7; 16]));
    assert_eq!(combiner.finish_key(passphrase).err(), Some(Unfinished::NotAKey { length: 16 }));
}
