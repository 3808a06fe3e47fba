//! The reference implementation (PyPI `shamir-mnemonic`) reads what we write, and we read what it
//! writes. Both in batches: one process, many questions.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use zms_crypto::share::{Encryption, IterationExponent, Passphrase, Scheme, Share, split_bytes};

use super::{any_scheme, any_secret, between, cases, combine, read, seeded};

/// One secret, and how it is split.
struct Case {
    secret: Vec<u8>,
    scheme: Scheme,
    passphrase: String,
    exponent: u8,
}

impl Case {
    fn any(rng: &mut ChaCha20Rng) -> Self {
        let length = between(rng, 0, 30);
        let passphrase = (0..length).map(|_| char::from(between(rng, b' ', b'~'))).collect();
        let most = between(rng, 1, 16);
        let scheme = any_scheme(rng, most);
        Self { secret: any_secret(rng), scheme, passphrase, exponent: between(rng, 0, 2) }
    }

    /// Just enough shares: the last groups, and the last shares of each.
    fn enough<'a, T>(&self, shares: &'a [Vec<T>]) -> Vec<&'a T> {
        let last = |all: usize, needed: u8| all - usize::from(needed);
        let groups = self.scheme.groups().iter().zip(shares);
        groups
            .skip(last(shares.len(), self.scheme.group_threshold()))
            .flat_map(|(group, shares)| &shares[last(shares.len(), group.threshold)..])
            .collect()
    }
}

/// Asks the reference implementation.
fn ask(questions: &[Value]) -> Vec<Value> {
    let python = std::env::var_os("ZMS_TEST_PYTHON").unwrap_or_else(|| {
        panic!("ZMS_TEST_PYTHON is not set: this test asks the reference. Run `./check`, which sets it.")
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/shares/reference.py");
    let mut child = Command::new(python)
        .arg(script)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("can not start Python: {error}; run `./check`"));
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    stdin.write_all(json!(questions).to_string().as_bytes()).expect("Python reads all");
    drop(stdin);
    let output = child.wait_with_output().expect("Python was started");
    assert!(output.status.success(), "its complaint is above");
    serde_json::from_slice(&output.stdout).expect("the script writes JSON")
}

#[test]
fn the_reference_implementation_reads_what_we_write() {
    let mut rng = seeded();
    let cases: Vec<_> = (0..cases(20)).map(|_| Case::any(&mut rng)).collect();
    let mut questions = Vec::new();
    for case in &cases {
        let exponent = IterationExponent::new(case.exponent).expect("four bits");
        let passphrase = Passphrase::parse(&case.passphrase).expect("printable ASCII");
        let encryption = Encryption { passphrase, iteration_exponent: exponent };
        let shares =
            split_bytes(&case.secret, &case.scheme, encryption, &mut rng).expect("a good length");
        let words: Vec<_> =
            case.enough(&shares).iter().map(|share| share.to_words().expose().clone()).collect();
        questions.push(json!({ "shares": words, "passphrase": case.passphrase }));
        questions.push(json!({ "shares": words[1..], "passphrase": case.passphrase }));
    }
    let answers = ask(&questions);
    assert_eq!(answers.len(), 2 * cases.len());
    for (case, answers) in cases.iter().zip(answers.chunks(2)) {
        assert_eq!(answers, [json!(hex::encode(&case.secret)), Value::Null]);
    }
}

#[test]
fn we_read_what_the_reference_implementation_writes() {
    let mut rng = seeded();
    let cases: Vec<_> = (0..cases(20)).map(|_| Case::any(&mut rng)).collect();
    let question = |(at, case): (usize, &Case)| {
        let group = |group: &zms_crypto::share::Group| json!([group.threshold, group.count]);
        json!({
            "secret": hex::encode(&case.secret),
            "group_threshold": case.scheme.group_threshold(),
            "groups": case.scheme.groups().iter().map(group).collect::<Vec<_>>(),
            "passphrase": case.passphrase,
            "extendable": at % 2 == 0,
            "exponent": case.exponent,
        })
    };
    let answers = ask(&cases.iter().enumerate().map(question).collect::<Vec<_>>());
    assert_eq!(answers.len(), cases.len());
    for (at, (case, answer)) in cases.iter().zip(answers).enumerate() {
        let words: Vec<Vec<String>> = serde_json::from_value(answer).expect("words of each group");
        let shares: Vec<Vec<Share>> =
            words.iter().map(|group| group.iter().map(|words| read(words)).collect()).collect();
        for (group, (shares, words)) in (0..).zip(shares.iter().zip(&words)) {
            for (member, (share, words)) in (0..).zip(shares.iter().zip(words)) {
                assert_eq!((share.group_index(), share.member_index()), (group, member));
                assert_eq!(share.parameters().extendable, at % 2 == 0);
                assert_eq!(share.parameters().iteration_exponent.exponent(), case.exponent);
                assert!(share.to_words().expose() == words);
            }
        }
        let enough = case.enough(&shares);
        assert!(combine(enough.iter().copied(), &case.passphrase) == Ok(case.secret.clone()));
        assert!(combine(enough[1..].iter().copied(), &case.passphrase).is_err());
    }
}
