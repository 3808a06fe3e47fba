//! A home, a working folder and a vault for one test, and the real program to use them with.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    io::Write,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{limit, tools::ZMS};

/// Folders of one test; removed when it ends.
pub struct Scratch {
    folder: TempDir,
    wrapper: Vec<String>,
    zms: PathBuf,
}

/// How a program ended, and what it said.
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Scratch {
    /// Folders without a vault.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        fs::create_dir(folder.path().join("user")).unwrap();
        Self { folder, wrapper: Vec::new(), zms: ZMS.into() }
    }

    /// Folders with a new vault.
    pub fn vault() -> Self {
        let scratch = Self::empty();
        scratch.zms(["init"]).go().good();
        scratch
    }

    /// Other folders with a copy of this vault and of the working folder, as they lie on the disk.
    pub fn copy(&self) -> Self {
        let copy = Self::empty();
        copy_folder(&self.work().join("."), &copy.work());
        if self.home().exists() {
            copy_folder(&self.home(), &copy.home());
        }
        copy
    }

    /// Runs everything behind another command, as another copy of the program.
    pub fn behind(mut self, wrapper: Vec<String>, zms: PathBuf) -> Self {
        (self.wrapper, self.zms) = (wrapper, zms);
        self
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn home(&self) -> PathBuf {
        self.folder().join("home")
    }

    pub fn work(&self) -> PathBuf {
        self.folder().join("work")
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The program, with a known environment.
    pub fn zms<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        self.under(&[] as &[&str], args)
    }

    /// `zms run`, with options before the command.
    pub fn run(&self, options: &[&str], command: &[&str]) -> Command {
        self.zms([&["run"], options, &["--"], command].concat())
    }

    /// The program behind another one, such as strace.
    pub fn under<W: AsRef<OsStr>, S: AsRef<OsStr>>(
        &self,
        wrapper: &[W],
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let wrapper = wrapper.iter().map(AsRef::as_ref);
        let mut command = self.other(wrapper.chain([self.zms.as_os_str()]));
        command.args(args);
        command
    }

    /// Another program, in the same environment.
    pub fn other<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut all: Vec<OsString> = self.wrapper.iter().map(Into::into).collect();
        all.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        let mut command = Command::new(&all[0]);
        command.args(&all[1..]).env_clear().current_dir(self.work());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder().join("user")).env("ZMS_HOME", self.home());
        command.env("LC_ALL", "C.UTF-8");
        command
    }

    /// Sets a secret, through stdin.
    pub fn set(&self, place: &[&str], name: &str, value: impl AsRef<[u8]>) {
        let input = [value.as_ref(), b"\n"].concat();
        self.zms([place, &["set", name]].concat()).feed(&input).good();
    }

    /// Sets secrets, through stdin, in one revision.
    pub fn import(&self, place: &[&str], secrets: &BTreeMap<String, String>) {
        let json = serde_json::to_vec(secrets).unwrap();
        self.zms([place, &["import", "-"]].concat()).feed(&json).good();
    }

    /// Everything that the owner sees in a place.
    pub fn secrets(&self, place: &[&str]) -> BTreeMap<String, String> {
        let export = [place, &["export", "--format", "json", "--as-owner"]].concat();
        serde_json::from_slice(&self.zms(export).go().good()).unwrap()
    }

    /// Makes a token, and gives its text.
    pub fn token(&self, args: &[&str]) -> String {
        let made = self.zms([&["token", "create"], args].concat()).go().good();
        String::from_utf8(made).unwrap().trim().to_owned()
    }

    /// The answer to a command with `--json`.
    pub fn json(&self, args: &[&str]) -> Value {
        let answer = self.zms([args, &["--json"]].concat()).go().good();
        serde_json::from_slice(&answer).unwrap()
    }

    /// Every file under the home, with its content.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files_in(&self.home())
    }
}

/// Every file under a folder, with its content.
pub fn files_in(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let content = fs::read(&path).unwrap();
            files.push((path, content));
        }
    }
}

/// Copies a folder, modes and all.
pub fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

/// Secrets of one number after another.
pub fn numbered(prefix: &str, count: usize) -> BTreeMap<String, String> {
    let pair = |number| (format!("{prefix}_{number}"), format!("{prefix} value {number}"));
    (0..count).map(pair).collect()
}

/// Runs a command to its end.
pub trait Go {
    /// Without input.
    fn go(&mut self) -> Ran;
    /// With input.
    fn feed(&mut self, input: &[u8]) -> Ran;
}

impl Go for Command {
    fn go(&mut self) -> Ran {
        self.stdin(Stdio::null());
        let child = start(self);
        limit::wait(child, &format!("{self:?}")).into()
    }

    fn feed(&mut self, input: &[u8]) -> Ran {
        self.stdin(Stdio::piped());
        let mut child = start(self);
        let (mut pipe, input) = (child.stdin.take().unwrap(), input.to_vec());
        // A program that ends without reading closes the pipe: that is its business.
        let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
        let ended = limit::wait(child, &format!("{self:?}"));
        writer.join().unwrap();
        ended.into()
    }
}

fn start(command: &mut Command) -> Child {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let program = command.get_program();
    child.unwrap_or_else(|error| panic!("{}: {error}: run ./check", program.display()))
}

impl From<Output> for Ran {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        Self { status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() }
    }
}

impl Ran {
    /// The exit code; 128+n for a signal.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    /// Its data, where it succeeded.
    #[track_caller]
    pub fn good(self) -> Vec<u8> {
        assert!(self.status.success(), "exit {}: {}", self.code(), self.stderr);
        self.stdout
    }

    /// What it said, where it failed as it should, in words, and gave out nothing.
    #[track_caller]
    pub fn refused(self, code: i32) -> String {
        assert_eq!(self.code(), code, "{}", self.stderr);
        assert!(self.stderr.contains("error: "), "{}", self.stderr);
        assert_eq!(self.stdout, b"", "{}", self.stderr);
        self.stderr
    }

    /// Its data as text.
    #[track_caller]
    pub fn text(self) -> String {
        String::from_utf8(self.good()).unwrap()
    }
}
