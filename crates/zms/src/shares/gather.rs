//! Takes shares until there are enough, from files and from whoever is at the terminal.

use std::path::PathBuf;

use zeroize::Zeroizing;
use zms_crypto::{
    Key,
    share::{Combiner, Parameters, Passphrase, Progress, Refused, Share, Unfinished},
};

use super::{Claim, Found, read};
use crate::{
    exit::{Exit, Failure, Outcome},
    output::{Output, Progress as Drawn},
    prompt::{self, Asker},
};

/// Where shares come from.
#[derive(clap::Args)]
pub struct Given {
    /// Files with shares: sheets, or words; - for stdin. What is missing is asked for, one by one
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Ask for the passphrase that another program put over its shares; ours have none
    #[arg(long)]
    pub passphrase: bool,
}

/// What shares were put together to.
pub struct Gathered<T> {
    /// What the check made of the key.
    pub proven: T,
    /// Of which set they are.
    pub set: Parameters,
    /// Which ones took part, as group and share, from 1.
    pub members: Vec<(u8, u8)>,
}

/// How a set is called: the random number that all of its shares bear.
pub fn set_name(parameters: &Parameters) -> String {
    format!("{:04x}", parameters.identifier)
}

/// How a share is called within its set.
pub fn share_name(share: &Share) -> String {
    named(&share.parameters(), share.group_index() + 1, share.member_index() + 1)
}

fn named(set: &Parameters, group: u8, member: u8) -> String {
    match set.group_count {
        1 => format!("share {member}"),
        _ => format!("share {member} of group {group}"),
    }
}

/// Takes shares in any order, those of files first, until those of one set give a key that `check`
/// takes. Each set is kept apart, so that a share of another one spoils nothing. A failure of
/// `check` with [`Exit::Denied`] says that the key is not the one that is wanted; where somebody
/// can be asked, it is said, and asking goes on.
///
/// # Errors
/// What `check` says; [`Exit::Locked`] where shares are missing, and nobody can be asked.
pub fn gather<T>(
    output: Output,
    given: &Given,
    check: &mut dyn FnMut(Key, &[Claim]) -> Outcome<T>,
) -> Outcome<Gathered<T>> {
    let passphrase = match given.passphrase {
        true => prompt::hidden("Passphrase over the shares: ")?,
        false => Zeroizing::new(String::new()),
    };
    let passphrase = Passphrase::parse(&passphrase).map_err(Failure::usage)?;
    let mut gathering = Gathering { passphrase, sets: Vec::new(), refused: Vec::new() };
    let mut found = Vec::new();
    for path in &given.files {
        found.extend(read(path)?);
    }
    let mut asker = Asker::begin();
    let mut refused = None;
    for Found { share, source, claim } in found {
        match gathering.take(share, claim, check) {
            Ok(Taken::Proven(gathered)) => return Ok(gathered),
            Ok(Taken::More(said)) => output.note(format!("{source}: {said}")),
            Err(failure) if failure.exit != Exit::Denied && failure.exit != Exit::Integrity => {
                return Err(failure);
            }
            Err(failure) => {
                if asker.is_some() {
                    output.warn(&failure.message);
                }
                refused = Some(failure);
            }
        }
    }
    let Some(asker) = &mut asker else { return Err(refused.unwrap_or_else(|| gathering.short())) };
    output.note(
        "Type the words of a share, or paste them. Shares come one by one, in any order, and a few \
         letters of a word are enough.",
    );
    loop {
        let Some(share) = asker.share()? else { return Err(gathering.short()) };
        match gathering.take(share, None, check) {
            Ok(Taken::Proven(gathered)) => return Ok(gathered),
            Ok(Taken::More(said)) => output.note(said),
            Err(failure) if failure.exit == Exit::Denied || failure.exit == Exit::Integrity => {
                output.warn(&failure.message);
            }
            Err(failure) => return Err(failure),
        }
    }
}

enum Taken<T> {
    /// They are enough.
    Proven(Gathered<T>),
    /// What became of the share, and what is still needed.
    More(String),
}

struct Gathering<'a> {
    passphrase: Passphrase<'a>,
    sets: Vec<Set>,
    /// Sets that gave another key than the one that is wanted.
    refused: Vec<Parameters>,
}

