//! `zms init`.

use std::path::PathBuf;

use zms_client::{Session, SessionError, pins::PinFolder};
use zms_core::{
    bundle::TroubleClass,
    change::plant::Seedling,
    id::VaultId,
    key_file::KeyFile,
    path::Segment,
    principal::{Kind, Principal},
};
use zms_crypto::Key;
use zms_store::Store;
use zms_store_sqlite::SqliteStore;

use crate::{
    commands::key::protect::seal_credential,
    credentials, environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, create_private, trouble},
    master_key::{Protect, Seal},
    output::Output,
    place::{DEFAULT_ENVIRONMENT, DEFAULT_PROJECT},
    registration,
    server::{self, Remembered},
    session::{Context, opened},
    shares::{Delivered, Handout, Wanted},
};

/// Make a master key and an encrypted database on this machine
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms init
  zms init --protect passphrase
  zms init --vault work
  zms init --server https://zms.example.com:3030               the vault is kept there, the key here
  zms init --shares 5 --threshold 3 --sheets .                 and a page for each share of the key
  zms init --shares 5 --threshold 3 --sheets . --no-key-file   the key is in the shares alone

Files: ~/.zexio/zms.master.key and ~/.zexio/zms.db (ZMS_HOME moves them); those of `--vault NAME`
lie in ~/.zexio/vaults/NAME")]
pub struct Args {
    /// How the master key file is protected
    #[arg(long, value_enum, default_value_t = Protect::None)]
    protect: Protect,
    /// For systemd: the file of the credential, which is made where it is not there
    #[arg(long, value_name = "FILE")]
    credential: Option<PathBuf>,
    #[command(flatten)]
    wanted: Wanted,
    /// Write no key file: the owner acts only once shares have put the key together
    #[arg(long, conflicts_with_all = ["protect", "credential"])]
    no_key_file: bool,
    /// With --server: the file of its registration secret, or of the setup code it printed
    #[arg(long, value_name = "FILE")]
    registration_file: Option<PathBuf>,
}

/// Makes the vault, or ends an init that was interrupted.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let mut handout = Handout::plan(&args.wanted, context.output)?;
    if args.no_key_file && handout.is_none() {
        return Err(Handout::unnamed());
    }
    let home = context.home_to_make()?;
    home.make()?;
    let keyed = files::exists(&home.key());
    if keyed && home.server().is_some() && files::exists(&home.database()) {
        return Err(exists(&home).hint("`zms push` moves the vault of this machine to a server"));
    }
    if !keyed && home.server().is_none() && files::exists(&home.database()) {
        return Err(Failure::other(format!(
            "there is a database at {}, but no master key for it",
            home.database().display()
        ))
        .hint(
            "put the key file back, put it together from shares with `zms key combine`, or remove \
             everything with `zms reset`",
        ));
    }
    let (owner, vault) = match keyed {
        true if args.no_key_file => return Err(exists(&home)),
        true => resume(&home)?,
        false if args.no_key_file => new_key(),
        false => make_key(&home, args)?,
    };
    let frame = |shares| told(&home, args, Some(shares));
    let mut hand_over = |owner: &Principal| match &mut handout {
        Some(handout) => handout.hand_over(&home, vault, owner, context.output, &frame),
        None => Ok(()),
    };
    // A key that is nowhere else must be in somebody's hands before anything is sealed for it.
    if args.no_key_file {
        hand_over(&owner)?;
    }
    let session = match plant(&home, owner, vault, args) {
        Ok(session) => session,
        Err(failure) => {
            return Err(match handout {
                Some(handout) => handout.void(failure),
                None => failure,
            });
        }
    };
    if !args.no_key_file {
        hand_over(session.principal()).map_err(|failure| {
            failure.and_hint("the vault is made; make its shares with `zms key split`")
        })?;
    }
    let delivered = handout.map(Handout::counts).transpose()?;
    if let Some(delivered) = &delivered {
        delivered.note(&home, context.output);
    }
    say(context.output, &home, args, delivered.as_ref())
}

fn plant(home: &Home, owner: Principal, vault: VaultId, args: &Args) -> Outcome<Session> {
    let store: Box<dyn Store> = match home.server() {
        Some(address) => {
            let secret = registration::secret(args.registration_file.as_ref(), address)?;
            Box::new(server::remote(address, &owner).registering(&secret))
        }
        None => store(home)?,
    };
    let pins = PinFolder::new(home.pins());
    let mut session = Session::new(store, owner, pins, environment::now, environment::entropy());
    session.init(vault, first_scopes()).map_err(|error| match error {
        SessionError::Exists => exists(home),
        SessionError::Store(trouble) if trouble.class == TroubleClass::Unauthentic => {
            Failure::new(Exit::Denied, "the server refused the registration secret").hint(
                "it is another one, a setup code that was used already, or the clocks here and \
                 there differ by more than a minute; nothing was made there. Try again with the \
                 right one",
            )
        }
        error => error.into(),
    })?;
    if let Some(address) = home.server() {
        Remembered { address: address.clone(), vault }.keep(home)?;
    }
    Ok(session)
}

fn key_file(home: &Home, args: &Args) -> Option<String> {
    Some(home.key().display().to_string()).filter(|_| !args.no_key_file)
}

