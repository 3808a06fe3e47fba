//! `zms join`.

use std::path::PathBuf;

use zeroize::Zeroizing;
use zms_client::{Session, pins::PinFolder};
use zms_core::{id::VaultId, principal::Kind};

use crate::{
    credentials::{self, Caller},
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, create_private, replace_private, trouble},
    master_key::{self, Protect, Seal},
    prompt,
    server::{self, Remembered},
    session::{Context, tell},
};

/// Use a vault at a server from this machine, with what you were given
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms join                                    asks for it
  ZMS_TOKEN_FILE=given zms join --protect passphrase

What you were given is a token with the address of its server, as TOKEN@HOST:PORT, or name that with
--server. An administrator's token is void from then on: its place takes a master key that is made
here, and was never anywhere else. Another token is kept in this home, for you alone to read, and
used where no other is named.")]
pub struct Args {
    /// For an administrator: how the master key file is protected
    #[arg(long, value_enum, default_value_t = Protect::None)]
    protect: Protect,
    /// For systemd: the file of the credential, which is made where it is not there
    #[arg(long, value_name = "FILE")]
    credential: Option<PathBuf>,
}

/// Proves what was given, and makes it this home's own.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home_to_make()?;
    if files::exists(&home.next_key())
        && let Some(owner) = master_key::settle(&home)?
    {
        let what =
            format!("{} holds your key: joining was interrupted and is done now", owner.source);
        context.output.note(what);
        return Ok(());
    }
    if files::exists(&home.key()) || files::exists(&home.database()) || files::exists(&home.token())
    {
        return Err(Failure::other(format!(
            "there is a vault already in {}",
            home.folder().display()
        ))
        .hint("join into another home of this machine: `--vault NAME`"));
    }
    let (text, caller) = given(context, &home)?;
    let address = context.server.as_ref().and(home.server()).or(caller.address.as_ref());
    let address = address.or(home.server()).cloned().ok_or_else(|| {
        Failure::usage("it is not said which server keeps the vault")
            .hint("the token goes with its address, as TOKEN@HOST:PORT; or name it with --server")
    })?;
    home.make()?;
    let store = Box::new(server::remote(&address, &caller.principal));
    let kind = caller.principal.kind();
    let (clock, rng) = (environment::now, environment::entropy());
    let pins = PinFolder::new(home.pins());
    let mut session = Session::new(store, caller.principal, pins, clock, rng);
    let own = session.own()?;
    let vault = own.vault;
    let remembered = Remembered { address: address.clone(), vault };
    let path = match kind {
        Kind::Administrator => {
            take_over(&home, args, &mut session, vault, &remembered)?;
            home.key()
        }
        _ if args.protect != Protect::None || args.credential.is_some() => {
            return Err(Failure::usage("--protect is for the master key of an administrator"));
        }
        _ => {
            remembered.keep(&home)?;
            keep(&home, &text)?;
            home.token()
        }
    };
    tell(&session, context.output);
    if context.output.json {
        let scopes = own.scopes.iter().map(|(path, _)| path.to_string()).collect::<Vec<_>>();
        return context.output.json(serde_json::json!({
            "server": address.to_string(),
            "vault": vault.to_string(),
            "administrator": kind == Kind::Administrator,
            "kept": path.display().to_string(),
            "scopes": scopes,
        }));
    }
    if kind == Kind::Administrator {
        context.output.note(format!(
            "{} holds a master key of your own. What you were given is void now",
            path.display()
        ));
        context.output.note("Keep a copy of the key in a safe place: there is no back door.");
    } else {
        context.output.note(format!("{} keeps it, for you alone to read", path.display()));
    }
    context.output.note(format!("Next: zms ls{}", home.as_typed()));
    Ok(())
}

/// The token that is named, or asked for.
fn given(context: &Context, home: &Home) -> Outcome<(Zeroizing<String>, Caller)> {
    if let Some((text, source)) = credentials::named_token(home, context.token_fd)? {
        let caller = credentials::from_text(&text, source)?;
        return Ok((text, caller));
    }
    if !prompt::possible() {
        return Err(Failure::new(Exit::Locked, "what you were given is needed to join").hint(
            "name the file it is in with ZMS_TOKEN_FILE, or run `zms join` on a terminal to be asked",
        ));
    }
    let text = prompt::hidden("What you were given (zms_...): ")?;
    let caller = credentials::from_text(&text, "what you typed".to_owned())?;
    Ok((text, caller))
}

/// Gives an administrator a key that was made here. It is on disk before the vault learns of it.
fn take_over(
    home: &Home,
    args: &Args,
    session: &mut Session,
    vault: VaultId,
    remembered: &Remembered,
) -> Outcome {
    let seal = Seal::ask(args.protect, args.credential.as_deref())?;
    let next = home.next_key();
    let _lock = home.lock()?;
    // What is interrupted from here on is found by the next `zms join`.
    remembered.keep(home)?;
    session.succeed(|heir| {
        let text = seal.seal(heir, vault)?;
        let kept = replace_private(&next, &text);
        Ok(kept.map_err(|error| trouble(&error, format!("{} can not be made", next.display())))?)
    })?;
    master_key::promote(home)
}

fn keep(home: &Home, text: &str) -> Outcome {
    let path = home.token();
    create_private(&path, &format!("{text}\n"))
        .map_err(|error| trouble(&error, format!("{} can not be made", path.display())))
}
