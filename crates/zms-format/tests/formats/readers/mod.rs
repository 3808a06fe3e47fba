//! The programs that read what ZMS writes, asked in batches: one process, many files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Name to value, as one reader gives them; no value for a name without `=`.
pub type Values = BTreeMap<String, Option<Vec<u8>>>;

/// What npm dotenv makes of one file.
pub struct Npm {
    /// `parse(buffer)`
    pub parse: Values,
    /// `parse(buffer, { fast: true })`
    pub fast: Values,
    /// `config()` into `process.env`
    pub config: Values,
}

/// What python-dotenv makes of one file; `None` where it raises.
pub struct Python {
    /// `dotenv_values(path)`
    pub values: Option<Values>,
    /// `load_dotenv(path)` into `os.environ`
    pub load: Option<Values>,
}

/// Asks npm dotenv about each of `files`.
pub fn npm(files: &[PathBuf]) -> Vec<Npm> {
    let mut command = clean_command("node");
    command.arg(script("npm_dotenv.cjs")).arg(setting("ZMS_TEST_NODE_MODULES"));
    answers(command.args(files), |answer| Npm {
        parse: values(&answer["parse"]).unwrap(),
        fast: values(&answer["fast"]).unwrap(),
        config: values(&answer["config"]).unwrap(),
    })
}

/// Asks python-dotenv about each of `files`.
pub fn python(files: &[PathBuf]) -> Vec<Python> {
    let mut command = clean_command(&setting("ZMS_TEST_PYTHON"));
    command.arg(script("python_dotenv.py"));
    answers(command.args(files), |answer| Python {
        values: values(&answer["values"]),
        load: values(&answer["load"]),
    })
}

/// A command with a known environment, so that an expanded `${HOME}` shows.
pub fn clean_command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", "/home/someone").env("LC_ALL", "C.UTF-8");
    command
}

/// Runs `command` and gives its output; fails with its complaint if it fails.
pub fn run(command: &mut Command) -> Output {
    let program = command.get_program().to_owned();
    let output = command.output().unwrap_or_else(|error| {
        panic!("can not start {}: {error}; run `./check`, which installs it", program.display())
    });
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed: {complaint}", program.display());
    output
}

/// Writes each text to a file of its own in `folder`.
pub fn files(folder: &Path, texts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<PathBuf> {
    let write = |(number, text): (usize, _)| {
        let path = folder.join(format!("{number}.env"));
        std::fs::write(&path, AsRef::<[u8]>::as_ref(&text)).unwrap();
        path
    };
    texts.into_iter().enumerate().map(write).collect()
}

/// Path of a Python with python-dotenv, for other questions to Python.
pub fn python_path() -> String {
    setting("ZMS_TEST_PYTHON")
}

fn answers<T>(command: &mut Command, read: impl Fn(&serde_json::Value) -> T) -> Vec<T> {
    let output = run(command);
    let answers: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    answers.iter().map(read).collect()
}

fn values(answer: &serde_json::Value) -> Option<Values> {
    let decode = |hex: &str| hex::decode(hex).unwrap();
    let members = answer.as_object()?.iter();
    Some(members.map(|(name, hex)| (name.clone(), hex.as_str().map(decode))).collect())
}

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: this test asks the real reader. Run `./check`, which sets it.")
    })
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/readers").join(name)
}
