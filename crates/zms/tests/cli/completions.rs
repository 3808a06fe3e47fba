//! The scripts and pages do in a real shell and a real formatter what they are for.

use crate::machine::Machine;

/// What bash offers for a line of words, the last of which is being typed.
fn offered(machine: &Machine, words: &str) -> Vec<String> {
    offered_with(machine, "", words)
}

fn offered_with(machine: &Machine, first: &str, words: &str) -> Vec<String> {
    let script = format!(
        "{first} . ./zms.bash; COMP_WORDS=({words} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
         entry=$(complete -p zms); f=${{entry#*-F }}; f=${{f%% *}}; \
         $f zms '' \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut command = machine.command("bash");
    command.args(["--norc", "-c", &script]);
    let ran = crate::machine::run(command);
    assert_eq!(ran.err, "", "a shell is told nothing but names");
    ran.done().lines().map(str::to_owned).collect()
}

/// A vault with some names, and the script of bash.
fn named() -> Machine {
    let machine = Machine::with_vault();
    machine.sh("zms completions bash > zms.bash && bash -n zms.bash").done();
    machine.sh("zms project create shop && zms service create api -p shop -e staging").done();
    machine.sh("zms token create ci && zms init --vault work").done();
    machine.sh("printf canary | zms set DATABASE_URL; printf canary | zms set KEY -p shop -e staging -s api").done();
    machine
}

fn has(offered: &[String], wanted: &[&str]) -> bool {
    wanted.iter().all(|name| offered.iter().any(|word| word == name))
}

#[test]
fn bash_completes_commands_flags_and_choices() {
    let machine = Machine::new();
    machine.sh("zms completions bash > zms.bash && bash -n zms.bash").done();
    assert!(has(&offered(&machine, "zms"), &["init", "set", "run", "token", "completions"]));
    assert!(has(&offered(&machine, "zms token"), &["revoke"]));
    let formats = offered(&machine, "zms export --format");
    let format = |word: &String| !word.starts_with('-') && word != "set";
    assert!(has(&formats, &["dotenv"]) && formats.iter().all(format), "{formats:?}");
    let set = offered_with(&machine, "", "zms set --");
    assert!(!set.iter().any(|word| word.contains("VALUE")), "what is hidden stays so: {set:?}");
}

#[test]
fn names_of_the_vault_are_offered_and_no_values() {
    let machine = named();
    for (words, names) in [
        ("zms get", &["DATABASE_URL"][..]),
        ("zms get -p shop -e staging -s api", &["KEY"]),
        ("zms run --only", &["DATABASE_URL"]),
        ("zms ls -p", &["default", "shop"]),
        ("zms ls -p shop -e", &["development", "staging", "production"]),
        ("zms ls -p shop -e staging -s", &["api"]),
        ("zms env rm -p shop", &["staging"]),
        ("zms token revoke", &["ci"]),
        ("zms ls --vault", &["default", "work"]),
    ] {
        let offered = offered(&machine, words);
        assert!(has(&offered, names), "{words}: {offered:?}");
        assert!(!offered.iter().any(|word| word.contains("canary")), "{offered:?}");
    }
    assert!(!has(&offered(&machine, "zms get -p shop -e staging -s api"), &["DATABASE_URL"]));
    assert!(machine.sh("zms audit").done().lines().count() > 6, "each look is in the audit");
}

#[test]
fn a_locked_vault_and_a_counted_token_offer_no_names_and_no_words() {
    let machine = named();
    machine.sh("zms token create once --uses 1 > token && chmod 600 token").done();
    let token = "export ZMS_TOKEN_FILE=token;";
    assert!(!has(&offered_with(&machine, token, "zms get"), &["DATABASE_URL"]));
    assert_eq!(machine.sh("ZMS_TOKEN_FILE=token zms get DATABASE_URL").done(), "canary");
    let broken = "export ZMS_TOKEN=zms_st_1broken;";
    assert!(!has(&offered_with(&machine, broken, "zms get"), &["DATABASE_URL"]));
    std::fs::remove_file(machine.vault("zms.master.key")).unwrap();
    assert!(!has(&offered(&machine, "zms get"), &["DATABASE_URL"]));
    assert!(has(&offered(&machine, "zms"), &["init"]));
}

#[test]
fn other_shells_complete() {
    let machine = named();
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let script =
            machine.sh(&format!("zms completions {shell} > script.{shell}; cat script.{shell}"));
        assert!(script.done().contains("ZMS_COMPLETE"), "{shell}");
    }
    machine.sh("zsh -n script.zsh").done();
    let line = "fish --no-config -c 'source script.fish; complete -C \"zms get DATA\"'";
    assert!(machine.sh(line).done().starts_with("DATABASE_URL"));
}

#[test]
fn groff_reads_every_page_without_a_warning() {
    let machine = Machine::new();
    machine.sh("mkdir pages && zms man --dir pages").done();
    let pages = machine.sh("ls pages").done();
    assert!(pages.contains("zms-token-create.1\n") && pages.contains("zms.1\n"), "{pages}");
    for page in pages.lines() {
        let ran = machine.sh(&format!("groff -man -ww -Tascii pages/{page} > text && cat text"));
        assert_eq!(ran.err, "", "{page}");
        assert!(ran.done().contains("Examples:") || page == "zms.1", "{page}");
    }
    machine.sh("! grep -rq 'Refused: other users' pages").done();
}
