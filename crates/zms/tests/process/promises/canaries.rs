//! Marked values and names, and everywhere they must not be. Each search first finds a copy that
//! was planted where it looks.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    mark::Mark,
    random::Random,
    scratch::{Go, Ran, Scratch, files_in},
    strace::options,
};

/// What the marks are, and a vault that has none of them yet.
struct Marked {
    vault: Scratch,
    value: Mark,
    other_value: Mark,
    note: Mark,
    name: Mark,
    other_name: Mark,
    project: Mark,
    env: Mark,
    service: Mark,
    label: Mark,
}

impl Marked {
    fn new() -> Self {
        let mut random = Random::new();
        let mut word = |what, prefix: &str| {
            Mark::new(what, format!("{prefix}{}", hex::encode(random.bytes(8))))
        };
        Self {
            vault: Scratch::empty(),
            value: word("value", "canary-value-"),
            other_value: word("imported value", "canary-import-"),
            note: word("note", "canary-note-"),
            name: word("secret name", "CANARY_"),
            other_name: word("imported name", "CANARIES_"),
            project: word("project", "canary-project-"),
            env: word("env", "canary-env-"),
            service: word("service", "canary-service-"),
            label: word("token label", "canary-token-"),
        }
    }

    fn values(&self) -> [&Mark; 2] {
        [&self.value, &self.other_value]
    }

    fn names(&self) -> [&Mark; 7] {
        let Self { note, name, other_name, project, env, service, label, .. } = self;
        [note, name, other_name, project, env, service, label]
    }

    fn place(&self) -> [&str; 6] {
        ["-p", &self.project.plain, "-e", &self.env.plain, "-s", &self.service.plain]
    }

    /// Every command that does something, with its input, and whether it gives out values.
    fn commands(&self) -> Vec<(Vec<String>, String, bool)> {
        let Self { project, env, service, name, label, note, .. } = self;
        let (project, env, service) = (&*project.plain, &*env.plain, &*service.plain);
        let (name, label) = (&*name.plain, &*label.plain);
        let place = self.place();
        let at =
            |args: &[&str]| [&place[..], args].concat().iter().map(|arg| arg.to_string()).collect();
        let here = |args: &[&str]| args.iter().map(|arg| arg.to_string()).collect();
        let import = format!("{}={}\n", self.other_name.plain, self.other_value.plain);
        let set = format!("{}\n", self.value.plain);
        let none = String::new;
        // What comes before has set each secret, and what follows takes it away again.
        let more = vec![
            (at(&["cp", name, "COPY"]), none(), false),
            (at(&["mv", "COPY", "MOVED"]), none(), false),
            (at(&["edit", "--yes"]), none(), false),
            (at(&["undo", "--yes"]), none(), false),
            (at(&["history", name]), none(), false),
            (at(&["history", name, "--reveal"]), none(), true),
            (at(&["log"]), none(), false),
            (at(&["diff", "2"]), none(), false),
            (at(&["diff", "2", "--reveal"]), none(), true),
            (here(&["search", "CANAR"]), none(), false),
            (here(&["env", "copy", env, "copied", "-p", project]), none(), false),
            (here(&["env", "rename", "copied", "renamed", "-p", project]), none(), false),
            (here(&["env", "diff", env, "renamed", "-p", project]), none(), false),
            (here(&["env", "rm", "renamed", "-p", project, "--yes"]), none(), false),
            (here(&["bundle", "create", "app.zms", "--token", label]), none(), false),
            (here(&["bundle", "inspect", "app.zms"]), none(), false),
            (
                here(&["key", "split", "--shares", "3", "--threshold", "2", "--sheets", "."]),
                none(),
                false,
            ),
            (here(&["key", "status"]), none(), false),
            (here(&["audit"]), none(), false),
            (here(&["audit", "verify"]), none(), false),
            (here(&["audit", "checkpoint", "--out", "checkpoint"]), none(), false),
            (here(&["exposure"]), none(), false),
            (here(&["roster", "refresh"]), none(), false),
            (here(&["member", "ls"]), none(), false),
            (here(&["doctor"]), none(), false),
            (here(&["backup", "all.backup"]), none(), false),
            (here(&["backup", "verify", "all.backup"]), none(), false),
        ];
        let first = vec![
            (here(&["init"]), none(), false),
            (here(&["project", "create", project]), none(), false),
            (here(&["env", "create", env, "-p", project]), none(), false),
            (here(&["service", "create", service, "-p", project, "-e", env]), none(), false),
            (at(&["set", name, "--note", &note.plain]), set.clone(), false),
            (at(&["import", "-"]), import, false),
            (at(&["set", name]), set, false),
            (
                at(&["set", "REF", "--ref", &format!("{project}/{env}/{service}/{name}")]),
                none(),
                false,
            ),
            (at(&["token", "create", label, "--write"]), none(), false),
            (at(&["ls"]), none(), false),
            (at(&["status"]), none(), false),
            (at(&["get", name]), none(), true),
            (at(&["get", name, "--json"]), none(), true),
            (at(&["export"]), none(), true),
            (at(&["export", "--format", "shell"]), none(), true),
            (at(&["run", "--explain"]), none(), false),
            (at(&["run", "--dry-run"]), none(), false),
            (at(&["run", "--", "true"]), none(), false),
            (here(&["token", "ls"]), none(), false),
            (here(&["token", "inspect", label]), none(), false),
            (here(&["project", "ls"]), none(), false),
        ];
        let last = vec![
            (here(&["token", "revoke", label, "--yes"]), none(), false),
            (at(&["rm", "REF"]), none(), false),
        ];
        first.into_iter().chain(more).chain(last).collect()
    }

