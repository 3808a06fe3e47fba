//! A disk that changes a bit: whoever reads sees the truth or is refused, `zms doctor` says so, and
//! what the bit has nothing to do with still reads.

use std::{collections::BTreeMap, fs};

use crate::{
    random::{Random, full},
    scratch::{Go, Scratch, numbered},
};

/// How far apart the bits are, and how many of them are tried in a run that is not full.
const STEP: usize = 512;
const SAMPLE: usize = 60;

const PLACES: [&str; 2] = ["development", "staging"];

/// What one reader is given in a place; `None` where it is refused.
fn read(vault: &Scratch, env: &str, token: Option<&str>) -> Option<BTreeMap<String, String>> {
    let mut command = vault.zms(["export", "-e", env, "--format", "json"]);
    token.map(|token| command.env("ZMS_TOKEN", token));
    let ran = command.go();
    if ran.status.success() {
        return Some(serde_json::from_slice(&ran.stdout).unwrap());
    }
    let code = ran.code();
    // Broken, or a token that can not be found any more, or no entry in a broken audit.
    assert!([1, 4, 5, 6, 8].contains(&code), "exit {code}: {}", ran.stderr);
    let said = ran.refused(code);
    assert!(!said.contains("panicked") && !said.contains(" value "), "{said}");
    None
}

#[test]
fn attack_a_bit_that_changes_anywhere_in_the_file_changes_no_value() {
    let vault = Scratch::vault();
    for env in PLACES {
        vault.import(&["-e", env], &numbered(env, 20));
    }
    let token = vault.token(&["ci", "-e", "development,staging"]);
    vault.set(&["-e", PLACES[0]], "LAST", "the value of it");
    let truth = PLACES.map(|env| vault.secrets(&["-e", env]));
    for (env, truth) in PLACES.iter().zip(&truth) {
        assert_eq!(read(&vault, env, Some(&token)).as_ref(), Some(truth));
    }
    // A session that wrote folds the log away: the file is all there is.
    vault.set(&["-e", PLACES[1]], "ABOVE", "1");
    vault.zms(["rm", "ABOVE", "-e", PLACES[1]]).go().good();
    assert!(!vault.home().join("zms.db-wal").exists());
    let bytes = fs::read(vault.home().join("zms.db")).unwrap();
    let mut random = Random::new();
    let step = if full() { STEP / 8 } else { STEP };
    let places = random.sample((0..bytes.len()).step_by(step).collect(), SAMPLE);
    let (mut refused, mut apart) = (0, 0);
    for start in &places {
        let (at, bit) = (start + random.below(step), 1 << random.below(8));
        println!("bit {bit:#04x} of byte {at}");
        let copy = vault.copy();
        let mut damaged = bytes.clone();
        damaged[at] ^= bit;
        fs::write(copy.home().join("zms.db"), damaged).unwrap();
        let doctor = copy.zms(["doctor"]).go();
        let mut reads = Vec::new();
        for who in [None, Some(&*token)] {
            for (env, truth) in PLACES.iter().zip(&truth) {
                let seen = read(&copy, env, who);
                assert!(seen.is_none() || seen.as_ref() == Some(truth), "{env}: {seen:?}");
                reads.push(seen.is_some());
            }
        }
        if reads.contains(&false) {
            refused += 1;
            apart += usize::from(reads.contains(&true));
            let found = String::from_utf8(doctor.stdout).unwrap();
            let said = doctor.stderr;
            assert!(!doctor.status.success() && found.contains("FAIL"), "{reads:?}: {found}{said}");
            assert!(!said.contains("panicked"), "{said}");
        }
    }
    println!("{refused} of {} refused, in {apart} of them somebody still reads", places.len());
    // Most of the file is room that is not used, and what nobody reads.
    assert!(refused > 0 || !full(), "nothing that was changed was ever missed");
    assert!(apart > 0 || !full(), "whatever is changed, nobody reads anything any more");
}
