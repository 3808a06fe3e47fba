//! Where the vault lives on this machine, and how its files are read and made.
#![expect(clippy::disallowed_methods, reason = "this file owns the vault's files")]

mod scratch;
pub mod serving;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    process::geteuid,
};
use zeroize::Zeroizing;
use zms_client::pins::PinFolder;
use zms_core::{address::Address, id::PrincipalId};

pub use self::scratch::{SCRATCH, Scratch};
use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    place::new_name,
};

/// Largest key or token file that is read, in bytes.
const MAX_SMALL_FILE: u64 = 16 * 1024;

/// Largest file of new tokens or personal values that is read, in bytes: tens of thousands of them.
const MAX_LARGE_FILE: u64 = 16 * 1024 * 1024;

/// Folder of the named vaults.
const VAULTS: &str = "vaults";

/// What the vault that lies directly in the home folder is called.
pub const DEFAULT_VAULT: &str = "default";

/// The folder of one vault.
#[derive(Clone)]
pub struct Home {
    /// The folder of all vaults: `ZMS_HOME`, else `~/.zexio`. The default vault lies in it.
    base: PathBuf,
    /// The name of another vault, which lies below [`VAULTS`].
    name: Option<String>,
    folder: PathBuf,
    /// The database, where it lies elsewhere.
    database: Option<PathBuf>,
    /// The server that keeps the vault, where one does.
    server: Option<Address>,
}

impl Home {
    /// The default vault's folder, or that of a named one; whether anything is there or not.
    pub fn find(vault: Option<&str>) -> Outcome<Self> {
        let base = base()?;
        Ok(match vault.filter(|name| *name != DEFAULT_VAULT) {
            Some(name) => Self::named(&base, new_name("vault", name)?.as_str()),
            None => Self { folder: base.clone(), base, name: None, database: None, server: None },
        })
    }

    fn named(base: &Path, name: &str) -> Self {
        let folder = base.join(VAULTS).join(name);
        let (base, name) = (base.to_owned(), Some(name.to_owned()));
        Self { base, name, folder, database: None, server: None }
    }

    /// The same home with a database that lies elsewhere.
    pub fn with_database(self, path: PathBuf) -> Self {
        Self { database: Some(path), ..self }
    }

    /// The same home with a vault that a server keeps.
    pub fn with_server(self, address: Address) -> Self {
        Self { server: Some(address), ..self }
    }

    /// The same home with the database that lies in it.
    pub fn here(self) -> Self {
        Self { server: None, ..self }
    }

    /// The server that keeps the vault, where one does.
    pub const fn server(&self) -> Option<&Address> {
        self.server.as_ref()
    }

    /// The file that remembers the server.
    pub fn server_file(&self) -> PathBuf {
        self.folder.join("zms.server")
    }

    /// The token that this home keeps, where somebody joined with one.
    pub fn token(&self) -> PathBuf {
        self.folder.join("zms.token")
    }

    /// The database of a vault that was moved away.
    pub fn moved(&self) -> PathBuf {
        self.folder.join("zms.db.moved")
    }

    /// Where the last answer of a server is kept, sealed, for a principal.
    pub fn copy(&self, principal: PrincipalId) -> PathBuf {
        self.pins().join(format!("{principal}.copy"))
    }

    /// The vaults that are there, by name; the default one first.
    pub fn all() -> Outcome<Vec<Self>> {
        Ok(Self::each()?.into_iter().filter(Self::holds_vault).collect())
    }

    /// The folders that an agent may serve, whether a key or database lies in them or elsewhere.
    pub fn with_agents() -> Outcome<Vec<Self>> {
        Ok(Self::each()?.into_iter().filter(|home| files::exists(&home.agent())).collect())
    }

