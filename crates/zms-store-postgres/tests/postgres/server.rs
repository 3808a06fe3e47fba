//! A PostgreSQL of the test's own: an unprivileged user's, in a folder that goes with it.

#[path = "small_disk.rs"]
mod small_disk;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use self::small_disk::SmallDisk;

/// Who runs it where the test is root: a database server refuses to be.
const NOBODY: &str = "65534";

/// A running server. It stops, and its folder goes, with the test's process at the latest.
pub struct Server {
    folder: PathBuf,
    port: u16,
    supervisor: u32,
}

/// The newest server programs of this machine.
pub fn programs() -> PathBuf {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL is installed: scripts/tools does")
        .filter_map(|entry| {
            let path = entry.expect("the folder is read").path();
            let number = path.file_name()?.to_str()?.parse().ok()?;
            Some((number, path.join("bin"))).filter(|(_, bin)| bin.join("initdb").exists())
        })
        .collect();
    found.sort();
    found.pop().expect("a server is installed").1
}

/// A command of another user where we are root, and of ours elsewhere. It ends with the thread that
/// starts it.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]);
    if is_root() {
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
    }
    command.arg(program).current_dir("/").stdin(Stdio::null());
    command
}

/// Whether this test is root.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").expect("it is there").uid() == 0
}

fn done(command: &mut Command) {
    let output = command.output().expect("it can be started");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}

/// A new folder that belongs to who runs the server.
fn new_folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("zms-pg-").tempdir().expect("it is made").keep();
    if is_root() {
        done(Command::new("chown").args([NOBODY, folder.to_str().expect("it is text")]));
    }
    folder
}

/// One of the ports that nobody listens at.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has one").port()
}

