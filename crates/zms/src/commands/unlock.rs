//! `zms unlock`.

use zms_client::SessionError;
use zms_core::{open::Opening, pin::Pins, principal::Principal};

use crate::{
    agent, credentials, environment,
    exit::{Exit, Failure, Outcome, utc},
    files,
    home::Home,
    master_key::{self, Protect},
    server,
    session::{Context, opened},
    shares::{Given, rebuild},
};

/// How long a vault stays unlocked where nobody says, in seconds: a working day.
const DAY: u64 = 8 * 60 * 60;
/// How long it may at most, in seconds: 30 days.
const LONGEST: u64 = 30 * 24 * 60 * 60;

/// Open the master key once and hold it for a while, so that no command asks again
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms unlock
  zms unlock --ttl 30m
  zms unlock sheet-1.html    a vault without a key file; missing shares are asked for
  zms lock

An agent of this vault holds the key in its memory and gives it to commands of the same user, in
every terminal, over SSH too. It ends with what it holds at its time, with `zms lock`, and when the
key file or the database is replaced or removed. While it is unlocked, every program of yours can
have the key.")]
pub struct Args {
    /// For how long, such as 30m, 8h or 2d
    #[arg(long, value_parser = seconds)]
    ttl: Option<u64>,
    #[command(flatten)]
    given: Given,
}

fn seconds(text: &str) -> Result<u64, String> {
    let time =
        humantime::parse_duration(text).map_err(|_| "is none of 30m, 8h and 2d".to_owned())?;
    match time.as_secs() {
        0 => Err("is less than a second".to_owned()),
        long if long > LONGEST => Err("is more than 30 days".to_owned()),
        seconds => Ok(seconds),
    }
}

/// Opens the key, proves that it opens the vault, and hands it to an agent.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home()?;
    home.check()?;
    // Whoever names no other time keeps what there is, and is asked nothing.
    if args.ttl.is_none()
        && let Some(until) = agent::until(&home)?
    {
        return say(context, &home, until, "is unlocked already");
    }
    let protection = credentials::protection(&home);
    if protection == Some(Protect::None) {
        context.output.note(
            "the key file is protected by its mode alone: there is nothing to unlock. \
             `zms key protect passphrase` gives it a passphrase",
        );
        return Ok(());
    }
    if home.server().is_none() && server::here(&home)?.is_none() {
        let path = home.database();
        return Err(Failure::new(Exit::Locked, format!("there is no vault at {}", path.display()))
            .hint("make one with `zms init`, or set ZMS_HOME to the folder of an existing one"));
    }
    let owner = if files::exists(&home.key()) {
        open(&home, &args.given)?
    } else {
        rebuild(&home, context.output, &args.given)?.proven.owner
    };
    let ttl = args.ttl.unwrap_or(DAY);
    let until = agent::start(&home, owner.seed(), environment::now(), ttl)?;
    say(context, &home, until, "is unlocked")
}

/// The owner, by the key file, which must open the vault.
fn open(home: &Home, given: &Given) -> Outcome<Principal> {
    if given.passphrase || !given.files.is_empty() {
        return Err(Failure::usage(format!(
            "shares unlock a vault without a key file, and there is {}",
            home.key().display()
        )));
    }
    let caller = match master_key::settle(home)? {
        Some(heir) => heir,
        None => credentials::owner_by(&home.key())?,
    };
    let store = opened(home, &caller.principal)?;
    let bundle = store.bundle().map_err(SessionError::Store)?;
    let (pins, now) = (Pins::default(), environment::now());
    Opening::begin(&caller.principal, &*bundle, &pins, now).map_err(SessionError::from)?;
    Ok(caller.principal)
}

fn say(context: &Context, home: &Home, until: u64, how: &str) -> Outcome {
    let until = utc(until);
    if context.output.json {
        return context.output.json(serde_json::json!({
            "vault_name": home.name(), "unlocked_until": until,
        }));
    }
    context.output.note(format!(
        "the vault {} {how} until {until}; `zms lock{}` locks it",
        home.name(),
        home.as_typed()
    ));
    Ok(())
}