/// The shares of one set.
struct Set {
    combiner: Combiner,
    parameters: Parameters,
    members: Vec<(u8, u8)>,
    claims: Vec<Claim>,
}

impl Gathering<'_> {
    fn take<T>(
        &mut self,
        share: Share,
        claim: Option<Claim>,
        check: &mut dyn FnMut(Key, &[Claim]) -> Outcome<T>,
    ) -> Outcome<Taken<T>> {
        let (parameters, name) = (share.parameters(), share_name(&share));
        let member = (share.group_index() + 1, share.member_index() + 1);
        let label = set_name(&parameters);
        if self.refused.contains(&parameters) {
            return Ok(Taken::More(format!("{name} is of set {label} too, which was refused")));
        }
        let at = self.sets.iter().position(|set| set.parameters == parameters);
        let others: Vec<String> = self.sets.iter().map(|set| set_name(&set.parameters)).collect();
        let at = at.unwrap_or_else(|| {
            let combiner = Combiner::default();
            let (members, claims) = (Vec::new(), Vec::new());
            self.sets.push(Set { combiner, parameters, members, claims });
            self.sets.len() - 1
        });
        let set = &mut self.sets[at];
        let progress = match set.combiner.add(share) {
            Ok(progress) => progress,
            Err(why) => {
                let why = refusal(why, &name, &label);
                let progress = set.combiner.progress().expect("a share was taken before");
                return Ok(Taken::More(format!("{why}; {}", still_needed(&progress))));
            }
        };
        set.members.push(member);
        set.claims.extend(claim);
        if !progress.is_complete() {
            let needed = still_needed(&progress);
            let foreign = others.iter().filter(|other| **other != label).count() == others.len();
            return Ok(Taken::More(if foreign && !others.is_empty() {
                let others: Vec<String> = others.iter().map(|set| format!("set {set}")).collect();
                format!(
                    "{name} is of set {label}, and not of {} as before; they are kept apart. Of \
                     set {label}, {needed}",
                    others.join(" or ")
                )
            } else {
                format!("{name} of set {label} is taken; {needed}")
            }));
        }
        // Whatever comes of it, these shares are used up.
        let set = self.sets.remove(at);
        let key = {
            let _drawn = Drawn::spinner("putting the shares together");
            set.combiner.finish_key(self.passphrase)
        };
        let key = key.map_err(|why| unfit(why, &label))?;
        let proven = check(key, &set.claims).inspect_err(|_| self.refused.push(parameters))?;
        Ok(Taken::Proven(Gathered { proven, set: parameters, members: set.members }))
    }

    /// What is missing, where nobody can be asked for it.
    fn short(&self) -> Failure {
        let sets = self.sets.iter().filter_map(|set| {
            let progress = set.combiner.progress()?;
            Some(format!("of set {}, {}", set_name(&set.parameters), still_needed(&progress)))
        });
        let sets: Vec<String> = sets.collect();
        let why = if sets.is_empty() { "no share was given".to_owned() } else { sets.join("; ") };
        Failure::new(Exit::Locked, why)
            .hint("name files with more shares, or run it in a terminal, where they are asked for")
    }
}

fn refusal(why: Refused, name: &str, set: &str) -> String {
    match why {
        Refused::Duplicate { .. } => format!("{name} of set {set} was given already"),
        Refused::Conflict { .. } => {
            format!(
                "{name} of set {set} was given already, with other words: one of them is foreign"
            )
        }
        Refused::GroupComplete { group } => {
            format!("{name} is not needed: group {group} has all that it needs")
        }
        Refused::OtherSet { .. } => {
            format!("{name} is of another set, though it is called {set} too")
        }
        other => other.to_string(),
    }
}

fn unfit(why: Unfinished, set: &str) -> Failure {
    Failure::new(Exit::Integrity, format!("the shares of set {set} give no key: {why}"))
        .hint("one of them is of another set that is called the same; nothing was changed")
}