/// What keeps the vault, and where that is.
fn kept(home: &Home) -> (&'static str, String) {
    match home.server() {
        Some(address) => ("server", address.to_string()),
        None => ("database", home.database().display().to_string()),
    }
}

/// What programs are told.
fn told(home: &Home, args: &Args, shares: Option<serde_json::Value>) -> serde_json::Value {
    let (what, place) = kept(home);
    let mut json = serde_json::json!({ "key": key_file(home, args), what: place });
    if let Some(shares) = shares {
        json["shares"] = shares;
    }
    json
}

fn say(output: Output, home: &Home, args: &Args, delivered: Option<&Delivered>) -> Outcome {
    if output.json {
        return match delivered {
            Some(delivered) => delivered.tell(output, &|shares| told(home, args, Some(shares))),
            None => output.json(told(home, args, None)),
        };
    }
    let how = match args.protect {
        Protect::None => "only you can read it",
        Protect::Passphrase => "opens with your passphrase",
        Protect::Keychain => "opens with a key in your keychain",
        Protect::Systemd => "opens with a credential of a service",
    };
    output.line(&match key_file(home, args) {
        Some(key) => format!("Master key  {key}  ({how})"),
        None => "Master key  in its shares alone".to_owned(),
    })?;
    output.line(&format!(
        "Vault       {}  (project default: development, staging, production)",
        kept(home).1
    ))?;
    if let Some(delivered) = delivered {
        delivered.say(output);
    } else {
        output.note("Keep a copy of the key in a safe place: there is no back door.");
    }
    if let Some(credential) = &args.credential {
        output.note(seal_credential(&credential.display().to_string()));
    }
    if args.no_key_file {
        output.note(
            "The owner is locked out until shares put the key together: `zms unlock` holds it for \
             a while",
        );
    } else {
        output.note(format!("Next: zms import .env{}", home.as_typed()));
    }
    Ok(())
}

fn exists(home: &Home) -> Failure {
    Failure::other(format!("there is a vault already in {}", home.folder().display()))
        .hint("use it, make another with `--vault NAME`, or remove it with `zms reset`")
}

/// The key of an init that got no further: no vault was made with it, and nothing seen of one.
fn resume(home: &Home) -> Outcome<(Principal, VaultId)> {
    if home.server().is_some() {
        return resume_there(home);
    }
    if server::vault(home)?.is_some() {
        return Err(exists(home));
    }
    if !files::names(&home.pins()).is_empty() {
        return Err(Failure::other(format!(
            "the master key is in {}, but its database is gone",
            home.folder().display()
        ))
        .hint("put a copy of the database back, or remove what is left with `zms reset`"));
    }
    let vault = vault_of_key(home)?;
    Ok((credentials::owner(home)?.principal, vault))
}

/// The same at a server: the key opens a vault there, or is about to be the key of one.
fn resume_there(home: &Home) -> Outcome<(Principal, VaultId)> {
    let vault = vault_of_key(home)?;
    let owner = credentials::owner(home)?.principal;
    if let Some(remembered) = Remembered::of(home)?
        && remembered.vault == vault
    {
        return Err(exists(home));
    }
    match opened(home, &owner)?.bundle() {
        Ok(_) => {
            let address = home.server().cloned().expect("a server is named");
            Remembered { address, vault }.keep(home)?;
            Err(exists(home))
        }
        Err(trouble) if trouble.class == TroubleClass::Unauthentic => Ok((owner, vault)),
        Err(trouble) => Err(SessionError::Store(trouble).into()),
    }
}

fn vault_of_key(home: &Home) -> Outcome<VaultId> {
    let text = crate::home::read_private(&home.key(), Exit::Integrity)?;
    match text.as_deref().map(|text| KeyFile::parse(text)) {
        Some(Ok(file)) => Ok(file.vault()),
        _ => Err(Failure::other(format!("{} is damaged", home.key().display()))
            .hint("remove everything with `zms reset`")),
    }
}

fn new_key() -> (Principal, VaultId) {
    let mut rng = environment::entropy();
    let owner = Principal::from_seed(Kind::Administrator, Key::generate(&mut *rng));
    (owner, VaultId::generate(&mut *rng))
}

fn make_key(home: &Home, args: &Args) -> Outcome<(Principal, VaultId)> {
    let (owner, vault) = new_key();
    let seal = Seal::ask(args.protect, args.credential.as_deref())?;
    let text = seal.seal(&owner, vault)?;
    create_private(&home.key(), &text).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(home),
        _ => trouble(&error, format!("{} can not be made", home.key().display())),
    })?;
    Ok((owner, vault))
}

fn store(home: &Home) -> Outcome<Box<dyn Store>> {
    let store = SqliteStore::create(&home.database());
    Ok(Box::new(store.map_err(SessionError::Store)?))
}

fn first_scopes() -> Vec<Seedling> {
    let name = |text| Segment::parse(text).expect("a fixed name is a good one");
    let leaf = |text| Seedling::bare(name(text), Vec::new());
    vec![Seedling::bare(name(DEFAULT_PROJECT), environments().map(leaf).into())]
}

/// The environments that a new project starts with.
pub fn environments() -> [&'static str; 3] {
    [DEFAULT_ENVIRONMENT, "staging", crate::settings::PRODUCTION]
}
