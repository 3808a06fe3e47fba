//! The independent reader of `spec/reader` opens what the program wrote.

use std::{
    collections::BTreeMap,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::{scratch::Scratch, tools};

/// What the reader says of a database: by name, the value in base64.
fn read(scratch: &Scratch, key: &Key<'_>, path: &str) -> Output {
    read_form("database", &scratch.home().join("zms.db"), scratch, key, path)
}

fn read_form(form: &str, file: &Path, scratch: &Scratch, key: &Key<'_>, path: &str) -> Output {
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/reader/zms_reader.py");
    let mut command = Command::new(tools::python());
    command.arg(reader).arg(form).arg(file).arg(path);
    let line = match key {
        Key::File => {
            command.arg("--key-file").arg(scratch.home().join("zms.master.key"));
            String::new()
        }
        Key::Token(token) => format!("{token}\n"),
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

enum Key<'t> {
    File,
    Token(&'t str),
}

fn values(output: &Output) -> BTreeMap<String, String> {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refusal(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

#[test]
fn the_second_reader_opens_what_the_program_wrote() {
    let scratch = Scratch::vault();
    let sh = |script: &str| {
        let output = Command::new("sh")
            .args(["-c", script])
            .current_dir(scratch.work())
            .env("ZMS_HOME", scratch.home())
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", Path::new(tools::ZMS).parent().unwrap().display()),
            )
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    sh("zms service create api -q
        printf 'A=1\\nB=two words\\nC=\\n' | zms import - -q
        printf '\\377\\000x' | zms set BYTES -q
        printf near | zms set A -s api -q
        zms set POINTS --ref default/development/B -s api -q
        zms set A -q </dev/null 2>/dev/null || true
        printf prod | zms set A -e production -q");
    let token = sh("zms token create reads -q -s api");
    let spy = sh("zms token create leaves -q -e development,production");
    let api = "default/development/api";
    let expected = BTreeMap::from(
        [
            ("A", "bmVhcg=="),
            ("B", "dHdvIHdvcmRz"),
            ("BYTES", "/wB4"),
            ("C", ""),
            ("POINTS", "dHdvIHdvcmRz"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    assert_eq!(values(&read(&scratch, &Key::Token(&token), api)), expected);
    assert_eq!(values(&read(&scratch, &Key::File, api)), expected);
    sh("zms backup all.backup");
    let file = scratch.work().join("all.backup");
    assert_eq!(values(&read_form("backup", &file, &scratch, &Key::File, api)), expected);
    let refused = read_form("backup", &file, &scratch, &Key::Token(&token), api);
    assert_eq!(refusal(&refused), "denied");
    // What the owner keeps beside the vault.
    sh("printf mine | zms set A -s api --personal -q; printf other | zms set A --personal -q");
    let folder = scratch.home().join("personal");
    let personal = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let mine = BTreeMap::from([("A".to_owned(), "bWluZQ==".to_owned())]);
    assert_eq!(values(&read_form("personal", &personal, &scratch, &Key::File, api)), mine);
    let refused = read_form("personal", &personal, &scratch, &Key::Token(&token), api);
    assert_eq!(refusal(&refused), "integrity");
    let production = "default/production";
    assert_eq!(refusal(&read(&scratch, &Key::Token(&token), production)), "out-of-scope");
    assert_eq!(values(&read(&scratch, &Key::Token(&spy), production))["A"], "cHJvZA==");
    sh("zms token revoke leaves --yes -q");
    assert_eq!(refusal(&read(&scratch, &Key::Token(&spy), production)), "revoked");
    // Every key on the way is new, and all who stay read as before.
    assert_eq!(values(&read(&scratch, &Key::Token(&token), api)), expected);
    assert_eq!(values(&read(&scratch, &Key::File, production))["A"], "cHJvZA==");
    // All of it is made anew: another authority, other keys, other seeds.
    sh("cp \"$ZMS_HOME/zms.master.key\" old; zms key rotate --full --yes -q > new");
    let anew = sh("sed -n 's/^reads *//p' new");
    assert_eq!(values(&read(&scratch, &Key::Token(&anew), api)), expected);
    assert_eq!(values(&read(&scratch, &Key::File, production))["A"], "cHJvZA==");
    assert_eq!(refusal(&read(&scratch, &Key::Token(&anew), production)), "out-of-scope");
    assert_eq!(refusal(&read(&scratch, &Key::Token(&token), api)), "revoked");
    sh("cp old \"$ZMS_HOME/zms.master.key\"");
    assert_eq!(refusal(&read(&scratch, &Key::File, production)), "revoked");
}
