//! Files of the working folder redirect nothing and run nothing without consent.

use crate::machine::Machine;

/// A vault with A in development and staging, and a token for staging.
fn machine() -> (Machine, String) {
    let machine = Machine::with_secret();
    machine.sh("printf second | zms set A -e staging").done();
    let token = machine.sh("zms token create ci -q -e staging").done();
    (machine, token.trim().to_owned())
}

const SHOW: &str = "timeout 5 zms run -- sh -c 'echo $A'";

#[test]
fn env_local_goes_before_env() {
    let (machine, token) = machine();
    machine.sh(&format!("echo ZMS_TOKEN={token} > .env.local; echo ZMS_TOKEN=x > .env")).done();
    machine.sh("zms allow .env").done();
    assert!(
        machine.sh(SHOW).refused(4).contains(".env.local names a ZMS_TOKEN and is not allowed")
    );
    machine.sh("zms allow .env.local").done();
    assert_eq!(machine.sh(SHOW).done(), "second\n");
    machine.sh("rm .env.local").done();
    assert!(machine.sh(SHOW).refused(4).starts_with("error: malformed token in "));
}

#[test]
fn consent_is_for_one_file_as_it_is() {
    let (machine, token) = machine();
    machine.sh(&format!("echo ZMS_TOKEN={token} > .env && zms allow")).done();
    assert_eq!(machine.sh(SHOW).done(), "second\n");
    machine.sh("mkdir ../other && cp .env ../other").done();
    machine.sh(&format!("cd ../other && {SHOW}")).refused(4);
    machine.sh("cp .env copy && echo >> .env").done();
    machine.sh(SHOW).refused(4);
    machine.sh("cp copy .env").done();
    assert_eq!(machine.sh(SHOW).done(), "second\n");
    machine.sh("mv .env copy && ln -s copy .env").done();
    machine.sh(SHOW).refused(4);
}

#[test]
fn only_run_uses_such_a_token() {
    let (machine, token) = machine();
    machine.sh(&format!("echo ZMS_TOKEN={token} > .env && zms allow")).done();
    assert_eq!(machine.sh("zms get A").done(), "first");
    machine.sh("printf 1 | zms set B").done();
    machine.sh("zms get B -e staging").refused(3);
    assert_eq!(machine.sh("zms get B -e development").done(), "1");
    assert!(machine.sh("zms status").done().contains("acting as  owner"));
    machine.sh("rm ~/.zexio/zms.master.key").done();
    machine.sh("zms get A -e staging").refused(5);
    assert_eq!(machine.sh(SHOW).done(), "second\n");
}

#[test]
fn a_named_token_goes_before_that_of_the_folder() {
    let (machine, token) = machine();
    machine.sh(&format!("echo ZMS_TOKEN={token} > .env")).done();
    let named = machine.sh("zms token create dev -q").done();
    assert_eq!(machine.sh(&format!("ZMS_TOKEN={} {SHOW}", named.trim())).done(), "first\n");
    let owner = SHOW.replace("zms run", "zms run --as-owner");
    assert_eq!(machine.sh(&owner).done(), "first\n");
}

#[test]
fn the_last_of_two_tokens_counts() {
    let (machine, token) = machine();
    machine.sh(&format!("printf 'ZMS_TOKEN=x\\nZMS_TOKEN={token}\\n' > .env && zms allow")).done();
    assert_eq!(machine.sh(SHOW).done(), "second\n");
}

#[test]
fn attack_hostile_folder_token() {
    let (machine, _) = machine();
    for text in [
        "ZMS_TOKEN=$(touch pwned)",
        "ZMS_TOKEN=`touch pwned`",
        "ZMS_TOKEN=\"; touch pwned\"",
        "ZMS_TOKEN=",
        "export ZMS_TOKEN='a\\nb'",
    ] {
        machine.sh(&format!("cat > .env <<'END'\n{text}\nEND\n")).done();
        assert!(machine.sh(SHOW).refused(4).contains("is not allowed"), "{text}");
        machine.sh("zms allow").done();
        machine.sh(SHOW).refused(4);
        machine.sh("test ! -e pwned").done();
    }
}

