//! Brings the caller, the store and the place of a command together.

use std::path::{Path, PathBuf};

use zms_client::{AuditAlarm, Session, SessionError, pins::PinFolder};
use zms_core::{
    address::Address,
    bundle::{Trouble, TroubleClass},
    open::{OpenError, OpenScope},
    path::{ScopePath, SecretName},
    principal::Principal,
    record::Payload,
};
use zms_store::Store;
use zms_store_postgres::Address as DatabaseAddress;
use zms_store_sqlite::SqliteStore;

use crate::{
    bundle_file::{self, Carried},
    child::{loader, variable_name},
    credentials::{self, Caller, Sources},
    environment,
    exit::{Exit, Failure, Outcome},
    home::{DEFAULT_VAULT, Home},
    master_key,
    output::Output,
    place::{Place, PlaceFlags, nearest},
    prompt, renewal,
    server::{self, Far, Remembered, Stale},
};

/// What every command is given.
pub struct Context {
    /// Where words go.
    pub output: Output,
    /// The vault that is named.
    pub vault: Option<String>,
    /// The server that is named.
    pub server: Option<String>,
    /// The flags that choose a place.
    pub flags: PlaceFlags,
    /// Use the master key although a token is present.
    pub as_owner: bool,
    /// Read the token from this descriptor.
    pub token_fd: Option<i32>,
    /// What would be asked is confirmed already.
    pub yes: bool,
}

/// What only `run` says of its session.
pub struct Running {
    /// Whether what a server showed before will do.
    pub stale: Stale,
    /// Whether the session is over as soon as the program starts.
    pub ends: bool,
}

/// A command's session.
pub struct Acting {
    /// The session.
    pub session: Session,
    /// Where it acts.
    pub place: Place,
    /// Where the caller's key came from.
    pub source: String,
    /// Whether the caller is the owner.
    pub owner: bool,
    /// Whether it reads from a bundle.
    pub carried: bool,
    /// The server that keeps the vault, where one does.
    pub server: Option<Address>,
    /// What a program that runs for long needs of that server.
    pub far: Option<Far>,
}

impl Context {
    /// The folder of the chosen vault: by flag, by `ZMS_VAULT`, else the default one. A vault that
    /// is named must be there.
    pub fn home(&self) -> Outcome<Home> {
        let home = self.home_to_make()?;
        if home.name() == DEFAULT_VAULT || home.holds_vault() {
            return Ok(home);
        }
        let failure = Failure::not_found(format!("there is no vault {}", home.name()));
        let all = Home::all()?;
        Err(match nearest(home.name(), all.iter().map(Home::name)) {
            Some(name) => failure.hint(format!("did you mean {name}?")),
            None => failure.hint(format!("make it with `zms init{}`", home.as_typed())),
        })
    }

    /// As [`Context::home`], of a vault that may still have to be made.
    pub fn home_to_make(&self) -> Outcome<Home> {
        located(self.named_vault()?.as_deref(), self.server.as_deref())
    }

    /// The folder alone, for whoever keeps vaults elsewhere.
    pub fn folder_to_make(&self) -> Outcome<Home> {
        Home::find(self.named_vault()?.as_deref())
    }

    fn named_vault(&self) -> Outcome<Option<String>> {
        let named = match &self.vault {
            Some(name) => Some(name.clone()),
            None => environment::text("ZMS_VAULT")?,
        };
        if named.as_deref() == Some("") {
            return Err(Failure::usage("the name of the vault is empty")
                .hint("name it with `--vault` or ZMS_VAULT, or unset that"));
        }
        Ok(named)
    }

    /// Opens a session as whoever is there: a token first, else the owner.
    pub fn act(&self) -> Outcome<Acting> {
        self.act_from(Sources::Named)
    }

    /// As [`Context::act`], from chosen sources.
    pub fn act_from(&self, sources: Sources) -> Outcome<Acting> {
        bundle_file::refuse_named()?;
        self.act_with(sources, &Carried::default())
    }

    /// As the token that is named, on a bundle; `None` where no token is.
    pub fn act_as_token(&self, carried: &Carried) -> Outcome<Option<Acting>> {
        let home = self.home_to_make()?;
        let Some(caller) = credentials::token_caller(&home, self.token_fd)? else {
            return Ok(None);
        };
        let Some(store) = carried.store(self.output)? else { return Ok(None) };
        bundle_file::check_reader(&store, &caller)?;
        self.at_work(&home, Box::new(store), caller, carried, true).map(Some)
    }

