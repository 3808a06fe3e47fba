//! `zms pull`.

use zms_client::SessionError;
use zms_crypto::Key;
use zms_store_sqlite::SqliteStore;

use super::moving::{Moving, only_the_owner};
use crate::{
    environment,
    exit::{Failure, Outcome},
    files,
    home::Home,
    output::Progress,
    server,
    session::{Context, tell},
};

/// Move the vault from its server to this machine
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms pull --dry-run
  zms pull

Secrets, names and members come here under new keys, in one commit; this machine's database keeps
them from then on. The server keeps what it has until who runs it removes it: its past and its audit stay
there. Tokens work on this machine. A server that the vault is pushed to later knows none of them
but yours: replace them there with `zms token rotate`.")]
pub struct Args {
    /// Show what would be moved, and move nothing
    #[arg(long)]
    dry_run: bool,
}

/// Proves all of it, and makes it a database here.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home()?;
    let address = home.server().cloned().ok_or_else(|| {
        Failure::usage("the vault is on this machine").hint("`zms push` moves it to a server")
    })?;
    if files::exists(&home.database()) && !empty(&home)? {
        return Err(Failure::other(format!("{} is there already", home.database().display()))
            .hint(
            "where a move was interrupted, the server's counts: put this file elsewhere with what \
             lies beside it (-wal, -shm), and pull again. Else pull into another home: `--vault \
             NAME`, with a copy of the key in its folder",
        ));
    }
    let mut acting = context.act()?;
    only_the_owner(&acting)?;
    let own = acting.session.principal().id();
    let request_key = acting.session.principal().request_key();
    // Who a server knows by a key of their own can not be asked for it here.
    let mut keys = |id| match id == own {
        true => Ok(request_key.duplicate()),
        false => Ok(Key::generate(&mut *environment::entropy())),
    };
    let progress = Progress::spinner("sealing everything anew");
    let (made, vault) = acting.session.transplanted(&mut keys)?;
    drop(progress);
    let moving =
        Moving { made: &made, vault, way: "from", address: &address, dry_run: args.dry_run };
    if !args.dry_run {
        home.make()?;
        let here = SqliteStore::create(&home.database()).map_err(SessionError::Store)?;
        let moved = || match files::exists(&home.server_file()) {
            true => files::remove(&home.server_file()),
            false => Ok(()),
        };
        let session = acting.session.transplant::<Failure>(Box::new(here), &made, vault, moved)?;
        tell(&session, context.output);
    }
    if moving.tell(context.output)? {
        return Ok(());
    }
    let what = moving.what();
    context.output.note(format!("{what} are kept by {} from now on", home.database().display()));
    context.output.note(format!("{address} keeps what it has until who runs it removes it"));
    Ok(())
}

/// Whether a database is here and no vault in it: what a pull that was interrupted leaves.
fn empty(home: &Home) -> Outcome<bool> {
    let Some(store) = server::here(home)? else { return Ok(false) };
    let bundle = store.bundle().map_err(SessionError::Store)?;
    Ok(bundle.vault().map_err(SessionError::Store)?.is_none())
}