    fn each() -> Outcome<Vec<Self>> {
        let default = Self::find(None)?;
        let mut names = files::names(&default.base.join(VAULTS));
        names.retain(|name| new_name("vault", name).is_ok() && name != DEFAULT_VAULT);
        names.sort();
        let named: Vec<Self> = names.iter().map(|name| Self::named(&default.base, name)).collect();
        Ok([default].into_iter().chain(named).collect())
    }

    /// What the vault is called.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(DEFAULT_VAULT)
    }

    /// Whether a key or a database is there.
    pub fn holds_vault(&self) -> bool {
        let ours = [self.key(), self.database(), self.server_file()];
        self.server.is_some() || ours.iter().any(|path| files::exists(path))
    }

    /// How a next command is told of the vault: nothing for the default one.
    pub fn as_typed(&self) -> String {
        self.name.as_ref().map(|name| format!(" --vault {name}")).unwrap_or_default()
    }

    /// The folder of all vaults.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The master key file.
    pub fn key(&self) -> PathBuf {
        self.folder.join("zms.master.key")
    }

    /// A master key that is about to take the place of the one that is there.
    pub fn next_key(&self) -> PathBuf {
        self.folder.join("zms.master.key.next")
    }

    /// New tokens that wait to be shown.
    pub fn handover(&self) -> PathBuf {
        self.folder.join("zms.master.tokens")
    }

    /// Keeps others out who would replace the master key too, until the file is dropped.
    pub fn lock(&self) -> Outcome<File> {
        let locked = File::open(&self.folder).and_then(|folder| {
            flock(&folder, FlockOperation::LockExclusive)?;
            Ok(folder)
        });
        let shown = self.folder.display();
        locked.map_err(|error| trouble(&error, format!("{shown} can not be locked")))
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.database.clone().unwrap_or_else(|| self.folder.join("zms.db"))
    }

    /// When the key was split, and rebuilt for practice.
    pub fn share_notes(&self) -> PathBuf {
        self.folder.join("zms.shares.json")
    }

    /// What is known of the last backup.
    pub fn last_backup(&self) -> PathBuf {
        self.folder.join("zms.backup.json")
    }

    /// The folder of pins.
    pub fn pins(&self) -> PathBuf {
        self.folder.join("pins")
    }

    /// Where a principal's checkpoint of the audit is kept.
    pub fn checkpoint(&self, principal: PrincipalId) -> PathBuf {
        PinFolder::new(self.pins()).checkpoint_path(principal)
    }

    /// The folder of the owner's personal values.
    pub fn personal_folder(&self) -> PathBuf {
        self.folder.join("personal")
    }

    /// Where a principal's personal values are kept.
    pub fn personal(&self, principal: PrincipalId) -> PathBuf {
        self.personal_folder().join(format!("{principal}.personal"))
    }

    /// The folder of the unlock agent's socket.
    pub fn agent(&self) -> PathBuf {
        self.folder.join("agent")
    }

    /// The folder of files that may name a token.
    pub fn allowed(&self) -> PathBuf {
        self.folder.join("allowed")
    }

    /// The folder of notes on what runs would leave behind, of all vaults.
    pub fn left(&self) -> PathBuf {
        self.base.join("left")
    }

    /// The folders whose owner decides what the vault is, from the top.
    pub fn folders(&self) -> Vec<PathBuf> {
        match self.name {
            Some(_) => vec![self.base.clone(), self.base.join(VAULTS), self.folder.clone()],
            None => vec![self.folder.clone()],
        }
    }

    /// Makes the folder, for nobody else.
    pub fn make(&self) -> Outcome {
        let shown = self.folder.display();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| trouble(&error, format!("{shown} can not be made")))?;
        self.check()
    }

    /// Refuses a folder that others could put files into.
    pub fn check(&self) -> Outcome {
        self.folders().iter().try_for_each(|folder| check_folder(folder))
    }
}

/// Refuses a folder that others could put files into. One that is not there is none.
pub fn check_folder(folder: &Path) -> Outcome {
    let Ok(found) = fs::metadata(folder) else { return Ok(()) };
    private(&found, 0o022).map_err(|why| {
        Failure::new(Exit::Denied, format!("{} {why}", folder.display()))
            .hint(format!("chmod 700 {}", folder.display()))
    })
}