    /// An editor that adds a line.
    fn editor(&self) -> PathBuf {
        let path = self.vault.folder().join("editor");
        if !path.exists() {
            fs::write(&path, "#!/bin/sh\necho 'EDITED=x' >> \"$1\"\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        path
    }
}

#[track_caller]
fn absent(marks: &[&Mark], places: &BTreeMap<String, Vec<u8>>) {
    for (place, content) in places {
        for mark in marks {
            assert!(!mark.is_in(content), "{} in {place}", mark.what);
        }
    }
}

/// Every file under the home and in the working folder: what commands were told to write as well.
fn all_files(vault: &Scratch) -> BTreeMap<String, Vec<u8>> {
    let files = vault.files().into_iter().chain(files_in(&vault.work()));
    let mut places: BTreeMap<_, _> =
        files.map(|(path, content)| (path.display().to_string(), content)).collect();
    let names = places.keys().cloned().collect::<Vec<_>>().join("\n");
    places.insert("the names of files".to_owned(), names.into_bytes());
    places
}

/// The search finds a mark in each form, at any place in a file.
fn the_search_of_files_works(marked: &Marked) {
    for folder in [marked.vault.home().join("pins"), marked.vault.work()] {
        the_search_of_a_folder_works(marked, &folder.join("planted"));
    }
}

fn the_search_of_a_folder_works(marked: &Marked, planted: &Path) {
    for mark in marked.values().into_iter().chain(marked.names()) {
        for (shift, bytes) in [(0, &b""[..]), (1, b"x"), (2, b"xy")] {
            let plain = [bytes, mark.plain.as_bytes(), b"behind"].concat();
            let copies = [
                plain.clone(),
                STANDARD.encode(&plain).into_bytes(),
                hex::encode(&plain).into_bytes(),
                hex::encode_upper(&plain).into_bytes(),
            ];
            for copy in copies {
                fs::write(planted, [&vec![7; 5000][..], &copy].concat()).unwrap();
                let found = all_files(&marked.vault);
                let found = found.get(&planted.display().to_string());
                let found = found.is_some_and(|content| mark.is_in(content));
                assert!(found, "{} is not found, shifted by {shift}", mark.what);
            }
        }
    }
    fs::remove_file(planted).unwrap();
}

#[test]
fn no_file_and_no_word_shows_a_value_and_no_file_a_name() {
    let marked = Marked::new();
    let mut tokens = Vec::new();
    // What is as it was after the command before has been looked at.
    let mut before = BTreeMap::new();
    for (args, input, gives) in marked.commands() {
        let mut command = marked.vault.zms(&args);
        let Ran { stdout, stderr, status } =
            command.env("EDITOR", marked.editor()).feed(input.as_bytes());
        assert!(status.success(), "{args:?}: {stderr}");
        if args == ["init"] {
            the_search_of_files_works(&marked);
        }
        absent(&marked.values(), &[(format!("stderr of {args:?}"), stderr.into())].into());
        if gives {
            let given = marked.values().iter().any(|mark| mark.is_in(&stdout));
            assert!(given, "{args:?} gives out a value");
        } else {
            absent(&marked.values(), &[(format!("stdout of {args:?}"), stdout.clone())].into());
        }
        let text = String::from_utf8_lossy(&stdout).into_owned();
        let token = text.lines().filter(|line| line.starts_with("zms_st_"));
        tokens.extend(token.map(|token| Mark::new("token", token.to_owned())));
        // After every command: the log and the shared memory are looked at while they are there.
        let now = all_files(&marked.vault);
        let mut files = now.clone();
        files.retain(|path, content| before.get(path) != Some(content));
        before = now;
        absent(&marked.values(), &files);
        absent(&marked.names(), &files);
        absent(&tokens.iter().collect::<Vec<_>>(), &files);
    }
    assert_eq!(tokens.len(), 1, "the token was seen");
    assert!(all_files(&marked.vault).keys().any(|path| path.ends_with("zms.db")));
}

#[test]
fn no_error_shows_a_value() {
    let marked = Marked::new();
    marked.vault.zms(["init"]).go().good();
    let value = &marked.value.plain;
    let lines = [
        format!("A={value}\nB='{value}\n"),
        format!("A-=\"{value}\n"),
        format!("{{\"A\": \"{value}\", \"A\": [\"{value}\"]}}"),
        format!("{{\"A\": \"{value}\""),
        value.clone(),
    ];
    for text in lines {
        let ran = marked.vault.zms(["import", "-"]).feed(text.as_bytes());
        assert!(!ran.status.success() || text == *value, "{text}");
        let words = [("stderr".to_owned(), ran.stderr.into_bytes())].into();
        absent(&[&marked.value], &words);
    }
    // A token is a secret, however it is misspelled or wherever it is put.
    let token = marked.vault.token(&["ci", "-e", "development"]);
    let mark = Mark::new("token", token[..token.len() - 2].to_owned());
    let wrong = format!("{}qq", mark.plain);
    for text in [wrong, format!(" {token}"), format!("{token}@host.example")] {
        let ran = marked.vault.zms(["ls"]).env("ZMS_TOKEN", &text).go();
        assert!(!ran.status.success());
        absent(&[&mark], &[("stderr".to_owned(), ran.stderr.into_bytes())].into());
    }
    for args in [["token", "inspect", &token], ["token", "revoke", &token]] {
        let ran = marked.vault.zms(args).go();
        assert_eq!(ran.code(), 2);
        absent(&[&mark], &[("stderr".to_owned(), ran.stderr.into_bytes())].into());
    }
}

/// All that was written to each file, and what a command wrote to its streams.
fn written(marked: &Marked, args: &[String], input: &str) -> BTreeMap<String, Vec<u8>> {
    let vault = &marked.vault;
    let log = vault.folder().join("write.log");
    let mut strace = options("?write,?pwrite64,?writev,?pwritev,?pwritev2,?sendto,?sendmsg", &log);
    strace.splice(1..1, ["-f", "-y", "-xx", "-s", "1000000"].map(str::to_owned));
    let mut command = vault.under(&strace, args);
    let ran = command.env("EDITOR", marked.editor()).feed(input.as_bytes());
    assert!(ran.status.success(), "{args:?}: {}", ran.stderr);
    let mut places: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        // `123 write(4</path>, "\x01\x02"..., 2) = 2`; with -xx paths are in hex too.
        let Some((_, call)) = line.split_once('(') else { continue };
        let Some((number, rest)) = call.split_once('<') else { continue };
        let path = unhex(rest.split('>').next().unwrap_or_default());
        let path = String::from_utf8_lossy(&path).into_owned();
        // The streams of the command itself are pipes; what it redirects is a file.
        let place = match (number, path.starts_with("pipe:[")) {
            ("1", true) => "stdout",
            ("2", true) => "stderr",
            // The text that is edited, which is never on a disk.
            _ if path.starts_with("/dev/shm/zms-edit-") || path.starts_with("/memfd:") => "memory",
            _ => "a file",
        };
        assert!(!line.contains("\"..."), "strace cut a write short");
        for text in call.split('"').skip(1).step_by(2) {
            places.entry(format!("{place} of {args:?}")).or_default().extend(unhex(text));
        }
    }
    places
}

/// The bytes of a text of strace; where it is not in hex, the text.
fn unhex(text: &str) -> Vec<u8> {
    if !text.contains("\\x") {
        return text.as_bytes().to_vec();
    }
    let bytes = text.split("\\x").skip(1);
    bytes.map(|byte| u8::from_str_radix(&byte[..2], 16).unwrap()).collect()
}

/// What a program wrote into a file that its shell made of its stdout.
fn the_search_of_writes_works(marked: &Marked) {
    for mark in marked.values().into_iter().chain(marked.names()) {
        let script = format!("echo {} >planted", mark.plain);
        let args = ["run", "--", "sh", "-c", &script].map(str::to_owned);
        let places = written(marked, &args, "");
        let mut files = places.iter().filter(|(place, _)| place.starts_with("a file"));
        let planted = files.any(|(_, content)| mark.is_in(content));
        assert!(planted, "the search does not find {} in {:?}", mark.what, places.keys());
    }
}

#[test]
fn no_write_to_any_file_carries_a_value_or_a_name() {
    let marked = Marked::new();
    for (args, input, gives) in marked.commands() {
        let mut places = written(&marked, &args, &input);
        if args == ["init"] {
            the_search_of_writes_works(&marked);
        }
        if gives {
            let stdout = places.remove(&format!("stdout of {args:?}")).unwrap_or_default();
            assert!(marked.values().iter().any(|mark| mark.is_in(&stdout)), "{args:?}");
        }
        let edited = places.remove(&format!("memory of {args:?}"));
        assert_eq!(edited.is_some(), args.contains(&"edit".to_owned()), "{args:?}");
        absent(&marked.values(), &places);
        let files = |place: &String, _: &mut Vec<u8>| place.starts_with("a file");
        let files: BTreeMap<_, _> = places.extract_if(.., files).collect();
        absent(&marked.names(), &files);
    }
}

/// The files of that name in /proc of every process, but for one.
fn of_processes(file: &str, but: u32) -> BTreeMap<String, Vec<u8>> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let content = |pid: u32| {
        let path = Path::new("/proc").join(pid.to_string()).join(file);
        Some((path.display().to_string(), fs::read(path).ok()?))
    };
    pids.filter(|pid| *pid != but).filter_map(content).collect()
}

