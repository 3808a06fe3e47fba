//! `zms init`.

use zms_client::{Session, SessionError, pins::PinFolder};
use zms_core::{
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
    credentials, environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, create_private, trouble},
    master_key::{Protect, Seal},
    output::Output,
    place::{DEFAULT_ENVIRONMENT, DEFAULT_PROJECT},
    session::Context,
};

/// Make a master key and an encrypted database on this machine
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms init
  zms init --protect passphrase
  zms init --vault work

Files: ~/.zexio/zms.master.key and ~/.zexio/zms.db (ZMS_HOME moves them); those of `--vault NAME`
lie in ~/.zexio/vaults/NAME")]
pub struct Args {
    /// How the master key file is protected
    #[arg(long, value_enum, default_value_t = Protect::None)]
    protect: Protect,
}

/// Makes the vault, or ends an init that was interrupted.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home_to_make()?;
    home.make()?;
    let keyed = files::exists(&home.key());
    let (owner, vault) = if keyed {
        resume(&home)?
    } else {
        if files::exists(&home.database()) {
            return Err(Failure::other(format!(
                "there is a database at {}, but no master key for it",
                home.database().display()
            ))
            .hint("put the key file back, or remove everything with `zms reset`"));
        }
        make_key(&home, args.protect)?
    };
    let store = store(&home)?;
    let pins = PinFolder::new(home.pins());
    let mut session = Session::new(store, owner, pins, environment::now, environment::entropy());
    session.init(vault, first_scopes()).map_err(|error| match error {
        SessionError::Exists => exists(&home),
        error => error.into(),
    })?;
    say(context.output, &home, args.protect)
}

fn say(output: Output, home: &Home, protect: Protect) -> Outcome {
    let how = match protect {
        Protect::None => "only you can read it",
        Protect::Passphrase => "opens with your passphrase",
    };
    if output.json {
        return output.json(serde_json::json!({
            "key": home.key().display().to_string(),
            "database": home.database().display().to_string(),
        }));
    }
    output.line(&format!("Master key  {}  ({how})", home.key().display()))?;
    output.line(&format!(
        "Vault       {}  (project default: development, staging, production)",
        home.database().display()
    ))?;
    output.note(format!(
        "Keep a copy of the key in a safe place: there is no back door.\nNext: zms import .env{}",
        home.as_typed()
    ));
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

fn make_key(home: &Home, protect: Protect) -> Outcome<(Principal, VaultId)> {
    let mut rng = environment::entropy();
    let owner = Principal::from_seed(Kind::Administrator, Key::generate(&mut *rng));
    let vault = VaultId::generate(&mut *rng);
    let text = Seal::ask(protect)?.seal(&owner, vault)?;
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
