//! The scripts and pages do in a real shell and a real formatter what they are for.

use crate::machine::Machine;

/// What bash offers for a line of words, the last of which is being typed.
fn offered(machine: &Machine, words: &str) -> Vec<String> {
    let script = format!(
        ". ./zms.bash; COMP_WORDS=({words} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
         entry=$(complete -p zms); f=${{entry#*-F }}; f=${{f%% *}}; \
         $f zms '' \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut command = machine.command("bash");
    command.args(["--norc", "-c", &script]);
    crate::machine::run(command).done().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_choices() {
    let machine = Machine::new();
    machine.sh("zms completions bash > zms.bash && bash -n zms.bash").done();
    let first = offered(&machine, "zms");
    for command in ["init", "set", "run", "token", "completions"] {
        assert!(first.iter().any(|word| word == command), "{command}: {first:?}");
    }
    let token = offered(&machine, "zms token");
    assert!(token.iter().any(|word| word == "revoke"), "{token:?}");
    let formats = offered(&machine, "zms export --format");
    let format = |word: &String| !word.starts_with('-') && word != "set";
    assert!(
        formats.iter().any(|word| word == "dotenv") && formats.iter().all(format),
        "{formats:?}"
    );
    let set = offered(&machine, "zms set");
    assert!(set.iter().any(|word| word == "--file"), "{set:?}");
    assert!(!set.iter().any(|word| word.contains("VALUE")), "what is hidden stays so: {set:?}");
}

#[test]
fn other_shells_accept_their_scripts_where_they_are_installed() {
    let machine = Machine::new();
    for shell in ["zsh", "fish"] {
        let script = machine.sh(&format!("zms completions {shell}")).done();
        assert!(script.contains("zms") && !script.contains("Refused: other users"), "{shell}");
        let there = machine.sh(&format!("command -v {shell}")).code == 0;
        if there {
            machine.sh(&format!("zms completions {shell} > script; {shell} -n script")).done();
        }
    }
}

#[test]
fn groff_reads_every_page_without_a_warning() {
    let machine = Machine::new();
    machine.sh("mkdir pages && zms man --dir pages").done();
    let pages = machine.sh("ls pages").done();
    assert!(pages.contains("zms-token-create.1\n") && pages.contains("zms.1\n"), "{pages}");
    if machine.sh("command -v groff").code == 0 {
        for page in pages.lines() {
            let ran =
                machine.sh(&format!("groff -man -ww -Tascii pages/{page} > text && cat text"));
            assert_eq!(ran.err, "", "{page}");
            assert!(ran.done().contains("Examples:") || page == "zms.1", "{page}");
        }
    }
    machine.sh("! grep -rq 'Refused: other users' pages").done();
}
