//! A user with a home, an engine, and a proxy between the two.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::{
    proxy::Proxy,
    store::{Place, SECRET, Server},
};

pub struct User {
    pub folder: TempDir,
    pub server: Server,
    pub proxy: Proxy,
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl User {
    /// Nothing but a server.
    pub fn new() -> Self {
        let proxy = Proxy::listen();
        let server = Server::start(Place::Folder, &[proxy.address.to_string()]);
        proxy.to(server.socket());
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder, server, proxy }
    }

    /// With a vault there that holds `DATABASE_URL` and `API_KEY`, and a token `ci` for it.
    pub fn with_vault() -> Self {
        let user = Self::new();
        user.zms(&["init"]).good();
        user.feed(&["set", "DATABASE_URL"], "postgres://canary-value").good();
        user.feed(&["set", "API_KEY"], "canary-key").good();
        let token = user.zms(&["token", "create", "ci", "-q"]).good();
        user.file("ci", &token);
        user
    }

    /// The folder of the engine's databases.
    pub fn vaults(&self) -> PathBuf {
        self.server.folder.path().join("vaults")
    }

    /// The engine's one database.
    pub fn database(&self) -> PathBuf {
        let mut all = fs::read_dir(self.vaults()).unwrap().map(|entry| entry.unwrap().path());
        all.find(|path| path.extension().is_some_and(|end| end == "db")).unwrap()
    }

    /// Gives another engine a copy of this one's database.
    pub fn copy_to(&self, other: &Self) {
        let log = "PRAGMA wal_checkpoint(TRUNCATE)";
        let connection = rusqlite::Connection::open(self.database()).unwrap();
        connection.query_row(log, [], |_| Ok(())).unwrap();
        let name = self.database().file_name().unwrap().to_owned();
        fs::copy(self.database(), other.vaults().join(name)).unwrap();
    }

    pub fn address(&self) -> String {
        format!("http://{}", self.proxy.address)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// A file that nobody else reads.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// The program in this user's home, with the server named.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bare("home", args);
        command.env("ZMS_SERVER", self.address()).env("ZMS_REGISTRATION", SECRET);
        command
    }

    /// The program in a home of some name, with nothing said of a server.
    pub fn bare(&self, home: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zms"));
        command.args(args).env_clear().current_dir(self.folder.path().join("work"));
        command.env("PATH", "/usr/bin:/bin").env("HOME", self.folder.path());
        command.env("ZMS_HOME", self.folder.path().join(home));
        command
    }

    pub fn zms(&self, args: &[&str]) -> Ended {
        end(&mut self.command(args))
    }

    pub fn feed(&self, args: &[&str], input: &str) -> Ended {
        fed(&mut self.command(args), input)
    }

    /// The same as the token `ci`, in a home of its own.
    pub fn ci(&self, args: &[&str]) -> Command {
        let mut command = self.bare("ci-home", args);
        command.env("ZMS_SERVER", self.address()).env("ZMS_TOKEN_FILE", self.path("ci"));
        command
    }
}

/// Runs a command to its end.
pub fn end(command: &mut Command) -> Ended {
    command.stdin(Stdio::null()).output().unwrap().into()
}

/// Runs a command with input.
pub fn fed(command: &mut Command, input: &str) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout
    }

    /// It ended with a code, said something, and gave out nothing.
    #[track_caller]
    pub fn refused(self, code: i32, says: &str) {
        assert_eq!(self.code, code, "{} {}", self.stdout, self.stderr);
        assert!(self.stderr.contains(says), "{}", self.stderr);
        assert_eq!(self.stdout, "", "{}", self.stderr);
    }
}