/// `ZMS_HOME`, else `~/.zexio`.
fn base() -> Outcome<PathBuf> {
    if let Some(home) = environment::raw("ZMS_HOME") {
        if home.is_empty() {
            return Err(Failure::usage("ZMS_HOME is set but empty")
                .hint("set it to the folder of a vault, or unset it"));
        }
        return Ok(environment::folder()?.join(home));
    }
    match environment::raw("HOME").filter(|home| !home.is_empty()) {
        Some(home) => Ok(PathBuf::from(home).join(".zexio")),
        None => Err(Failure::other("there is no home folder: HOME is not set")
            .hint("set HOME, or set ZMS_HOME to the folder of the vault")),
    }
}

fn private(file: &fs::Metadata, forbidden: u32) -> Result<(), &'static str> {
    if file.uid() != geteuid().as_raw() {
        Err("belongs to somebody else")
    } else if file.mode() & forbidden != 0 {
        Err(if forbidden == 0o077 { "can be read by others" } else { "can be written by others" })
    } else {
        Ok(())
    }
}

/// Reads a file that holds a key or token. What was opened is what is checked: no link, no pipe,
/// ours, and for nobody else. `None` where there is none.
pub fn read_private(path: &Path, unfit: Exit) -> Outcome<Option<Zeroizing<String>>> {
    read_checked(path, MAX_SMALL_FILE, unfit, |file| private(file, 0o077))
}

/// As [`read_private`], of a file that may hold much.
pub fn read_large(path: &Path, unfit: Exit) -> Outcome<Option<Zeroizing<String>>> {
    read_checked(path, MAX_LARGE_FILE, unfit, |file| private(file, 0o077))
}

/// As [`read_private`], of a credential that systemd hands to a service: one with a user of its own
/// gets a file of root, which an access list lets it read. The list shows as what the group may.
pub fn read_credential(path: &Path, unfit: Exit) -> Outcome<Option<Zeroizing<String>>> {
    read_checked(path, MAX_SMALL_FILE, unfit, |file| match file.uid() {
        0 if file.mode() & 0o037 == 0 => Ok(()),
        _ => private(file, 0o077),
    })
}

fn read_checked(
    path: &Path,
    most: u64,
    unfit: Exit,
    fits: fn(&fs::Metadata) -> Result<(), &'static str>,
) -> Outcome<Option<Zeroizing<String>>> {
    let shown = path.display();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(Failure::new(Exit::Denied, format!("{shown} is a symbolic link"))
                .hint("name the file itself"));
        }
        Err(error) => return Err(trouble(&error, format!("{shown} can not be read"))),
    };
    let meta = file.metadata().map_err(|e| trouble(&e, format!("{shown} can not be read")))?;
    if !meta.is_file() {
        return Err(Failure::new(Exit::Denied, format!("{shown} is not a regular file")));
    }
    fits(&meta).map_err(|why| {
        Failure::new(Exit::Denied, format!("{shown} {why}")).hint(format!("chmod 600 {shown}"))
    })?;
    let length = meta.len().min(most);
    read_text(file, &shown.to_string(), length, most, unfit).map(Some)
}

/// Reads a small text, from a file or descriptor that was opened already. `unfit` is how content
/// ends that can be no key or token.
pub fn read_small(file: impl Read, shown: &str, unfit: Exit) -> Outcome<Zeroizing<String>> {
    read_text(file, shown, MAX_SMALL_FILE, MAX_SMALL_FILE, unfit)
}

