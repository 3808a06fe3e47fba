//! `zms status`.

use zms_client::View;
use zms_core::path::ScopePath;

use crate::{
    agent, allowed,
    credentials::{self, Sources},
    exit::{Outcome, utc},
    expiry::{Nearness, nearness},
    files,
    home::{DEFAULT_VAULT, Home, serving::running},
    last_backup::LastBackup,
    master_key::Protect,
    session::{Acting, Context, tell},
};

/// Show which vault, place and key are used here
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms status
  zms status --json

How many secrets the place sees is found out by reading them, which leaves its entry in the audit.
What has expired or ends within 14 days is said: secrets of the place, and the owner's tokens.")]
pub struct Args {
    /// Print what was seen of the place as one line, for ZMS_PIN on a machine that keeps nothing
    #[arg(long)]
    pin: bool,
}

/// What is known of the files without a key.
struct Files {
    database: Option<u64>,
    log: Option<u64>,
}

impl Files {
    fn of(home: &Home) -> Self {
        let mut log = home.database().into_os_string();
        log.push("-wal");
        Self { database: files::size(&home.database()), log: files::size(log.as_ref()) }
    }

    fn shown(&self) -> String {
        let kib = |bytes: u64| format!("{} KiB", bytes.div_ceil(1024));
        let database = self.database.map(kib).unwrap_or_default();
        match self.log {
            Some(log) if log > 0 => format!("{database}, and a log of {}", kib(log)),
            _ => database,
        }
    }
}

/// Shows the status; what it says of the vault is proven, not merely stored.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home()?;
    let kept = Files::of(&home);
    let folder = folder_token(&home);
    // Where the folder's token is all there is, status shows what `run` would use.
    let sources = match &folder {
        Ok(Some(_)) if !files::exists(&home.key()) => Sources::WithFolder,
        _ => Sources::Named,
    };
    let mut acting = context.act_from(sources)?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.read(&choose).map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    if args.pin {
        return context.output.line(&view.pin());
    }
    let roster = view.roster;
    let pin = format!("{}.{}.{}", roster.generation, roster.version, hex::encode(roster.hash));
    let acting_as = if acting.owner { "owner" } else { "token" };
    let expires = view.line.expires.map(utc);
    let head = view.target().head.revision;
    let secrets = view.merged.winners().count();
    let kept_by = acting.server.as_ref().map(ToString::to_string);
    let database = match &kept_by {
        Some(_) => None,
        None => Some(home.database().display().to_string()),
    };
    let (vault, path) = (view.vault.to_string(), view.path().to_string());
    let (principal, pending) = (view.line.principal.to_string(), view.pending.len());
    let now = view.now;
    let secrets_ending = secrets_ending(&view);
    drop(view);
    // Whoever acts with a token has no business with the master key.
    let protection = acting.owner.then(|| credentials::protection(&home)).flatten();
    let backup = acting.owner.then(|| LastBackup::of(&home, &vault));
    let until = if acting.owner { agent::until(&home)?.map(utc) } else { None };
    let serving = running(home.folder())?;
    let first_use = acting.session.first_use();
    let ending = ending(&mut acting, now)?;
    // A token that is named goes before that of the folder.
    let folder = folder.map(|file| file.filter(|_| acting.owner && !context.as_owner));
    let for_run = folder.as_ref().ok().and_then(Option::as_ref);
    if context.output.json {
        return context.output.json(serde_json::json!({
            "vault": vault,
            "vault_name": home.name(),
            "database": database,
            "server": kept_by,
            "serving": serving,
            "database_bytes": kept.database,
            "log_bytes": kept.log,
            "protection": protection.map(Protect::name),
            "unlocked_until": until,
            "path": path,
            "revision": head,
            "secrets": secrets,
            "secrets_ending": secrets_ending,
            "acting_as": acting_as,
            "key_from": acting.source,
            "run_token_from": for_run,
            "principal": principal,
            "expires": expires,
            "pin": pin,
            "first_use": first_use,
            "pending_rekeys": pending,
            "tokens_ending": ending,
            "backup": backup.as_ref().and_then(Option::as_ref).map(LastBackup::json),
        }));
    }
    let named = match home.name() {
        DEFAULT_VAULT => String::new(),
        name => format!("{name}, "),
    };
    let mut rows = vec![
        match (&kept_by, &database) {
            (Some(address), _) => ("vault", format!("{named}{vault} at {address}")),
            (None, database) => {
                let database = database.as_deref().unwrap_or_default();
                ("vault", format!("{named}{vault} in {database}"))
            }
        },
        ("place", format!("{path} (revision {head})")),
        ("acting as", format!("{acting_as}, from {}", acting.source)),
    ];
    rows.extend(for_run.map(|file| ("zms run", format!("acts as token, from {file}"))));
    rows.extend(expires.map(|expires| ("expires", expires)));
    rows.push(("pin", pin));
    rows.push(("secrets", secrets.to_string()));
    if kept_by.is_none() {
        rows.push(("database", kept.shown()));
    }
    rows.extend(
        serving.map(|it| ("serving", format!("process {}, on {}", it.pid, it.listen.join(", ")))),
    );
    rows.extend(protection.map(|how| ("key file", format!("protected by {}", how.words()))));
    let locked = protection.is_some_and(|how| how != Protect::None);
    rows.extend(match until {
        Some(at) => Some(("agent", format!("unlocked until {at}"))),
        None => locked.then(|| ("agent", "locked: it is opened for each command".to_owned())),
    });
    rows.extend(backup.filter(|_| kept_by.is_none()).map(|last| {
        let none = || "none that is known of here: `zms backup FILE`".to_owned();
        ("backup", last.map_or_else(none, |last| last.shown(now)))
    }));
    for (what, text) in rows {
        context.output.line(&crate::output::shown(&format!("{what:<10} {text}")))?;
    }
    if first_use {
        context.output.note("first use here: an older state of the vault could not be told");
    }
    if let Err(why) = folder.as_ref().map_err(|why| &why.message)
        && acting.owner
    {
        context.output.warn(format!("`zms run` stops here: {why}"));
    }
    if pending > 0 {
        context.output.warn(format!(
            "{pending} scopes that a revoked token could open still have their old keys: run `zms \
             token revoke --resume`"
        ));
    }
    for secret in &secrets_ending {
        let (name, path, expires) = (&secret.name, &secret.path, &secret.expires);
        context.output.warn(if secret.expired {
            format!("{name} in {path} expired on {expires}, and stops `zms run`")
        } else {
            format!("{name} in {path} ends on {expires}")
        });
    }
    for token in ending.iter().flatten() {
        context.output.warn(format!("the token {} ends on {}", token.name, token.expires));
    }
    Ok(())
}

