//! A command that writes, as a story: what leads up to it, what it does, and what a user does who
//! does not know whether it was done.

use std::{process::Command, sync::OnceLock};

use super::dump::{Dump, Logs, Tokens, differences, dump, logs};
use crate::{
    scratch::{Go, Ran, Scratch, numbered},
    strace::{Point, injection, options, points_of},
};

/// A command that writes.
pub struct Story {
    args: &'static [&'static str],
    input: String,
    after: &'static [&'static [&'static str]],
    /// Name of the token that it is run with; without it, the owner runs it.
    with: Option<&'static str>,
    /// Name of the token that a `.env` file of the working folder names.
    folder: Option<&'static str>,
    /// Files of the working folder.
    files: &'static [(&'static str, &'static str)],
    variables: &'static [(&'static str, &'static str)],
    /// What it changes and no other story shows.
    shows: Option<Shown>,
    again: Again,
}

/// Something that a vault shows, as text.
type Shown = fn(&Scratch) -> String;

/// What happens where the command was done already, and is run again.
#[derive(Clone, Copy)]
pub enum Again {
    /// It goes through, and all is as it was.
    Same,
    /// It is refused with this code, because it is done.
    Done(i32),
    /// What it did is undone; once more, and it is done.
    Turns,
    /// The name is taken by a token that nobody has seen. It is revoked; then the name is free.
    Taken,
    /// As above, and it can not be revoked: another name does.
    TakenForGood,
    /// The token that nobody has seen is replaced once more.
    Replaces,
    /// The token is out. What is left of the re-key is done by `--resume`.
    Resumes,
    /// One use more is spent; then there is none.
    Spends,
    /// It goes through, and does the same once more.
    Adds,
}

/// Which state a vault is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Old,
    New,
}

/// The vault that a story starts from, and what it shows before and after.
pub struct Told {
    pub story: Story,
    pub before: Scratch,
    tokens: Tokens,
    old: Dump,
    new: Dump,
    log: Logs,
}

/// A story without anything in front of it.
pub fn story(args: &'static [&'static str], again: Again) -> Story {
    let (input, after, with, folder) = (String::new(), &[][..], None, None);
    Story { args, input, after, with, folder, files: &[], variables: &[], shows: None, again }
}

impl Story {
    pub fn input(mut self, input: impl Into<String>) -> Self {
        self.input = input.into();
        self
    }

    /// Commands that the owner runs before.
    pub fn after(mut self, commands: &'static [&'static [&'static str]]) -> Self {
        self.after = commands;
        self
    }

    pub fn with(mut self, token: &'static str) -> Self {
        self.with = Some(token);
        self
    }

    pub fn files(mut self, files: &'static [(&'static str, &'static str)]) -> Self {
        self.files = files;
        self
    }

    pub fn variables(mut self, variables: &'static [(&'static str, &'static str)]) -> Self {
        self.variables = variables;
        self
    }

    /// What to look at besides.
    pub fn shows(mut self, shows: Shown) -> Self {
        self.shows = Some(shows);
        self
    }

    pub fn folder_token(mut self, token: &'static str) -> Self {
        self.folder = Some(token);
        self
    }

    /// Tells it without faults, from the beginning.
    pub fn told(self) -> Told {
        let (world, tokens) = world();
        let (before, mut tokens) = (world.copy(), tokens.clone());
        for args in self.after {
            let said = before.zms(*args).feed(b"new\n").text();
            if let ["token", "create", name, ..] | ["member", "add", name, ..] = args {
                tokens.insert((*name).to_owned(), said.trim().to_owned());
            }
        }
        for (name, text) in self.files {
            before.file(name, text);
        }
        if let Some(name) = self.folder {
            before.file(".env", format!("ZMS_TOKEN={}\n", tokens[name]));
        }
        // The log is not folded away by whoever was last.
        before.run(&["--as-owner"], &["true"]).go().good();
        let (old, log) = (self.look(&before.copy(), &tokens), logs(&before.copy()));
        let mut told = Told { story: self, before, tokens, new: old.clone(), old, log };
        let after = told.before.copy();
        told.run(&after).good();
        told.new = told.story.look(&after, &told.tokens);
        assert!(told.new != told.old, "{:?} does nothing that shows", told.story.args);
        told
    }

    fn look(&self, vault: &Scratch, tokens: &Tokens) -> Dump {
        let mut seen = dump(vault, tokens);
        self.shows.map(|shows| seen.insert("besides".to_owned(), shows(vault)));
        seen
    }
}

/// A small vault that was written to in several ways, its tokens, and files beside it.
fn world() -> &'static (Scratch, Tokens) {
    static WORLD: OnceLock<(Scratch, Tokens)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let vault = Scratch::vault();
        vault.zms(["env", "rm", "production", "--yes"]).go().good();
        vault.zms(["service", "create", "api", "-e", "staging"]).go().good();
        vault.set(&[], "A", "first");
        vault.import(&[], &numbered("KEPT", 3));
        vault.import(&["-e", "staging"], &numbered("STAGED", 2));
        vault.set(&["-e", "staging", "-s", "api"], "B", "of the service");
        vault.set(&[], "A", "old");
        let both = ["-e", "development,staging"];
        let tokens = [("ci", &[][..]), ("bystander", &["--write"])];
        let token = |(name, more): (&str, &[&str])| {
            (name.to_owned(), vault.token(&[&[name], &both[..], more].concat()))
        };
        let tokens = Tokens::from(tokens.map(token));
        vault.file("zms.toml", "project = \"default\"\n");
        (vault, tokens)
    })
}

