//! Importing on a terminal: what is asked, and what each answer does.

use crate::{machine::Machine, terminal::Terminal};

fn written(machine: &Machine, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = machine.home().join("app").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    machine.own(&machine.home().join("app"));
}

#[test]
fn a_secret_with_another_value_is_asked_about() {
    for (answer, code, value, file) in [
        ("r\n", 0, "second", false),
        ("keep\n", 0, "first", true),
        ("s\n", 7, "first", true),
        ("\n", 7, "first", true),
        ("\x04", 7, "first", true),
    ] {
        let machine = Machine::with_secret();
        written(&machine, &[(".env", "A=second\nB=new\n")]);
        let mut terminal = Terminal::start(&machine, &["import", ".env"]);
        terminal.until("1 secret is there with another value: A").until("[s]top: ").press("x\n");
        terminal.screen.clear();
        terminal.until("[s]top: ").press(answer);
        if !file {
            terminal.until("Delete .env now? [y/N] ").press("y\n");
        }
        let (ended, screen) = terminal.end();
        assert_eq!(ended, code, "{answer:?}: {screen}");
        let stopped = screen.contains("error: stopped; nothing was imported");
        assert_eq!(stopped, code == 7, "{answer:?}: {screen}");
        assert_eq!(machine.sh("zms get A").done(), value, "{answer:?}");
        assert_eq!(machine.sh("zms ls").done().contains('B'), code == 0, "{answer:?}");
        assert_eq!(machine.home().join("app/.env").exists(), file, "{answer:?}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_asked_about_is_kept() {
    let machine = Machine::with_secret();
    written(&machine, &[(".env", "B=new\n")]);
    let mut terminal = Terminal::start(&machine, &["import", ".env"]);
    terminal.until("Delete .env now? [y/N] ");
    written(&machine, &[(".env", "B=new\nC=later\n")]);
    let (code, screen) = terminal.press("y\n").end();
    assert!(code == 1 && screen.contains(".env was changed meanwhile, and is kept"), "{screen}");
    let now = std::fs::read_to_string(machine.home().join("app/.env")).unwrap();
    assert_eq!(now, "B=new\nC=later\n");
}

#[test]
fn nothing_is_asked_where_nothing_differs() {
    let machine = Machine::with_secret();
    written(&machine, &[(".env", "A=first\nB=new\n")]);
    let (code, screen) = Terminal::start(&machine, &["import", ".env", "--keep"]).end();
    assert!(code == 0 && !screen.contains("[s]top"), "{screen}");
    assert_eq!(machine.sh("zms get B").done(), "new");
}

#[test]
fn a_folder_is_confirmed_before_anything_is_written() {
    let machine = Machine::with_secret();
    written(&machine, &[(".env", "A=second\n"), (".env.qa", "Q=1\n"), ("api/.env", "X=1\n")]);
    let import = ["import", "."];
    let mut terminal = Terminal::start(&machine, &import);
    let (code, screen) = terminal.until("Import them so? [y/N] ").press("n\n").end();
    assert!(code == 1 && screen.contains("nothing was changed"), "{screen}");
    assert!(!machine.sh("zms env ls").done().contains("qa"));
    let mut terminal = Terminal::start(&machine, &import);
    terminal.until(".env.qa -> default/qa (1 secret, to be made)");
    terminal.until("[y/N] ").press("y\n").until("A in default/development").until("[s]top: ");
    terminal.press("k\n").until("Delete api/.env, .env.qa now? [y/N] ").press("y\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(machine.sh("zms get A; zms get Q -e qa; zms get X -s api").done(), "first11");
    assert_eq!(machine.sh("ls -A . api").done().matches(".env").count(), 1);
}

#[test]
fn a_protected_environment_is_confirmed_by_its_name() {
    let machine = Machine::with_secret();
    machine.sh("zms env protect staging").done();
    written(&machine, &[(".env", "A=first\n"), (".env.staging", "S=1\n")]);
    for (word, code) in [("no\n", 1), ("staging\n", 0)] {
        let mut terminal = Terminal::start(&machine, &["import", ".", "--keep"]);
        terminal.until("[y/N] ").press("y\n").until("\"staging\" to go on: ").press(word);
        let (ended, screen) = terminal.end();
        assert_eq!(ended, code, "{screen}");
        assert_eq!(machine.sh("zms ls -e staging").done().contains('S'), code == 0);
    }
}

/// What a hostile file may cost, in KiB of address space.
const MOST_KIB: usize = 1024 * 1024;

#[test]
fn attack_a_million_secrets_and_deep_levels_are_refused_in_bounded_memory_and_leave_nothing() {
    let machine = Machine::with_vault();
    let hostile = [
        "seq -f 'K%.0f=v' 1000001 | zms import -",
        "(echo 'Key,Value'; seq -f 'K%.0f,v' 5000000) | zms import -",
        "(printf 'Key,Value'; head -c 60000000 /dev/zero | tr '\\0' ,) | zms import - --format csv",
        "(printf '{\"A\":0'; seq -f ',\"%.0f\":0' 5000000; echo '}') | zms import -",
        "(printf '{\"A\":{\"B\":0'; seq -f ',\"%.0f\":0' 1000001; echo '}}') | zms import -",
        "(printf '['; yes '0,' | head -n 5000000 | tr -d '\\n'; printf '0]') > a.json; zms import a.json",
        "(printf '{\"A\":'; yes '[' | head -n 1000000 | tr -d '\\n') | zms import -",
        "(echo ---; seq -f '%.0f: v' 300000) | zms import -",
        "(yes 'A: [' | head -n 100000) > deep.yaml; zms import deep.yaml",
        "seq -f 'K%.0f = 1' 300000 > many.toml; zms import many.toml",
        "(printf 'A = '; yes '[' | head -n 1000000 | tr -d '\\n') > deep.toml; zms import deep.toml",
    ];
    for line in hostile {
        let refused = machine.sh(&format!("ulimit -v {MOST_KIB}; {line}")).refused(2);
        assert!(refused.contains("hint: "), "{line}: {refused}");
    }
    assert_eq!(machine.sh("zms ls").done(), "");
}

#[test]
fn attack_a_folder_of_large_or_many_files_is_refused_in_bounded_memory_and_leaves_nothing() {
    let machine = Machine::with_vault();
    let hostile = [
        (
            "mkdir large; for name in a b c e f; do truncate -s 60M large/.env.$name; done",
            "zms import large --yes",
            "the files to import are larger than 256 MiB together",
        ),
        (
            "mkdir one; truncate -s 65M one/.env",
            "zms import one --yes",
            "one/.env is larger than 64 MiB",
        ),
        (
            "mkdir many; for name in $(seq 1001); do echo A=1 > many/.env.e$name; done",
            "zms import many --yes",
            "there are more than 1000 files to import",
        ),
        (
            "mkdir full; for name in a b c; do seq -f 'K%.0f=v' 40000 > full/.env.$name; done",
            "zms import full --yes",
            "the files hold more than 100000 secrets",
        ),
    ];
    for (made, import, why) in hostile {
        machine.sh(made).done();
        let refused = machine.sh(&format!("ulimit -v {MOST_KIB}; {import}")).refused(2);
        assert!(refused.contains(why), "{import}: {refused}");
    }
    assert_eq!(machine.sh("zms ls; zms env ls").done(), "development\nproduction\nstaging\n");
}