    /// As [`Context::act_from`], on a bundle where one is named.
    pub fn act_with(&self, sources: Sources, carried: &Carried) -> Outcome<Acting> {
        self.act_for(sources, carried, None)
    }

    /// As [`Context::act_with`], for `run`.
    pub fn act_to_run(&self, carried: &Carried, running: Running) -> Outcome<Acting> {
        self.act_for(Sources::WithFolder, carried, Some(running))
    }

    fn act_for(
        &self,
        sources: Sources,
        carried: &Carried,
        running: Option<Running>,
    ) -> Outcome<Acting> {
        if carried.named()?.is_some() {
            let home = self.home_to_make()?;
            let caller = credentials::caller(&home, self.as_owner, self.token_fd, sources)?;
            let Some(store) = carried.store(self.output)? else {
                unreachable!("a bundle that is named is opened or refused");
            };
            bundle_file::check_reader(&store, &caller)?;
            return self.at_work(&home, Box::new(store), caller, carried, true);
        }
        // What is refused without a bundle is refused before anything is opened.
        carried.store(self.output)?;
        let home = self.home()?;
        self.act_in(home, sources, carried, running)
    }

    /// As [`Context::act`], on the vault of a chosen home.
    pub fn act_at(&self, home: Home) -> Outcome<Acting> {
        bundle_file::refuse_named()?;
        self.act_in(home, Sources::Named, &Carried::default(), None)
    }

    fn act_in(
        &self,
        home: Home,
        sources: Sources,
        carried: &Carried,
        running: Option<Running>,
    ) -> Outcome<Acting> {
        Place::new(&self.flags)?;
        let unread = self.flags.env.is_none() && environment::raw("ZMS_ENV").is_none();
        if unread && environment::raw("ZMS_ENVIRONMENT").is_some() {
            self.output
                .warn("ZMS_ENVIRONMENT is set and says nothing to zms: did you mean ZMS_ENV?");
        }
        let mut caller = credentials::caller(&home, self.as_owner, self.token_fd, sources)?;
        let home = self.home_of(home, &caller)?;
        if caller.owner
            && let Some(heir) = master_key::settle(&home)?
        {
            self.output.note("the replacement of the master key that was interrupted is done now");
            caller = heir;
        }
        let (store, far): (Box<dyn Store>, _) = match (home.server(), running) {
            (Some(address), Some(Running { stale, .. })) => {
                let (store, far) = Far::begin(&home, address, &caller.principal, stale);
                (Box::new(store), Some(far))
            }
            (None, Some(Running { ends: true, .. })) => {
                (Box::new(database(&home, SqliteStore::open_alone)?), None)
            }
            _ => (opened(&home, &caller.principal)?, None),
        };
        if caller.owner && renewal::waits(&home, caller.principal.id()) {
            self.output.warn(
                "new tokens of a full rotation were not shown yet: `zms key rotate --full` shows \
                 them",
            );
        }
        let acting = self.at_work(&home, store, caller, carried, false)?;
        Ok(Acting { far, ..acting })
    }

    /// The home with the server that a token names, unless the command names another.
    fn home_of(&self, home: Home, caller: &Caller) -> Outcome<Home> {
        let Some(address) = caller.address.clone().filter(|_| self.server.is_none()) else {
            return Ok(home);
        };
        if database_elsewhere()?.is_some() {
            return Err(Failure::usage(format!(
                "ZMS_DATABASE names a database, and the token in {} names a server",
                caller.source
            ))
            .hint("unset ZMS_DATABASE, or use the token without what follows its @"));
        }
        Ok(home.with_server(address))
    }

    /// Brings them together.
    fn at_work(
        &self,
        home: &Home,
        store: Box<dyn Store>,
        caller: Caller,
        demands: &Carried,
        carried: bool,
    ) -> Outcome<Acting> {
        let place = Place::new(&self.flags)?;
        let pins = PinFolder::new(home.pins());
        let (clock, entropy) = (environment::now, environment::entropy());
        let session = Session::new(store, caller.principal, pins, clock, entropy);
        let session = session.demanding(demands.demand()?);
        let server = home.server().filter(|_| !carried).cloned();
        let (source, owner) = (caller.source, caller.owner);
        Ok(Acting { session, place, source, owner, carried, server, far: None })
    }
}