/// What is still needed, in words.
fn still_needed(progress: &Progress) -> String {
    let more = |count: u8, one: &str, several: &str| match count {
        1 => format!("1 more {one} is needed"),
        _ => format!("{count} more {several} are needed"),
    };
    let open: Vec<_> = progress.groups.iter().filter(|group| group.needed() > 0).collect();
    if progress.group_count == 1 {
        return more(open.first().map_or(0, |group| group.needed()), "share", "shares");
    }
    let mut parts: Vec<String> = open
        .iter()
        .map(|group| {
            let name = group.index + 1;
            let (one, several) =
                (format!("share of group {name}"), format!("shares of group {name}"));
            more(group.needed(), &one, &several)
        })
        .collect();
    let begun = u8::try_from(open.len()).expect("groups are few");
    let untouched = progress.groups_needed().saturating_sub(begun);
    if untouched > 0 {
        parts.push(more(untouched, "group", "groups"));
    }
    parts.join(", and ")
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    use zms_crypto::share::{Encryption, Group, Scheme, split};

    use super::*;

    fn made(seed: u64, scheme: &Scheme) -> Vec<Vec<Share>> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let key = Key::from_bytes(&[seed as u8; 32]);
        split(&key, scheme, Encryption::default(), &mut rng)
    }

    fn again(share: &Share) -> Share {
        // EXPOSE: a share of a test.
        Share::parse(share.to_words().expose()).unwrap()
    }

    /// Takes one after the other, and gives what was said of each; the last one the key's first byte.
    fn said(shares: &[&Share], wanted: u8) -> Vec<String> {
        let mut gathering =
            Gathering { passphrase: Passphrase::EMPTY, sets: Vec::new(), refused: Vec::new() };
        let mut check = |key: Key, _: &[Claim]| match key.expose()[0] {
            byte if byte == wanted => Ok(byte),
            byte => Err(Failure::new(Exit::Denied, format!("key {byte}"))),
        };
        let each =
            shares.iter().map(|share| match gathering.take(again(share), None, &mut check) {
                Ok(Taken::More(said)) => said,
                Ok(Taken::Proven(gathered)) => {
                    format!("{} {:?}", gathered.proven, gathered.members)
                }
                Err(failure) => failure.message,
            });
        each.collect()
    }

    #[test]
    fn a_share_of_another_set_a_duplicate_and_a_wrong_set_are_named_and_spoil_nothing() {
        let scheme = Scheme::single(2, 3).unwrap();
        let (ours, other) = (made(1, &scheme), made(2, &scheme));
        let (set, foreign) =
            (set_name(&ours[0][0].parameters()), set_name(&other[0][0].parameters()));
        let given = [&other[0][1], &ours[0][2], &ours[0][2], &other[0][0], &ours[0][0]];
        assert_eq!(
            said(&given, 1),
            [
                format!("share 2 of set {foreign} is taken; 1 more share is needed"),
                format!(
                    "share 3 is of set {set}, and not of set {foreign} as before; they are kept \
                     apart. Of set {set}, 1 more share is needed"
                ),
                format!("share 3 of set {set} was given already; 1 more share is needed"),
                "key 2".to_owned(),
                "1 [(1, 3), (1, 1)]".to_owned(),
            ]
        );
    }

    #[test]
    fn of_groups_it_is_said_what_each_needs() {
        let group = |threshold, count| Group { threshold, count };
        let scheme = Scheme::new(2, &[group(2, 3), group(3, 5), group(1, 1)]).unwrap();
        let ours = made(3, &scheme);
        let set = set_name(&ours[0][0].parameters());
        let given = [&ours[1][4], &ours[0][0], &ours[0][1], &ours[0][2], &ours[2][0]];
        assert_eq!(
            said(&given, 3),
            [
                format!(
                    "share 5 of group 2 of set {set} is taken; 2 more shares of group 2 are needed, \
                     and 1 more group is needed"
                ),
                format!(
                    "share 1 of group 1 of set {set} is taken; 1 more share of group 1 is needed, \
                     and 2 more shares of group 2 are needed"
                ),
                format!(
                    "share 2 of group 1 of set {set} is taken; 2 more shares of group 2 are needed"
                ),
                "share 3 of group 1 is not needed: group 1 has all that it needs; 2 more shares of \
                 group 2 are needed"
                    .to_owned(),
                "3 [(2, 5), (1, 1), (1, 2), (3, 1)]".to_owned(),
            ]
        );
    }
}
