//! Which server keeps the vault, if one does: by flag, by the token, by `ZMS_SERVER`, else as the
//! vault's home remembers it. No file of the working folder is asked.

use std::{
    fmt::Write as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zms_client::{
    SessionError,
    remote::{Age, RemoteStore, Watcher},
};
use zms_core::{address::Address, id::VaultId, principal::Principal};
use zms_store::Store;
use zms_store_sqlite::SqliteStore;

use crate::{
    commands::token::time,
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, read_private, replace_private, trouble},
    output::Output,
};

/// Reads an address that somebody typed.
pub fn address(text: &str, named: &str) -> Outcome<Address> {
    Address::parse(text).map_err(|why| Failure::usage(format!("{named} {why}")))
}

/// The server that a command names, by flag or by `ZMS_SERVER`.
pub fn named(flag: Option<&str>) -> Outcome<Option<Address>> {
    if let Some(text) = flag {
        return address(text, "--server").map(Some);
    }
    match environment::text("ZMS_SERVER")? {
        Some(text) if text.is_empty() => Err(Failure::usage("ZMS_SERVER is set but empty")
            .hint("set it to the address of a server, or unset it")),
        Some(text) => address(&text, "ZMS_SERVER").map(Some),
        None => Ok(None),
    }
}

/// Where a vault is kept, as its home remembers it.
pub struct Remembered {
    /// The server.
    pub address: Address,
    /// The vault there.
    pub vault: VaultId,
}

impl Remembered {
    /// What a home remembers; `None` where its vault is a database.
    pub fn of(home: &Home) -> Outcome<Option<Self>> {
        let path = home.server_file();
        // A home that is no folder is for whoever makes or uses it to report.
        if !files::exists(&path) {
            return Ok(None);
        }
        let Some(text) = read_private(&path, Exit::Other)? else { return Ok(None) };
        let parsed = text.strip_suffix('\n').and_then(|text| text.split_once('\n'));
        let parsed = parsed.and_then(|(address, vault)| {
            let address = Address::parse(address).ok()?;
            let mut id = [0; 16];
            hex::decode_to_slice(vault, &mut id).ok()?;
            Some(Self { address, vault: VaultId(id) })
        });
        parsed.map(Some).ok_or_else(|| {
            Failure::other(format!("{} does not say which server keeps the vault", path.display()))
                .hint("write its address on the first line, and the vault's id on the second")
        })
    }

    /// Has a home remember it.
    pub fn keep(&self, home: &Home) -> Outcome {
        let mut text = String::new();
        let _fits = write!(text, "{}\n{}\n", self.address, self.vault);
        let path: PathBuf = home.server_file();
        replace_private(&path, &text)
            .map_err(|error| trouble(&error, format!("{} can not be written", path.display())))
    }
}

/// Opens a vault for somebody, wherever it is kept; `None` where there is none here.
pub fn store(home: &Home, principal: &Principal) -> Outcome<Option<Box<dyn Store>>> {
    match home.server() {
        Some(address) => Ok(Some(Box::new(remote(address, principal)))),
        None => here(home),
    }
}

/// Which vault it is, as a database or the home says without a key.
pub fn vault(home: &Home) -> Outcome<Option<VaultId>> {
    if home.server().is_some() {
        return Ok(Remembered::of(home)?.map(|remembered| remembered.vault));
    }
    let Some(store) = here(home)? else { return Ok(None) };
    let vault = store.bundle().and_then(|bundle| bundle.vault());
    Ok(vault.map_err(SessionError::Store)?)
}

/// Opens the database of this machine; `None` where there is none.
pub fn here(home: &Home) -> Outcome<Option<Box<dyn Store>>> {
    let store = SqliteStore::open(&home.database()).map_err(SessionError::Store)?;
    Ok(store.map(|store| Box::new(store) as Box<dyn Store>))
}

/// A vault at a server.
pub fn remote(address: &Address, principal: &Principal) -> RemoteStore {
    let entropy = [environment::entropy(), environment::entropy()];
    RemoteStore::new(address.clone(), principal, environment::now, entropy)
}

/// Refuses what is done to a file, where a server keeps the vault.
pub fn refuse(home: &Home, what: &str, instead: &str) -> Outcome {
    match home.server() {
        None => Ok(()),
        Some(address) => {
            Err(Failure::usage(format!("the vault is kept by {address}, and {what}")).hint(instead))
        }
    }
}

/// How old the copy of a server's last answer may be that `run` uses where it can not be reached.
#[derive(clap::Args, Clone, Copy, Default)]
#[cfg_attr(test, derive(Debug))]
pub struct Stale {
    /// Where the server can not be reached, use what it answered last, if that is no older: 1h, 7d
    #[arg(long, value_name = "AGE", value_parser = time)]
    max_stale: Option<Duration>,
}

impl Stale {
    /// With `ZMS_MAX_STALE`, where no flag says.
    pub fn or_variable(self) -> Outcome<Self> {
        if self.max_stale.is_some() {
            return Ok(self);
        }
        let age = environment::text("ZMS_MAX_STALE")?
            .map(|text| time(&text).map_err(|why| Failure::usage(format!("ZMS_MAX_STALE: {why}"))));
        Ok(Self { max_stale: age.transpose()? })
    }

    /// The age in seconds; `None` where no copy is to be used.
    pub fn seconds(self) -> Option<u64> {
        self.max_stale.map(|age| age.as_secs())
    }
}

/// What a program that runs for long needs of a server.
pub struct Far {
    address: Address,
    /// How old the copy was that was used.
    age: Age,
    /// Waits for changes, until it is on its thread.
    watcher: Option<Watcher>,
    moved: Arc<AtomicBool>,
}

/// How long is waited after an engine that could not be asked, at first and at most.
const AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

impl Far {
    /// A store that keeps what it was shown last.
    pub fn begin(
        home: &Home,
        address: &Address,
        principal: &Principal,
        stale: Stale,
    ) -> (RemoteStore, Self) {
        let mut store = remote(address, principal);
        let most = stale.seconds();
        let age = store.caching(home.copy(principal.id()), most);
        let watcher = Some(store.watcher(environment::entropy()));
        (store, Self { address: address.clone(), age, watcher, moved: Arc::default() })
    }

    /// Says that a copy was used, and how old it is.
    pub fn tell(&self, output: Output) {
        let Some(age) = self.age.get() else { return };
        let ago = humantime::format_duration(Duration::from_secs(age));
        output.warn(format!(
            "{} can not be reached: what is used is what it showed {ago} ago, and that it is used \
             stands in no audit",
            self.address
        ));
    }

    /// Whether anything has changed there since it was last asked. The first one begins a thread
    /// that waits for it, with the signals of whoever asks held back as they are here.
    pub fn moved(&mut self) -> bool {
        if let Some(watcher) = self.watcher.take() {
            let moved = self.moved.clone();
            std::thread::spawn(move || wait_on(watcher, &moved));
        }
        self.moved.swap(false, Ordering::Relaxed)
    }
}

fn wait_on(mut watcher: Watcher, moved: &AtomicBool) {
    let mut pause = AGAIN[0];
    loop {
        match watcher.wait() {
            Ok(true) => moved.store(true, Ordering::Relaxed),
            Ok(false) => {}
            Err(_) => {
                // Whether that is a reason to say something is for who reads to find out.
                moved.store(true, Ordering::Relaxed);
                std::thread::sleep(pause);
                pause = (pause * 2).min(AGAIN[1]);
                continue;
            }
        }
        pause = AGAIN[0];
    }
}