/// A vault's folder, and the database or server that keeps it, as flag and environment say.
pub fn located(vault: Option<&str>, flag: Option<&str>) -> Outcome<Home> {
    let home = Home::find(vault)?;
    match (database_elsewhere()?, server::named(flag)?) {
        (Some(_), Some(address)) => Err(both("ZMS_DATABASE", &address)),
        (Some(path), None) => Ok(home.with_database(environment::folder()?.join(path))),
        (None, Some(address)) => Ok(home.with_server(address)),
        (None, None) => Ok(match Remembered::of(&home)? {
            Some(remembered) => home.with_server(remembered.address),
            None => home,
        }),
    }
}

/// Refuses a database and a server that are both named.
pub fn both(database: &str, server: &Address) -> Failure {
    Failure::usage(format!("{database} names a database, and {server} is named too"))
        .hint(format!("unset one of {database} and ZMS_SERVER"))
}

/// The database that `ZMS_DATABASE` names: several homes can share one, each with a key or token and
/// pins of its own. Never named by a file of the working folder.
pub fn database_elsewhere() -> Outcome<Option<PathBuf>> {
    let named = environment::raw("ZMS_DATABASE").map(PathBuf::from);
    if named.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
        return Err(Failure::usage("ZMS_DATABASE is set but empty")
            .hint("set it to the path of a database, or unset it"));
    }
    if named.as_ref().and_then(|path| path.to_str()).is_some_and(DatabaseAddress::is_one) {
        let why = "ZMS_DATABASE names a database of servers, and this reads a file or a server";
        return Err(Failure::usage(why)
            .hint("serve it with `zms start`, and say in ZMS_SERVER where that listens"));
    }
    Ok(named)
}

/// The vault's store, wherever it is kept.
pub fn opened(home: &Home, principal: &Principal) -> Outcome<Box<dyn Store>> {
    if let Some(address) = home.server() {
        return Ok(Box::new(server::remote(address, principal)));
    }
    Ok(Box::new(database(home, SqliteStore::open)?))
}

/// The vault's database on this machine.
fn database(
    home: &Home,
    open: impl FnOnce(&Path) -> Result<Option<SqliteStore>, Trouble>,
) -> Outcome<SqliteStore> {
    let path = home.database();
    open(&path).map_err(unopened)?.ok_or_else(|| {
        Failure::new(Exit::Locked, format!("there is no vault at {}", path.display())).hint(
            "make one with `zms init`, set ZMS_HOME to the folder of an existing one, \
             ZMS_DATABASE to a database elsewhere, or ZMS_SERVER to the server that keeps it",
        )
    })
}

/// A disk so full that not even the log can be opened stores no audit entry either.
pub fn unopened(trouble: Trouble) -> SessionError {
    match trouble.class {
        TroubleClass::Full => SessionError::Audit(trouble),
        _ => SessionError::Store(trouble),
    }
}

impl Acting {
    /// Has a change at a path confirmed, where it is protected and the caller can see that. A path
    /// that does not open is left for the change itself to report.
    pub fn confirm(&mut self, context: &Context, path: &ScopePath) -> Outcome {
        if context.yes {
            return Ok(());
        }
        let Ok(view) = self.session.structure(&|_| Ok(path.clone())) else { return Ok(()) };
        if !view.target().protected {
            return Ok(());
        }
        let word = path.segments().get(1).or(path.segments().last());
        let word = word.map_or_else(String::new, ToString::to_string);
        prompt::typed(&format!("{path} is protected."), &word, false)
    }

    /// As [`Acting::confirm`], where the command acts.
    pub fn confirm_here(&mut self, context: &Context) -> Outcome {
        if context.yes {
            return Ok(());
        }
        let choose = |held: &[ScopePath]| self.place.choose(held);
        let Ok(view) = self.session.structure(&choose) else { return Ok(()) };
        let path = view.path().clone();
        if view.target().protected { self.confirm(context, &path) } else { Ok(()) }
    }

