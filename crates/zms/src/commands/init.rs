//! `zms init`.

use std::path::PathBuf;

use zms_client::{Session, SessionError, pins::PinFolder};
use zms_core::{
    change::plant::Seedling,
    id::VaultId,
    key_file::KeyFile,
    path::Segment,
    principal::{Kind, Principal},
};
use zms_crypto::{Key, share::Scheme};
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
    session::Context,
    shares::{Claim, Delivered, Delivery, Set, Wanted},
};

/// Make a master key and an encrypted database on this machine
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms init
  zms init --protect passphrase
  zms init --vault work
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
}

/// Makes the vault, or ends an init that was interrupted.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let shared = shares(context, args)?;
    let home = context.home_to_make()?;
    home.make()?;
    let keyed = files::exists(&home.key());
    if !keyed && files::exists(&home.database()) {
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
    let claim = Claim { vault, key: owner.id() };
    let hand_over = |owner: &Principal, (scheme, delivery): &(Scheme, Delivery)| {
        let set = Set::make(&home, owner, claim, scheme.clone())?;
        let frame = |shares| told(&home, args, Some(shares));
        delivery.hand_over(set, context.output, &frame)
    };
    // A key that is nowhere else must be in somebody's hands before anything is sealed for it.
    let first = shared.as_ref().filter(|_| args.no_key_file);
    let mut delivered = first.map(|shared| hand_over(&owner, shared)).transpose()?;
    let session = plant(&home, owner, vault).map_err(|failure| {
        let (Some(delivered), Some((_, delivery))) = (&delivered, &shared) else { return failure };
        delivered.take_back();
        failure.and_hint(delivery.void())
    })?;
    if let (Some(shared), None) = (&shared, &delivered) {
        let set = hand_over(session.principal(), shared);
        delivered = Some(set.map_err(|failure| {
            failure.and_hint("the vault is made; make its shares with `zms key split`")
        })?);
    }
    if let Some(delivered) = &delivered {
        delivered.note(&home, context.output);
    }
    say(context.output, &home, args, delivered.as_ref())
}

/// Which shares are wanted and where they go, found out before there is anything.
fn shares(context: &Context, args: &Args) -> Outcome<Option<(Scheme, Delivery)>> {
    let Some(scheme) = args.wanted.scheme()? else {
        if args.no_key_file || args.wanted.all_in_one || args.wanted.sheets.is_some() {
            return Err(Failure::usage(
                "it is not said how many shares there are, and how many are needed",
            )
            .hint("for example `--shares 5 --threshold 3`"));
        }
        return Ok(None);
    };
    Ok(Some((scheme, Delivery::plan(&args.wanted, context.output)?)))
}

fn plant(home: &Home, owner: Principal, vault: VaultId) -> Outcome<Session> {
    let store = store(home)?;
    let pins = PinFolder::new(home.pins());
    let mut session = Session::new(store, owner, pins, environment::now, environment::entropy());
    session.init(vault, first_scopes()).map_err(|error| match error {
        SessionError::Exists => exists(home),
        error => error.into(),
    })?;
    Ok(session)
}

fn key_file(home: &Home, args: &Args) -> Option<String> {
    Some(home.key().display().to_string()).filter(|_| !args.no_key_file)
}

/// What programs are told.
fn told(home: &Home, args: &Args, shares: Option<serde_json::Value>) -> serde_json::Value {
    let mut json = serde_json::json!({
        "key": key_file(home, args),
        "database": home.database().display().to_string(),
    });
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
        home.database().display()
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
    let store = SqliteStore::open(&home.database()).map_err(SessionError::Store)?;
    let made = match &store {
        Some(store) => {
            let bundle = store.bundle().map_err(SessionError::Store)?;
            bundle.vault().map_err(SessionError::Store)?.is_some()
        }
        None => false,
    };
    if made {
        return Err(exists(home));
    }
    if !files::names(&home.pins()).is_empty() {
        return Err(Failure::other(format!(
            "the master key is in {}, but its database is gone",
            home.folder().display()
        ))
        .hint("put a copy of the database back, or remove what is left with `zms reset`"));
    }
    let text = crate::home::read_private(&home.key(), Exit::Integrity)?;
    let file = text.as_deref().map(|text| KeyFile::parse(text));
    let Some(Ok(file)) = file else {
        return Err(Failure::other(format!("{} is damaged", home.key().display()))
            .hint("remove everything with `zms reset`"));
    };
    Ok((credentials::owner(home)?.principal, file.vault()))
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