impl Server {
    /// Makes an empty cluster and starts it. Without a word about it, nothing waits for the disk.
    pub fn start(settings: &[&str]) -> Self {
        let folder = new_folder();
        done(
            unprivileged(&programs().join("initdb"))
                .args(["-U", "zms", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C"])
                .arg("-D")
                .arg(folder.join("data")),
        );
        // From a network that a test makes, too.
        let rules = folder.join("data/pg_hba.conf");
        let mut text = fs::read_to_string(&rules).expect("it is there");
        text.push_str("host all all 198.18.0.0/15 trust\n");
        fs::write(&rules, text).expect("it is written");
        Self::run(folder, free_port(), settings)
    }

    /// Makes a standby of this server, under a name that it is waited for by, and starts it.
    pub fn standby(&self, name: &str, settings: &[&str]) -> Self {
        let folder = new_folder();
        let from = format!("{} application_name={name}", self.conninfo());
        done(
            unprivileged(&programs().join("pg_basebackup"))
                .args(["--no-sync", "-c", "fast", "-X", "stream", "-R", "-d", &from])
                .arg("-D")
                .arg(folder.join("data")),
        );
        Self::run(folder, free_port(), settings)
    }

    /// A standby without which nothing is acknowledged from now on.
    pub fn synchronous_standby(&self) -> Self {
        let standby = self.standby("other", &[]);
        self.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (other)'");
        self.sql("postgres", "SELECT pg_reload_conf()");
        let waited_for = "SELECT sync_state FROM pg_stat_replication";
        for _ in 0..200 {
            if self.sql("postgres", waited_for) == "quorum" {
                return standby;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("the standby is not waited for");
    }

    /// The address of a database, here or at another server, whichever takes writes.
    pub fn url_with(&self, other: &Self, database: &str) -> String {
        format!("postgres://zms@127.0.0.1:{},127.0.0.1:{}/{database}", self.port, other.port)
    }

    fn conninfo(&self) -> String {
        format!("host={} port={} user=zms", self.folder.display(), self.port)
    }

    /// Starts it under a shell that ends it and takes its folder away when we are gone.
    fn run(folder: PathBuf, port: u16, settings: &[&str]) -> Self {
        let script = "trap 'kill -QUIT $server; wait $server; rm -rf -- \"$folder\"; exit' TERM
            folder=$1; shift
            \"$@\" >\"$folder/log\" 2>&1 &
            server=$!
            echo ready
            exec >/dev/null 2>&1
            wait $server
            while :; do sleep 5 & wait $!; done";
        let mut command = unprivileged(Path::new("/bin/sh"));
        command.args(["-c", script, "postgres"]).arg(&folder);
        command.arg(programs().join("postgres")).arg("-D").arg(folder.join("data"));
        command.arg("-k").arg(&folder).args(["-p", &port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=200"] {
            command.args(["-c", setting]);
        }
        for setting in settings {
            command.args(["-c", setting]);
        }
        command.stdout(Stdio::piped());
        let (started, supervisor) = mpsc::channel();
        // Its death is bound to this thread, which lives as long as the process.
        thread::spawn(move || {
            let mut child = command.spawn().expect("a shell starts");
            let mut told = BufReader::new(child.stdout.take().expect("it is piped"));
            told.read_line(&mut String::new()).expect("it tells");
            started.send(child.id()).expect("somebody waits");
            child.wait().expect("it ends");
        });
        let supervisor = supervisor.recv().expect("it starts");
        let server = Self { folder, port, supervisor };
        server.wait_until_up();
        server
    }

    fn wait_until_up(&self) {
        for _ in 0..600 {
            let ready = Command::new(programs().join("pg_isready"))
                .args(["-q", "-h", &self.folder.display().to_string()])
                .args(["-p", &self.port.to_string()])
                .status();
            if ready.expect("it starts").success() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{}", fs::read_to_string(self.folder.join("log")).unwrap_or_default());
    }

    /// One for all tests of a process that do not harm it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    fn psql(&self, database: &str, sql: &str) -> std::process::Output {
        Command::new(programs().join("psql"))
            .args(["-h", &self.folder.display().to_string(), "-p", &self.port.to_string()])
            .args(["-U", "zms", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql])
            .output()
            .expect("psql starts")
    }

    /// Runs SQL as its owner, and gives what it answers.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let output = self.psql(database, sql);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {told}");
        String::from_utf8(output.stdout).expect("it is text").trim().to_owned()
    }

    /// Runs SQL; whether it could be.
    pub fn try_sql(&self, database: &str, sql: &str) -> bool {
        self.psql(database, sql).status.success()
    }

    /// A new empty database, by its name.
    pub fn new_database(&self) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("vaults{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// A new empty database on a small disk of its own. Only root can make one.
    pub fn small_disk(&self, database: &'static str) -> SmallDisk<'_> {
        SmallDisk::with(self, database)
    }

    /// The address of a database, over the local socket.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://zms@{folder}:{}/{database}", self.port)
    }

    /// The port that it listens at, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills all of it at once, as a power cut would.
    pub fn kill(&self) {
        // All of it: what is left holds the memory that the next one wants.
        let all = self.signal("-KILL");
        let lives = |pid: &String| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        while all.iter().any(lives) || Path::new("/proc").join(&all[0]).exists() {
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn pid(&self) -> String {
        let pid = fs::read_to_string(self.folder.join("data/postmaster.pid"));
        pid.expect("it runs").lines().next().expect("a pid").to_owned()
    }

    /// Stops every process of it where it stands: a machine that hangs.
    pub fn hang(&self) {
        self.signal("-STOP");
    }

    /// Goes on.
    pub fn wake(&self) {
        self.signal("-CONT");
    }

    /// Sends it to every process, and tells which those are.
    fn signal(&self, signal: &str) -> Vec<String> {
        let pid = self.pid();
        let children = Command::new("pgrep").args(["-P", &pid]).output().expect("it starts");
        let children = String::from_utf8(children.stdout).expect("they are numbers");
        // A child may have ended meanwhile.
        let mut kill = Command::new("kill");
        let all = [&*pid].into_iter().chain(children.split_whitespace()).map(str::to_owned);
        let all: Vec<String> = all.collect();
        kill.arg(signal).args(&all).stderr(Stdio::null());
        kill.status().expect("it starts");
        all
    }

    /// Starts it again after it was killed.
    pub fn restart(&mut self, settings: &[&str]) {
        // Who watches the old one would take the folder away.
        done(Command::new("kill").args(["-KILL", &self.supervisor.to_string()]));
        let again = Self::run(self.folder.clone(), self.port, settings);
        self.supervisor = again.supervisor;
        std::mem::forget(again);
    }

    /// Makes a standby the one that takes writes.
    pub fn promote(&self) {
        assert_eq!(self.sql("postgres", "SELECT pg_promote()"), "t");
    }

    /// Is lost under load, and a standby takes its place. Gives whether the load went on before, when
    /// the standby was promoted, and whether it went on after.
    pub fn lose_to(&self, standby: &Self, go_on: impl Fn() -> bool) -> (bool, Instant, bool) {
        let before = go_on();
        self.kill();
        // Whoever watches over the servers needs a while to be sure.
        thread::sleep(Duration::from_millis(500));
        standby.promote();
        let promoted = Instant::now();
        (before, promoted, go_on())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.supervisor.to_string()]).status();
    }
}
