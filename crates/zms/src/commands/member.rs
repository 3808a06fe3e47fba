//! `zms member`.

use std::time::Duration;

use clap::Subcommand;
use zms_client::TokenInfo;
use zms_core::{change::init::OWNER, path::Segment, principal::Kind};

use super::token::{create, json, revoke, scopes, time};
use crate::{
    exit::{Failure, Outcome, utc},
    session::{Context, tell},
};

/// What a person's name begins with, in the list that tokens are on too.
const PERSON: char = '@';

/// Let people in by name, list them, take one out
#[derive(Subcommand)]
pub enum Command {
    Add(Add),
    /// List people: the owner, administrators, and who was added by name
    #[command(
        alias = "list",
        after_help = "\
Examples:
  zms member ls
  zms member ls --json"
    )]
    Ls,
    #[command(aliases = ["remove", "delete"])]
    Rm(Rm),
}

/// Let somebody in, and print what lets them join, once
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms member add alice -e development,staging --write
  zms member add bob@example.com -e production --ttl 90d
  zms member add carol --admin

Hand it over on a way that others can not see. They run `zms join` with it on their own machine; an
administrator's is replaced there at once by a key that was never anywhere else.")]
pub struct Add {
    /// Their name, or mail address
    name: String,
    /// May read (the default)
    #[arg(long, conflicts_with = "write")]
    read: bool,
    /// May also write, and make scopes below its own
    #[arg(long)]
    write: bool,
    /// For how long, for example 90d; without it, until taken out
    #[arg(long, value_name = "TIME", value_parser = time)]
    ttl: Option<Duration>,
    /// Only from these addresses, as a server sees them: 10.0.0.0/8, or a single one
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = create::range)]
    ip: Vec<String>,
    /// An administrator: all that the master key may do
    #[arg(long, conflicts_with_all = ["read", "write", "ttl", "ip"])]
    admin: bool,
}

/// Take somebody out at once, and give what they could open new keys
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms member rm alice --dry-run
  zms member rm alice

An administrator is taken out by `zms admin rm`: everything gets new keys then.")]
pub struct Rm {
    /// Their name
    name: String,
    /// Show what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the subcommand.
pub fn run(context: &Context, command: &Command) -> Outcome {
    match command {
        Command::Add(args) => {
            let label = label(&args.name)?;
            let Add { read, write, ttl, admin, .. } = args;
            let (name, no_inherit, uses) = (args.name.clone(), false, None);
            let (read, write, ttl, admin) = (*read, *write, *ttl, *admin);
            let ip = args.ip.clone();
            let args = create::Args { name, read, write, ttl, no_inherit, uses, ip, admin };
            create::make(context, &args, label)
        }
        Command::Ls => list(context),
        Command::Rm(args) => {
            let name = Some(label(&args.name)?.to_string());
            let (resume, dry_run, leave_out_unreadable) = (false, args.dry_run, false);
            revoke::run(context, &revoke::Args { name, resume, dry_run, leave_out_unreadable })
        }
    }
}

/// How a person stands on the list.
fn label(name: &str) -> Outcome<Segment> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let rest = |byte: u8| inner(byte) || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'@');
    let fits =
        name.len() <= 100 && name.bytes().next().is_some_and(inner) && name.bytes().all(rest);
    if fits && let Ok(label) = Segment::parse(&format!("{PERSON}{name}")) {
        return Ok(label);
    }
    Err(Failure::usage(format!("{name:?} is no name of a person")).hint(
        "use up to 100 of a-z, 0-9, `.`, `_`, `-`, `+` and `@`, starting with a letter or digit",
    ))
}

/// What people call them.
fn name(member: &TokenInfo) -> &str {
    member.label.strip_prefix(PERSON).unwrap_or(&member.label)
}

fn list(context: &Context) -> Outcome {
    let mut acting = context.act()?;
    let mut people = acting.session.tokens()?;
    people.retain(|member| member.label.starts_with(PERSON) || member.kind == Kind::Administrator);
    tell(&acting.session, context.output);
    let me = acting.session.principal().id();
    if context.output.json {
        let people = people.iter().map(|member| {
            let mut row = json(member);
            row["name"] = name(member).into();
            row["you"] = (member.id == me).into();
            row
        });
        return context.output.json(serde_json::json!({ "members": people.collect::<Vec<_>>() }));
    }
    let row = |member: &TokenInfo| {
        let may = match member.kind {
            Kind::Administrator if member.label == OWNER => "everything, as the owner".to_owned(),
            Kind::Administrator => "everything".to_owned(),
            _ => scopes(member),
        };
        let ends = member.expires.map_or_else(|| "never".to_owned(), utc);
        let you = if member.id == me { "you" } else { "" };
        vec![name(member).to_owned(), may, utc(member.created), ends, you.to_owned()]
    };
    let rows: Vec<Vec<String>> = people.iter().map(row).collect();
    context.output.table(&["NAME", "MAY", "SINCE", "UNTIL", ""], &rows)
}
