//! Where the vaults are that are served.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::runtime::Handle;
use zeroize::Zeroizing;
use zms_core::address::Address;
use zms_server::{
    gateway::{Members, Origin, Upstream},
    vaults::{Folder, OneFile, Shared, Vaults},
};
use zms_store_postgres::{Address as DatabaseAddress, Database, Limits};

use crate::{
    commands::token::time,
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, check_folder, read_credential},
    server::{self, Stale},
    session::{Context, both, unopened},
};

/// Where they are kept.
#[derive(clap::Args)]
#[command(next_help_heading = "Vaults")]
pub struct KeepArgs {
    /// Keep many vaults in this folder, a file each, instead of that of this home
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Keep them in this PostgreSQL database, with other servers; also in ZMS_DATABASE
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    database: Option<String>,
    /// Connections to the database, and six more that serve all requests
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000))]
    database_connections: u16,
    /// Answer without asking the database whether a vault changed, for so long after it was asked
    #[arg(long, value_name = "AGE", value_parser = time, default_value = "0s")]
    database_lag: Duration,
    #[command(flatten)]
    stale: Stale,
}

/// What is served from.
pub struct Kept {
    /// The vaults of an engine; a sidecar has none.
    pub vaults: Arc<dyn Vaults>,
    /// The same as a gateway looks for them.
    pub origin: Arc<dyn Origin>,
    /// Where what a gateway saw is kept, where it has to take an engine's word.
    pub pins: Option<PathBuf>,
    /// The engine elsewhere, where there is one.
    pub upstream: Option<Address>,
    /// The folder that belongs to this server.
    pub folder: PathBuf,
}

impl KeepArgs {
    /// Opens what there is to serve from.
    pub fn open(&self, context: &Context, runtime: &Handle) -> Outcome<Kept> {
        if let Some(folder) = &self.data {
            return in_folder(folder);
        }
        if let Some(address) = self.address(context)? {
            let home = context.folder_to_make()?;
            home.make()?;
            let database = self.connect(&address, runtime)?;
            return Ok(Kept::of(Arc::new(Shared::new(database)), home.folder().to_owned()));
        }
        let home = context.home_to_make()?;
        home.make()?;
        if let Some(address) = home.server().cloned() {
            return self.before(&home, address);
        }
        Ok(Kept::of(Arc::new(OneFile::new(home.database())), home.folder().to_owned()))
    }

    /// The database, where one is named. Its address may hold a password, so it need not stand in
    /// the list of processes, and is not shown.
    fn address(&self, context: &Context) -> Outcome<Option<DatabaseAddress>> {
        let variable = || environment::text("ZMS_DATABASE").ok().flatten();
        let (named, url) = if let Some(url) = &self.database {
            ("--database", Zeroizing::new(url.clone()))
        } else if let Some(url) = variable().filter(|text| DatabaseAddress::is_one(text)) {
            ("ZMS_DATABASE", Zeroizing::new(url))
        } else {
            let Some(path) = environment::credential("zms-database") else { return Ok(None) };
            let Some(text) = read_credential(&path, Exit::Other)? else { return Ok(None) };
            ("the credential zms-database", Zeroizing::new(text.trim_end().to_owned()))
        };
        let address = DatabaseAddress::parse(&url).map_err(|why| {
            Failure::usage(format!("{named} is no address of a database: {why}"))
                .hint("such as postgres://zms@db1.example.com,db2.example.com/zms")
        })?;
        match server::named(context.server.as_deref())? {
            Some(server) => Err(both(named, &server)),
            None => Ok(Some(address)),
        }
    }

    fn connect(&self, address: &DatabaseAddress, runtime: &Handle) -> Outcome<Database> {
        let limits = Limits {
            connections: usize::from(self.database_connections),
            stale: self.database_lag,
            ..Limits::default()
        };
        let mut name = [0; 16];
        environment::entropy().fill_bytes(&mut name);
        Database::connect(address, limits, runtime, name).map_err(|trouble| {
            let hint = format!("the database is looked for at {}", address.hosts());
            Failure::from(unopened(trouble)).hint(hint)
        })
    }

    /// A gateway before an engine elsewhere.
    fn before(&self, home: &Home, address: Address) -> Outcome<Kept> {
        let upstream = Arc::new(Upstream {
            address: address.clone(),
            clock: environment::now,
            entropy: environment::entropy,
            copies: home.pins(),
            most_stale: self.stale.or_variable()?.seconds(),
        });
        let (pins, folder) = (Some(home.pins()), home.folder().to_owned());
        let upstream_of = Some(address);
        Ok(Kept { vaults: upstream.clone(), origin: upstream, pins, upstream: upstream_of, folder })
    }
}

impl Kept {
    fn of(vaults: Arc<dyn Vaults>, folder: PathBuf) -> Self {
        let origin = Arc::new(Members::new(Arc::clone(&vaults)));
        Self { vaults, origin, pins: None, upstream: None, folder }
    }
}

fn in_folder(folder: &Path) -> Outcome<Kept> {
    let folder = environment::folder()?.join(folder);
    if !files::exists(&folder) {
        let missing = Failure::not_found(format!("{} does not exist", folder.display()));
        return Err(missing.hint(format!("mkdir -m 700 {}", folder.display())));
    }
    check_folder(&folder)?;
    Ok(Kept::of(Arc::new(Folder::new(folder.clone())), folder))
}
