//! The programs that read what ZMS writes, asked in batches: one process, many files.

pub mod docker;

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

/// Every spelling of each value that npm dotenv reads back, of those that `npm_spellings.cjs` is
/// asked to try, and which of its ways to read do.
pub fn npm_spellings(question: &serde_json::Value) -> Vec<Vec<(Vec<u8>, Vec<String>)>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("question.json");
    std::fs::write(&file, question.to_string()).unwrap();
    let mut command = clean_command("node");
    command.arg(script("npm_spellings.cjs")).arg(setting("ZMS_TEST_NODE_MODULES"));
    command.arg(folder.path()).stdin(std::fs::File::open(&file).unwrap());
    answers(&mut command, |found| {
        let found: Vec<(String, Vec<String>)> = serde_json::from_value(found.clone()).unwrap();
        found.into_iter().map(|(spelling, by)| (hex::decode(spelling).unwrap(), by)).collect()
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

/// What kind of answer is wanted of the readers of tables.
#[derive(Clone, Copy)]
pub enum Kind {
    /// YAML as programs read it.
    Yaml,
    /// YAML with every scalar as its text.
    YamlText,
    /// TOML as programs read it.
    Toml,
}

/// What one reader makes of each file: `None` where it refuses the file or finds no table; in a
/// table no value for what it takes for something else than text.
pub struct Reader {
    pub name: &'static str,
    pub answers: Vec<Option<Values>>,
}

/// Asks every reader of `kind` about each of `files`.
pub fn tables(kind: Kind, files: &[PathBuf]) -> Vec<Reader> {
    let (word, python, node): (_, &[_], &[_]) = match kind {
        Kind::Yaml => ("yaml", &["PyYAML", "PyYAML in C"], &["js-yaml", "yaml"]),
        Kind::YamlText => ("text", &["PyYAML", "PyYAML in C"], &["js-yaml", "yaml"]),
        Kind::Toml => ("toml", &["tomllib"], &["smol-toml"]),
    };
    let mut ask_python = clean_command(&setting("ZMS_TEST_PYTHON"));
    ask_python.arg(script("python_tables.py")).arg(word).args(files);
    let mut ask_node = clean_command("node");
    ask_node.arg(script("npm_tables.cjs")).arg(setting("ZMS_TEST_NODE_MODULES")).arg(word);
    ask_node.args(files);
    let table = |answers: &serde_json::Value| -> Vec<Option<Values>> {
        answers.as_array().unwrap().iter().map(values).collect()
    };
    let mut readers = Vec::new();
    for (names, mut command) in [(python, ask_python), (node, ask_node)] {
        let answers = answers(&mut command, table);
        assert_eq!(answers.len(), names.len());
        readers.extend(names.iter().zip(answers).map(|(name, answers)| Reader { name, answers }));
    }
    assert!(readers.iter().all(|reader| reader.answers.len() == files.len()));
    readers
}

/// Every parser of YAML and what it makes of each file, all of it.
pub fn manifests(files: &[PathBuf]) -> Vec<(&'static str, Vec<serde_json::Value>)> {
    let mut node = clean_command("node");
    node.arg(script("npm_manifests.cjs")).arg(setting("ZMS_TEST_NODE_MODULES")).args(files);
    let mut python = clean_command(&python_path());
    let loads = "import json, sys, yaml\nprint(json.dumps([[yaml.load(open(f), Loader=l) for f in \
                 sys.argv[1:]] for l in [yaml.SafeLoader, yaml.CSafeLoader]]))";
    python.args(["-c", loads]).args(files);
    let documents = |answer: &serde_json::Value| answer.as_array().unwrap().clone();
    let read = [answers(&mut node, documents), answers(&mut python, documents)].concat();
    let read: Vec<_> = ["js-yaml", "yaml", "PyYAML", "PyYAML in C"].into_iter().zip(read).collect();
    assert!(read.len() == 4 && read.iter().all(|(_, documents)| documents.len() == files.len()));
    read
}

/// What a script of this folder makes of each file; `None` where it refuses one.
pub fn ask_python(name: &str, files: &[PathBuf]) -> Vec<Option<Values>> {
    answers(clean_command(&python_path()).arg(script(name)).args(files), values)
}

/// The same of a script for node.
pub fn ask_node(name: &str, files: &[PathBuf]) -> Vec<Option<Values>> {
    let mut command = clean_command("node");
    answers(command.arg(script(name)).arg(setting("ZMS_TEST_NODE_MODULES")).args(files), values)
}

/// Whether a reader's table is `ours`, where it takes a value for text.
pub fn same_table(theirs: &Values, ours: &Values) -> bool {
    let same = |((name, value), (our_name, our_value)): ((&_, &Option<_>), (&_, &Option<_>))| {
        name == our_name && (value.is_none() || value == our_value)
    };
    theirs.len() == ours.len() && theirs.iter().zip(ours).all(same)
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