#[test]
fn attack_a_folder_names_neither_vault_nor_place_nor_loader() {
    let (machine, _) = machine();
    let hostile = "ZMS_HOME=/tmp/evil\nZMS_VAULT=evil\nZMS_ENV=staging\nZMS_PROJECT=evil\n\
                   LD_PRELOAD=/tmp/evil.so\nPATH=/tmp/evil\nA=evil\nZMS_TOKEN_FILE=evil\n";
    machine.sh(&format!("printf '{hostile}' > .env; cp .env .env.local")).done();
    assert_eq!(machine.sh(SHOW).done(), "first\n");
    assert_eq!(machine.sh("zms get A").done(), "first");
}

/// A token that is there is used or refused, though a mistake stands elsewhere in its file.
#[test]
fn an_allowed_file_with_a_mistake_falls_back_to_nothing() {
    let (machine, token) = machine();
    machine.sh(&format!("echo ZMS_TOKEN={token} > .env && zms allow")).done();
    assert_eq!(machine.sh(SHOW).done(), "second\n");
    machine.sh("echo 'B=\"open' >> .env").done();
    let ran = machine.sh(SHOW);
    assert_ne!(ran.code, 0, "it ran as the owner: {}", ran.out.escape_ascii());
}

#[test]
fn a_folder_named_env_is_no_file_that_names_a_token() {
    let (machine, _) = machine();
    machine.sh("mkdir .env").done();
    assert_eq!(machine.sh(SHOW).done(), "first\n");
}

#[test]
fn attack_pipes_in_the_folder_block_nobody() {
    let (machine, _) = machine();
    machine.sh("mkfifo .env").done();
    let ran = machine.sh(SHOW);
    assert_ne!(ran.code, 124, "zms run waits for a pipe named .env");
}

#[test]
fn attack_a_pipe_named_zms_toml_blocks_nobody() {
    let (machine, _) = machine();
    machine.sh("mkfifo zms.toml").done();
    let ran = machine.sh("timeout 5 zms ls");
    assert_ne!(ran.code, 124, "zms ls waits for a pipe named zms.toml");
}

#[test]
fn attack_a_file_never_chooses_production() {
    let (machine, _) = machine();
    machine.sh("printf secret | zms set A -e production").done();
    for text in [
        "environment = \"production\"",
        "environment = 'production'",
        "environment = \"prod\\u0075ction\"",
        "\"environment\" = \"\"\"production\"\"\"",
        "project = \"default\"\nenvironment = \"production\"\nservice = \"api\"",
    ] {
        machine.sh(&format!("cat > zms.toml <<'END'\n{text}\nEND\n")).done();
        for line in ["zms get A", "zms run -- echo not reached", "zms ls", "zms get A -s x"] {
            assert!(machine.sh(line).refused(2).contains("a file may not choose production"));
        }
        assert_eq!(machine.sh("zms get A -p default -e production").done(), "secret");
    }
}

#[test]
fn attack_zms_toml_of_a_parent_or_behind_a_link_is_read_as_settings_only() {
    let (machine, _) = machine();
    machine.sh("printf 'environment = \"staging\"\\n' > ../zms.toml && mkdir -p deep/er").done();
    assert_eq!(machine.sh("cd deep/er && zms get A").done(), "second");
    machine.sh("ln -s ~/.zexio/zms.master.key zms.toml").done();
    let said = machine.sh("zms get A").refused(2);
    let key = std::fs::read_to_string(machine.vault("zms.master.key")).unwrap();
    let body = key.lines().nth(1).unwrap();
    assert!(!said.contains(&body[..20]), "a line of the key is shown: {said}");
}