#[test]
fn the_process_list_shows_nothing_while_a_program_runs() {
    let marked = Marked::new();
    for (args, input, _) in marked.commands().into_iter().take(7) {
        marked.vault.zms(&args).feed(input.as_bytes()).good();
    }
    let token = marked.vault.token(&["ci", "-p", &marked.project.plain, "-e", &marked.env.plain]);
    let token = Mark::new("token", token);
    // The token brings project and environment, so that we do not name them where all can see.
    let mut command = marked.vault.run(&[], &["sh", "-c", "echo up; read x; exit 0"]);
    command.env("ZMS_TOKEN", &token.plain).env("ZMS_SERVICE", &marked.service.plain);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 3]).unwrap();
    let environ = fs::read(format!("/proc/{}/environ", child.id())).unwrap();
    assert!(marked.value.is_in(&environ), "the program has its secret");
    assert!(!token.is_in(&environ), "and not the token");
    let everything = [&marked.values()[..], &marked.names(), &[&token]].concat();
    absent(&everything, &of_processes("cmdline", 0));
    absent(&everything, &of_processes("environ", child.id()));
    drop(child.stdin.take());
    child.wait().unwrap();
    for (file, argument, variable) in
        [("cmdline", &*marked.value.plain, ""), ("environ", "", &*marked.value.plain)]
    {
        let mut planted = Command::new("sh");
        planted.args(["-c", "echo up; read x", "sh", argument]).env("PLANTED", variable);
        let mut planted = planted.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        planted.stdout.as_mut().unwrap().read_exact(&mut [0; 3]).unwrap();
        let found = of_processes(file, 0).values().any(|content| marked.value.is_in(content));
        drop(planted.stdin.take());
        planted.wait().unwrap();
        assert!(found, "the search of {file} finds nothing");
    }
}