/// Room for `length` from the start: what grows leaves copies behind.
fn read_text(
    file: impl Read,
    shown: &str,
    length: u64,
    most: u64,
    unfit: Exit,
) -> Outcome<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(length as usize + 1));
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| trouble(&error, format!("{shown} can not be read")))?;
    if bytes.len() as u64 > most {
        let why = format!("{shown} is too large to be a key or token");
        return Err(Failure::new(unfit, why));
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::new(unfit, format!("{shown} holds no key or token")))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Makes a new file with mode 0600, whatever the mask: whole and on disk, or not there.
pub fn create_private(path: &Path, text: &(impl AsRef<[u8]> + ?Sized)) -> io::Result<()> {
    let new = path.with_extension(format!("new.{}", std::process::id()));
    let write = || -> io::Result<()> {
        // Left by a process that died and had our number.
        let _none = fs::remove_file(&new);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_ref())?;
        file.sync_all()?;
        // A link fails where the name is taken, where a rename would replace it.
        fs::hard_link(&new, path)?;
        File::open(above(path))?.sync_all()
    };
    let written = write();
    let _left_behind = fs::remove_file(&new);
    written
}

/// The folder that a file lies in.
fn above(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file with mode 0600 in the place of whatever is there: whole and on disk. Where it does
/// not get there, nothing is left.
pub fn replace_private(path: &Path, text: &(impl AsRef<[u8]> + ?Sized)) -> io::Result<()> {
    let new = path.with_extension(format!("new.{}", std::process::id()));
    let _none = fs::remove_file(&new);
    let replaced = create_private(&new, text).and_then(|()| put_in_place(&new, path));
    let _left_behind = fs::remove_file(&new);
    replaced
}

/// Gives a database that nobody uses any more another name, with what lies beside it.
pub fn put_aside(database: &Path, aside: &Path) -> Outcome {
    for end in ["-wal", "-shm", ""] {
        let named = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        match fs::rename(named(database), named(aside)) {
            Err(error) if end.is_empty() || error.kind() != io::ErrorKind::NotFound => {
                let what = format!("{} can not be put aside", database.display());
                return Err(trouble(&error, what));
            }
            _ => {}
        }
    }
    let synced = File::open(above(aside)).and_then(|folder| folder.sync_all());
    synced.map_err(|error| trouble(&error, format!("{} can not be kept", aside.display())))
}

/// Gives a file another's name. What had that name is overwritten, as far as the file system
/// writes in place; a crash leaves one or the other.
pub fn put_in_place(new: &Path, path: &Path) -> io::Result<()> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let old = OpenOptions::new().write(true).custom_flags(flags).open(path);
    fs::rename(new, path)?;
    File::open(above(path))?.sync_all()?;
    if let Ok(mut old) = old {
        let length = old.metadata()?.len();
        io::copy(&mut io::repeat(0).take(length), &mut old)?;
        old.sync_all()?;
    }
    Ok(())
}

/// What the system says of a file or folder, without following a link.
pub struct Found {
    /// Whether it is a link.
    pub link: bool,
    /// Whether it is a regular file or a folder.
    pub plain: bool,
    /// Whether it is ours.
    pub ours: bool,
    /// Who may do what.
    pub mode: u32,
    /// How many names it has.
    pub names: u64,
}

/// Looks at a file or folder; `None` where there is none.
pub fn found(path: &Path) -> Option<Found> {
    let found = fs::symlink_metadata(path).ok()?;
    Some(Found {
        link: found.is_symlink(),
        plain: found.is_file() || found.is_dir(),
        ours: found.uid() == geteuid().as_raw(),
        mode: found.mode() & 0o7777,
        names: found.nlink(),
    })
}

/// Whether a file can be made in a folder the way ours are, which takes a hard link. It is removed
/// again.
pub fn try_folder(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!("zms.try.{}", std::process::id()));
    create_private(&path, "")?;
    fs::remove_file(&path)
}

/// An input-output error as a failure.
pub fn trouble(error: &io::Error, message: impl std::fmt::Display) -> Failure {
    Failure::other(format!("{message}: {}", plain(error)))
}

/// The system's words without its number.
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