/// The allowed file of the working folder whose token `run` uses where none is named.
fn folder_token(home: &Home) -> Outcome<Option<String>> {
    Ok(allowed::token(home)?.map(|(_, file)| file))
}

#[derive(serde::Serialize)]
struct Ending {
    name: String,
    expires: String,
}

#[derive(serde::Serialize)]
struct SecretEnding {
    name: String,
    path: String,
    expires: String,
    expired: bool,
}

/// Secrets of the place that are over or end within two weeks, the soonest first.
fn secrets_ending(view: &View) -> Vec<SecretEnding> {
    let mut ending: Vec<(u64, SecretEnding)> = Vec::new();
    for winner in view.merged.winners() {
        let near = nearness(winner.payload.expires_at, view.now);
        let Some(at) = winner.payload.expires_at.filter(|_| near != Nearness::Far) else {
            continue;
        };
        let (name, path) = (winner.payload.name.to_string(), winner.path.to_string());
        let expired = near == Nearness::Over;
        ending.push((at, SecretEnding { name, path, expires: utc(at), expired }));
    }
    ending.sort_by_key(|(at, _)| *at);
    ending.into_iter().map(|(_, secret)| secret).collect()
}

/// Tokens that end within two weeks; `None` for who may not see the list.
fn ending(acting: &mut Acting, now: u64) -> Outcome<Option<Vec<Ending>>> {
    if !acting.owner {
        return Ok(None);
    }
    let tokens = acting.session.tokens()?.into_iter();
    let soon = tokens.filter(|token| nearness(token.expires, now) == Nearness::Soon);
    let soon = soon
        .filter_map(|token| token.expires.map(|at| Ending { name: token.label, expires: utc(at) }));
    Ok(Some(soon.collect()))
}
