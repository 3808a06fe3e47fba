//! `zms token create`.

use std::time::Duration;

use zms_client::{SessionError, TokenRequest, TokenScope};
use zms_core::{
    path::{ScopePath, Segment},
    roster::{Limits, Range},
};
use zms_crypto::text::{SeedKind, encode_seed};

use crate::{
    environment,
    exit::{Failure, Outcome, utc},
    place::{Place, PlaceFlags, new_name},
    session::{Context, tell},
};

/// Make a token for one scope or several, and print it once
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms token create ci -e staging --ttl 90d
  zms token create api -e production -s api --write
  zms token create both -e staging,production
  zms token create once -e staging --uses 1
  zms token create farm -e production --ip 10.0.0.0/8,2001:db8::/32
  zms token create backup-admin --admin

An administrator works from a home of its own: the token in ZMS_TOKEN, and the database in
ZMS_DATABASE where it does not lie in that home. `zms admin rm` takes one out.
Uses are counted on this machine by the database: they bind who asks it, not who copies it.
Addresses are looked at by a server alone: who reads the database itself comes from nowhere.")]
pub struct Args {
    /// Name to know it by
    pub name: String,
    /// May read (the default)
    #[arg(long, conflicts_with = "write")]
    pub read: bool,
    /// May also write, and make scopes below its own
    #[arg(long)]
    pub write: bool,
    /// How long it lives, for example 90d or 12h; without it, until revoked
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub ttl: Option<Duration>,
    /// Do not read the scopes above its own
    #[arg(long)]
    pub no_inherit: bool,
    /// How often it may be used, counted by commands; without it, as often as it likes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub uses: Option<u32>,
    /// Only from these addresses, as a server sees them: 10.0.0.0/8, or a single one
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = range)]
    pub ip: Vec<String>,
    /// A second administrator: all that the master key may do
    #[arg(long, conflicts_with_all = ["read", "write", "no_inherit", "ttl", "uses", "ip"])]
    pub admin: bool,
}

/// A length of time with its unit.
pub fn time(text: &str) -> Result<Duration, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text} what? for example {text}d"));
    }
    humantime::parse_duration(text).map_err(|_| "say how long, for example 90d or 12h".to_owned())
}

/// Addresses as the roster keeps them.
pub fn range(text: &str) -> Result<String, String> {
    let good = Range::parse(text).map(|_| text.to_owned());
    good.ok_or_else(|| "write 192.0.2.0/24, 2001:db8::/32 or one address".to_owned())
}

/// Makes the token. `-e` and `-s` may list several, separated by commas.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let label = new_name("token", &args.name)?;
    make(context, args, label)
}

/// Makes what stands on the list under a label.
pub fn make(context: &Context, args: &Args, label: Segment) -> Outcome {
    let expires = args.ttl.map(ends_after).transpose()?;
    let mut acting = context.act()?;
    let scope = |path| TokenScope { path, write: args.write, inherit: !args.no_inherit };
    let scopes: Vec<TokenScope> = match args.admin {
        true => Vec::new(),
        false => paths(&context.flags)?.into_iter().map(scope).collect(),
    };
    let administers = args.admin;
    let limits = Limits { addresses: args.ip.clone(), uses: args.uses.unwrap_or(0) };
    let request = TokenRequest { label, scopes, expires, limits, administers };
    let created = acting.session.create_token(&request);
    let principal = created.map_err(|error: SessionError| acting.explain(error))?;
    tell(&acting.session, context.output);
    let kind = if administers { SeedKind::Administrator } else { SeedKind::Service };
    let token = encode_seed(kind, principal.seed());
    let list: Vec<String> = request.scopes.iter().map(|scope| scope.path.to_string()).collect();
    if context.output.json {
        return context.output.json(serde_json::json!({
            // EXPOSE: a new token is shown once, to who made it.
            "token": token.expose(),
            "id": principal.id().to_string(),
            "name": request.label.as_str(),
            "scopes": list,
            "expires": expires.map(utc),
            "uses": args.uses,
            "addresses": args.ip,
        }));
    }
    if administers {
        context.output.warn(
            "this token may do all that the master key may, and is taken out by a full rotation \
             alone (`zms admin rm`): guard it like the key. Shown once:",
        );
        // EXPOSE: a new token is shown once, to who made it.
        return context.output.line(token.expose());
    }
    let ends =
        expires.map_or_else(|| "until revoked".to_owned(), |at| format!("until {}", utc(at)));
    let uses = match args.uses {
        Some(1) => ", once".to_owned(),
        Some(uses) => format!(", {uses} times"),
        None => String::new(),
    };
    let from = match &args.ip[..] {
        [] => String::new(),
        ranges => format!(", from {}", ranges.join(", ")),
    };
    let verb = if args.write { "reads and writes" } else { "reads" };
    context.output.note(format!("{verb} {}, {ends}{uses}{from}. Shown once:", list.join(", ")));
    // EXPOSE: a new token is shown once, to who made it.
    context.output.line(token.expose())
}

/// The time at which a token ends that lives for so long from now.
pub fn ends_after(ttl: Duration) -> Outcome<u64> {
    if ttl.as_secs() == 0 {
        return Err(Failure::usage("--ttl must be at least one second"));
    }
    let end = environment::now().checked_add(ttl.as_secs()).filter(|at| *at < 1 << 40);
    end.ok_or_else(|| {
        Failure::usage("--ttl is too long").hint("leave it out for a token without end")
    })
}

/// Every combination of the environments and services that were listed.
fn paths(flags: &PlaceFlags) -> Outcome<Vec<ScopePath>> {
    let split = |flag: &Option<String>| -> Vec<Option<String>> {
        match flag {
            Some(list) => list.split(',').map(|name| Some(name.to_owned())).collect(),
            None => vec![None],
        }
    };
    let mut paths = Vec::new();
    for env in split(&flags.env) {
        for service in split(&flags.service) {
            let flags = PlaceFlags { project: flags.project.clone(), env: env.clone(), service };
            // An owner's keyring holds the whole vault: the place is as named.
            let path = Place::new(&flags)?.choose(&[ScopePath::default()])?;
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}