    /// Gives an error about a missing scope the nearest name.
    pub fn explain(&mut self, error: SessionError) -> Failure {
        if self.carried && !matches!(error, SessionError::Open(OpenError::NotFound(_))) {
            return bundle_file::explain(error);
        }
        if self.owner && matches!(error, SessionError::Open(OpenError::Departed { .. })) {
            let why = format!("the master key in {} has been replaced", self.source);
            return Failure::new(Exit::Denied, why).hint(match self.source == credentials::AGENT {
                true => "`zms lock`, then `zms unlock` with shares of the new one",
                false => "put the new one in its place",
            });
        }
        let SessionError::Open(OpenError::NotFound(path)) = &error else { return error.into() };
        let path = path.clone();
        let mut failure = Failure::from(error);
        let Some((parent, wanted)) = path.parent().zip(path.segments().last()) else {
            return failure;
        };
        let what = ["project", "environment", "service"].get(parent.segments().len());
        if let Some(what) = what {
            let within =
                if parent.segments().is_empty() { String::new() } else { format!(" in {parent}") };
            failure.message = format!("there is no {what} {wanted}{within}");
        }
        let Ok(names) = self.session.children(&parent) else { return failure };
        let names: Vec<&str> = names.iter().map(zms_core::path::Segment::as_str).collect();
        let level = ["project", "env", "service"].get(parent.segments().len());
        match (nearest(wanted.as_str(), names.iter().copied()), level) {
            (Some(name), _) => failure.hint(format!("did you mean {name}?")),
            (None, Some(level)) if !names.is_empty() => failure.hint(format!(
                "there are {}; make another with `zms {level} create`",
                names.join(", ")
            )),
            (None, Some(level)) => failure.hint(format!("make it with `zms {level} create`")),
            _ => failure,
        }
    }
}

/// Says what a session noticed about its pins and about the audit.
pub fn tell(session: &Session, output: Output) {
    noticed(session).into_iter().for_each(|words| output.warn(words));
}

/// What a session noticed about its pins and about the audit.
pub fn noticed(session: &Session) -> Vec<String> {
    let mut all = Vec::new();
    if session.pins_void() {
        let words = "the vault was restored from a backup: what was seen here before is void";
        all.push(words.to_owned());
    }
    if let Some(why) = session.unkept()
        && !session.has_pins_handed()
    {
        all.push(format!(
            "{why}: an older bundle could not be told next time, unless ZMS_PIN names what was seen \
             (`zms status --pin` prints it where the vault is)"
        ));
    }
    match session.audit_alarm() {
        None => {}
        Some(alarm @ (AuditAlarm::Broken | AuditAlarm::Damaged { .. })) => {
            all.push(format!("{alarm}: run `zms audit verify`"));
        }
        Some(alarm) => all.push(alarm.to_string()),
    }
    all
}

/// Checks a secret's name.
pub fn secret_name(name: &str) -> Outcome<SecretName> {
    SecretName::parse(name).map_err(|why| Failure::usage(format!("the name {name:?} {why}")))
}

/// A secret as this very scope holds it, and the revision that brought it.
pub fn held(scope: &OpenScope, name: &SecretName) -> Result<Option<(u64, Payload)>, SessionError> {
    let Some(stored) = scope.stored(name) else { return Ok(None) };
    let broken = |_| OpenError::Integrity(zms_core::open::Place::Record(scope.path.clone()));
    Ok(Some(scope.open_one(stored).map_err(broken)?))
}

/// As [`held`], of a secret that must be there.
pub fn held_there(scope: &OpenScope, name: &SecretName) -> Result<(u64, Payload), SessionError> {
    if let Some(found) = held(scope, name)? {
        return Ok(found);
    }
    let there = scope.open_records()?;
    let names = there.iter().map(|(_, payload)| payload.name.as_str());
    Err(no_secret(name.as_str(), &scope.path, names).into())
}

/// Says which of these names `zms run` can not inject as they are.
pub fn warn_of_names<'n>(output: Output, names: impl IntoIterator<Item = &'n str>) {
    let fits = |name: &&str| variable_name(name) && !loader(name);
    let unfit: Vec<&str> = names.into_iter().filter(|name| !fits(name)).collect();
    if !unfit.is_empty() {
        output.warn(format!(
            "`zms run` does not inject {} under that name: give it another one with `--map`, or \
             leave it out with `--except`",
            unfit.join(", ")
        ));
    }
}

/// A missing secret, with the nearest name that is there.
pub fn no_secret<'n>(
    name: &str,
    path: &ScopePath,
    names: impl IntoIterator<Item = &'n str>,
) -> Failure {
    let failure = Failure::not_found(format!("no secret {name} in {path}"));
    match nearest(name, names) {
        Some(near) => failure.hint(format!("did you mean {near}?")),
        None => failure.hint("see what is there with `zms ls`"),
    }
}
