//! `zms push`.

use std::path::PathBuf;

use zms_client::SessionError;
use zms_core::{
    bundle::{Trouble, TroubleClass},
    open::OpenError,
};
use zms_store::Keeper;
use zms_store_sqlite::SqliteStore;

use super::moving::{Moving, only_the_owner};
use crate::{
    exit::{Exit, Failure, Outcome},
    files,
    home::put_aside,
    output::Progress,
    registration,
    server::{self, Remembered},
    session::{Context, tell},
};

/// Move the vault of this machine to a server
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms push --server https://zms.example.com:3030 --dry-run
  zms push --server https://zms.example.com:3030

The server needs its registration secret, or the setup code it printed: in ZMS_REGISTRATION, in a
file, or asked for. Secrets, names and members go there sealed under new keys, in one commit; the
master key stays here. Tokens stay the same: give them the address, as TOKEN@HOST:PORT or in
ZMS_SERVER. The past stays here, in zms.db.moved, and so does the audit; what was seen of the vault is void,
and clients say so.")]
pub struct Args {
    /// File of the registration secret, or of the setup code
    #[arg(long, value_name = "FILE")]
    registration_file: Option<PathBuf>,
    /// Show what would be moved, and move nothing
    #[arg(long)]
    dry_run: bool,
}

/// Proves all of it, puts it there in one commit, and has this home remember the server.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home()?;
    let address = home.server().cloned().ok_or_else(|| {
        Failure::usage("it is not said where to")
            .hint("name the server with --server or ZMS_SERVER")
    })?;
    if let Some(remembered) = Remembered::of(&home)? {
        let message = format!("the vault is kept by {} already", remembered.address);
        return Err(Failure::usage(message).hint("`zms pull` brings it to this machine first"));
    }
    let home = home.here();
    if files::exists(&home.moved()) {
        return Err(Failure::other(format!("{} is there already", home.moved().display()))
            .hint("it holds the past of a vault that was moved before: put it elsewhere"));
    }
    let mut acting = context.act_at(home.clone())?;
    only_the_owner(&acting)?;
    let keeper = SqliteStore::open(&home.database()).map_err(SessionError::Store)?;
    let mut keys = |id| {
        let found = keeper.as_ref().map(|keeper| keeper.request_key(id)).transpose()?.flatten();
        let gone = || Trouble::new(TroubleClass::Corrupt, "a member has no request key");
        found.ok_or_else(gone).map_err(OpenError::Trouble)
    };
    let progress = Progress::spinner("sealing everything anew");
    let (made, vault) = acting.session.transplanted(&mut keys)?;
    drop(progress);
    drop(keeper);
    let moving = Moving { made: &made, vault, way: "to", address: &address, dry_run: args.dry_run };
    if !args.dry_run {
        let secret = registration::secret(args.registration_file.as_ref(), &address)?;
        let there = server::remote(&address, acting.session.principal()).registering(&secret);
        let moved = || {
            Remembered { address: address.clone(), vault }.keep(&home)?;
            put_aside(&home.database(), &home.moved()).map_err(Stopped::Here)
        };
        let session = acting.session.transplant(Box::new(there), &made, vault, moved);
        let session = session.map_err(|stopped| match stopped {
            Stopped::There(error) => refused(error, &address.to_string()),
            Stopped::Here(failure) => failure,
        })?;
        tell(&session, context.output);
    }
    if moving.tell(context.output)? {
        return Ok(());
    }
    let what = moving.what();
    context.output.note(format!("{what} are kept by {address} from now on"));
    context.output.note(format!("the past of the vault stays in {}", home.moved().display()));
    context.output.note(format!(
        "tokens stay the same, and need the address: TOKEN@{}, or ZMS_SERVER={address}",
        short(&address.to_string())
    ));
    Ok(())
}

/// An address as it is written behind a token.
fn short(address: &str) -> &str {
    address.strip_prefix("https://").unwrap_or(address)
}

/// What a push is stopped by: what is said there, or what can not be done here afterwards.
enum Stopped {
    There(SessionError),
    Here(Failure),
}

impl From<SessionError> for Stopped {
    fn from(error: SessionError) -> Self {
        Self::There(error)
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Here(failure)
    }
}

fn refused(error: SessionError, address: &str) -> Failure {
    match error {
        SessionError::Exists => Failure::other(format!("the vault is at {address} already")).hint(
            "where a push was interrupted, use what is there: `zms status --server ADDRESS`; \
                 nothing here was changed",
        ),
        SessionError::Store(trouble) if trouble.class == TroubleClass::Unauthentic => {
            Failure::new(Exit::Denied, "the server refused the registration secret").hint(
                "it is another one, a setup code that was used already, or the clocks here and \
                 there differ by more than a minute; nothing was changed",
            )
        }
        error => error.into(),
    }
}