impl Told {
    fn command(&self, vault: &Scratch, wrapper: &[String]) -> Command {
        let mut command = vault.under(wrapper, self.story.args);
        self.story.with.map(|name| command.env("ZMS_TOKEN", &self.tokens[name]));
        command.envs(self.story.variables.iter().copied());
        command
    }

    fn run(&self, vault: &Scratch) -> Ran {
        self.command(vault, &[]).feed(self.story.input.as_bytes())
    }

    /// The calls of a set that the command makes.
    pub fn points(&self, set: &str) -> Vec<Point> {
        let vault = self.before.copy();
        let log = vault.folder().join("strace.log");
        let mut command = self.command(&vault, &options(set, &log));
        points_of(&mut command, &log, self.story.input.as_bytes())
    }

    /// A copy of the vault on which the command was run while something happened at a point. What
    /// it acknowledged is done; all that was there before is.
    pub fn disturbed(&self, point: &Point, what: &str, on: &str) -> (Scratch, Ran, State) {
        let vault = self.before.copy();
        let mut command = self.command(&vault, &injection(point, what, on));
        let ran = command.feed(self.story.input.as_bytes());
        let state = self.state(&vault);
        if ran.status.success() || !ran.stdout.is_empty() {
            assert_eq!(state, State::New, "acknowledged and lost: {}", ran.stderr);
        }
        opens(&vault, &ran.stdout);
        (vault, ran, state)
    }

    /// The state of a copy of the vault: never a mixture, for nobody.
    fn state(&self, vault: &Scratch) -> State {
        let verified = vault.zms(["audit", "verify"]).go();
        assert_eq!((verified.code(), &*verified.stderr), (0, ""), "the audit is not whole");
        let seen = self.story.look(vault, &self.tokens);
        let log = logs(vault);
        for (path, before) in self.log.iter().filter(|(path, _)| log.contains_key(*path)) {
            assert!(log[path].starts_with(before), "the history of {path} is not what it was");
        }
        match () {
            () if seen == self.old => State::Old,
            () if seen == self.new => State::New,
            () => panic!(
                "a mixture. Against the old state:\n{}Against the new one:\n{}",
                differences(&self.old, &seen),
                differences(&self.new, &seen)
            ),
        }
    }

    /// Runs the command again, as a user would who does not know whether it was done.
    pub fn again(&self, vault: &Scratch, state: State) {
        let (args, again) = (self.story.args, self.story.again);
        let owner = |args: &[&str]| vault.zms(args).go();
        let revoke = if args[0] == "member" { "rm" } else { "revoke" };
        match (state, again) {
            (State::Old, _) | (_, Again::Same) => opens(vault, &self.run(vault).good()),
            (_, Again::Replaces) => {
                let made = self.run(vault).good();
                assert!(made.starts_with(b"zms_"), "it makes a token once more");
                opens(vault, &made);
            }
            (_, Again::Done(code)) => drop(self.run(vault).refused(code)),
            (_, Again::Turns) => {
                self.run(vault).good();
                assert_eq!(self.state(vault), State::Old);
                self.run(vault).good();
            }
            (_, Again::Taken) => {
                self.run(vault).refused(2);
                owner(&[args[0], revoke, args[2], "--yes"]).good();
                opens(vault, &self.run(vault).good());
            }
            (_, Again::TakenForGood) => {
                self.run(vault).refused(2);
                owner(&[args[0], revoke, args[2], "--yes"]).refused(4);
                assert_eq!(self.state(vault), State::New);
                opens(vault, &owner(&["token", "create", "another", "--admin"]).good());
                owner(&["doctor"]).good();
                return;
            }
            (_, Again::Resumes) => {
                owner(&["token", "revoke", "--resume"]).good();
                self.run(vault).refused(3);
            }
            (_, Again::Adds) => {
                self.run(vault).good();
                return;
            }
            (_, Again::Spends) => {
                self.run(vault).good();
                self.run(vault).refused(4);
                return;
            }
        }
        assert_eq!(self.state(vault), State::New);
        let found = owner(&["doctor"]).text();
        assert!(found.contains("re-keys      none pending"), "{found}");
    }
}

/// What prints a token has made it.
fn opens(vault: &Scratch, said: &[u8]) {
    let said = String::from_utf8_lossy(said);
    let Some(token) = said.lines().find(|line| line.starts_with("zms_")) else { return };
    vault.zms(["token", "inspect"]).env("ZMS_TOKEN", token).go().good();
    vault.zms(["ls", "-e", "development"]).env("ZMS_TOKEN", token).go().good();
}
