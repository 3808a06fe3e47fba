//! A machine that has never seen zms, and its user, who is not root: root passes by half of what
//! protects files.

use std::{
    io::Write,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use rustix::process::geteuid;
use tempfile::TempDir;

/// Who the user is where the tests run as root: nobody.
const UID: u32 = 65534;

pub struct Machine {
    folder: TempDir,
}

impl Machine {
    /// An empty home, and in it the folder `app` that every command runs in.
    pub fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(machine.home().join("app")).unwrap();
        std::fs::set_permissions(machine.home(), PermissionsExt::from_mode(0o755)).unwrap();
        machine.own(machine.home());
        assert_ne!(machine.sh("id -u").done().trim(), "0", "a test as root would show nothing");
        machine
    }

    /// With a vault.
    pub fn with_vault() -> Self {
        let machine = Self::new();
        machine.sh("zms init").done();
        machine
    }

    /// With a vault that holds `A=first` in default/development.
    pub fn with_secret() -> Self {
        let machine = Self::with_vault();
        machine.sh("printf first | zms set A").done();
        machine
    }

    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// A file of the vault.
    pub fn vault(&self, name: &str) -> PathBuf {
        self.home().join(".zexio").join(name)
    }

    /// Gives the user a folder with what is right in it, where the tests made it as root.
    pub fn own(&self, folder: &Path) {
        if geteuid().is_root() {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            for path in entries.chain([folder.to_owned()]) {
                chown(path, Some(UID), Some(UID)).unwrap();
            }
        }
    }

    /// A program as the user starts it.
    pub fn command(&self, program: &str) -> Command {
        let zms = Path::new(env!("CARGO_BIN_EXE_zms"));
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", zms.parent().unwrap().display()))
            .env("HOME", self.home())
            .current_dir(self.home().join("app"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if geteuid().is_root() {
            command.uid(UID).gid(UID);
        }
        command
    }

    /// zms itself.
    pub fn zms(&self, args: &[&str]) -> Command {
        let mut command = self.command("zms");
        command.args(args);
        command
    }

    /// A line for the shell.
    pub fn sh(&self, line: &str) -> Ran {
        let mut command = self.command("sh");
        command.args(["-c", line]);
        run(command)
    }

    /// Sets a value, byte for byte.
    pub fn set(&self, name: &str, value: &[u8]) -> Ran {
        let mut command = self.zms(&["set", name, "--file", "-"]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        // Whoever refuses a value need not read it.
        let _unread = child.stdin.take().unwrap().write_all(value);
        Ran::of("zms set", child.wait_with_output().unwrap())
    }
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Ran {
    let words = format!("{:?}", command.get_args().collect::<Vec<_>>());
    Ran::of(&words, command.output().unwrap())
}

/// What a command did.
pub struct Ran {
    pub command: String,
    /// The exit code; 128 and more on a signal.
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Ran {
    pub fn of(command: &str, output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let signal = output.status.signal().unwrap_or_default();
        let code = output.status.code().unwrap_or(128 + signal);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { command: command.to_owned(), code, out: output.stdout, err }
    }

    /// What a command that must succeed printed.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, 0, "{}: {}", self.command, self.err);
        String::from_utf8(self.out).unwrap()
    }

    /// What a command that must fail, and give nothing out, said.
    #[track_caller]
    pub fn refused(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}: {}", self.command, self.err);
        assert!(self.out.is_empty(), "{} gave out {}", self.command, self.out.escape_ascii());
        self.err
    }
}
