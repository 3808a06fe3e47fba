//! `zms key status`.

use zms_client::SessionError;
use zms_core::{
    bundle::Standing,
    id::{PrincipalId, VaultId},
    key_file::{KeyFile, Protection},
    principal::{Kind, Principal},
};
use zms_store::Store;

use crate::{
    agent,
    exit::{Exit, Failure, Outcome, utc},
    home::{Home, read_private},
    master_key::Protect,
    server,
    session::Context,
    shares::{Drill, Notes, Split},
};

/// Show whose key the master key file holds, and how it is protected
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms key status
  zms key status --json

It reads what stands in the clear in the file, and opens nothing.")]
pub struct Args {}

/// The key, as far as it is known without opening it.
struct Known {
    principal: PrincipalId,
    vault: Option<VaultId>,
    /// `None` where it is in its shares alone.
    protection: Option<Protection>,
}

/// Reads the head of the file, or the notes of its shares.
pub fn run(context: &Context, _: &Args) -> Outcome {
    let home = context.home()?;
    let path = home.key();
    let shown = path.display().to_string();
    let (known, notes) = match read_private(&path, Exit::Integrity)? {
        Some(text) => {
            let file = KeyFile::parse(&text)
                .map_err(|error| Failure::new(Exit::Integrity, format!("{shown} {error}")))?;
            let (principal, vault) = (file.principal(), Some(file.vault()));
            let protection = Some(file.protection());
            (Known { principal, vault, protection }, Notes::load(&home)?)
        }
        None => {
            let notes = Notes::load(&home)?;
            let known = without_file(&home, &notes)?.ok_or_else(|| {
                let what = format!("there is no master key at {shown}");
                Failure::new(Exit::Locked, what).hint(
                    "put a copy of the key there, or put it together from shares with `zms key \
                     combine`; `zms init` makes a new vault",
                )
            })?;
            (known, notes)
        }
    };
    let drill = notes.last_drill(known.principal);
    let until = agent::until(&home)?.map(utc);
    if context.output.json {
        let sets: Vec<_> = notes.of(known.principal).map(Split::as_json).collect();
        return context.output.json(serde_json::json!({
            "file": known.protection.map(|_| shown),
            "protection": known.protection.map(|it| Protect::from(it).name()),
            "unlocked_until": until,
            "principal": known.principal.to_string(),
            "vault": known.vault.map(|vault| vault.to_string()),
            "sets_of_shares": sets,
            "last_drill": drill.map(Drill::as_json),
        }));
    }
    match known.protection {
        Some(protection) => {
            context.output.line(&format!("file       {shown}"))?;
            context.output.line(&format!("protected  by {}", words(protection)))?;
        }
        None => context.output.line("file       none: in its shares alone")?,
    }
    if known.protection != Some(Protection::None) || until.is_some() {
        let state = until.map_or("locked".to_owned(), |at| format!("unlocked until {at}"));
        context.output.line(&format!("agent      {state}"))?;
    }
    context.output.line(&format!("key        {}", known.principal))?;
    if let Some(vault) = known.vault {
        context.output.line(&format!("vault      {vault}"))?;
    }
    for split in notes.of(known.principal) {
        let (scheme, at) = (split.scheme(), utc(split.at));
        context.output.line(&format!("shares     set {}, {scheme}, made on {at}", split.set))?;
    }
    if let Some(drill) = drill {
        let count = drill.shares.len();
        let (at, set) = (utc(drill.at), &drill.set);
        context.output.line(&format!("drill      on {at}, with {count} shares of set {set}"))?;
    }
    Ok(())
}

fn words(protection: Protection) -> String {
    match protection {
        Protection::Passphrase(cost) => format!(
            "a passphrase (Argon2id, {} MiB, {} passes, {} lanes)",
            cost.memory_kib / 1024,
            cost.passes,
            cost.lanes
        ),
        other => Protect::from(other).words().to_owned(),
    }
}

/// The key that an agent holds, else the last one with shares that the vault knows.
fn without_file(home: &Home, notes: &Notes) -> Outcome<Option<Known>> {
    let vault = server::vault(home)?;
    // A server says nothing of anybody without a key.
    let store = if home.server().is_none() { server::here(home)? } else { None };
    let bundle = store.as_deref().map(Store::bundle).transpose().map_err(SessionError::Store)?;
    let known = |principal| Known { principal, vault, protection: None };
    if let Some(seed) = agent::key(home)? {
        return Ok(Some(known(Principal::from_seed(Kind::Administrator, seed).id())));
    }
    for key in notes.keys() {
        let standing = bundle.as_ref().map(|it| it.standing(key)).transpose();
        let standing = standing.map_err(SessionError::Store)?;
        if matches!(standing, None | Some(Standing::Member(_))) {
            return Ok(Some(known(key)));
        }
    }
    Ok(None)
}
