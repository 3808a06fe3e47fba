//! The command line, and who handles what.

pub mod complete;
#[cfg(test)]
mod examples;
pub mod groups;
mod narrow;
mod refusal;

use std::ffi::OsString;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::{
    agent,
    commands::{
        admin, allow, audit, backup, bundle, check, completions, cp, diff, doctor, edit, env,
        export, exposure, generate, get, help, history, import, init, join, key, lock, log, ls,
        man, member, mv, project, pull, push, render, reset, restore, rm, rollback, roster, run,
        search, service, set, start, status, stop, token, undo, unlock, use_place, vault,
    },
    environment,
    exit::Outcome,
    hygiene::Inherited,
    master_key::keychain,
    output::Output,
    place::{HEADING as PLACE, PlaceFlags},
    session::Context,
    supervise,
};

/// Heading of the flags that say what a command asks and how it prints.
const OUTPUT: &str = "Questions and output";

/// Ends plaintext .env files: vault everything, mint one token, run
#[derive(Parser)]
#[command(
    name = "zms",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "\
First minute:
  zms init                          a master key and an encrypted database
  zms import .env                   every secret into default/development
  zms run -- node server.js         the program starts with them
  zms token create ci --ttl 90d     one token instead of the file

`zms help COMMAND` tells more of each; `zms help exit-codes`, `environment`, `place` and
`credentials` are what all of them have in common."
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Args, Default)]
#[cfg_attr(test, derive(Debug))]
struct Common {
    #[command(flatten)]
    place: PlaceFlags,
    /// Vault to act on, where there are several
    #[arg(long, global = true, value_name = "NAME", help_heading = PLACE)]
    vault: Option<String>,
    #[arg(long, global = true, value_name = "URL", help_heading = PLACE,
        help = "Server that keeps the vault, such as https://zms.example.com:3030 or unix:/run/zms.sock")]
    server: Option<String>,
    /// Act with the master key although a token is present
    #[arg(long, global = true, help_heading = PLACE)]
    as_owner: bool,
    /// Read the token from this file descriptor
    #[arg(long, global = true, value_name = "N", help_heading = PLACE)]
    token_fd: Option<i32>,
    /// Do not ask for confirmation
    #[arg(short, long, global = true, help_heading = OUTPUT)]
    yes: bool,
    /// Print data as JSON
    #[arg(long, global = true, help_heading = OUTPUT)]
    json: bool,
    /// Print data and warnings only
    #[arg(short, long, global = true, help_heading = OUTPUT)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Args),
    Set(set::Args),
    Get(get::Args),
    #[command(alias = "list")]
    Ls(ls::Args),
    #[command(aliases = ["delete", "unset"])]
    Rm(rm::Args),
    Edit(edit::Args),
    History(history::Args),
    Log(log::Args),
    Diff(diff::Args),
    Undo(undo::Args),
    Rollback(rollback::Args),
    Mv(mv::Args),
    Cp(cp::Args),
    Check(check::Args),
    Generate(generate::Args),
    Search(search::Args),
    Import(import::Args),
    Export(export::Args),
    Render(render::Args),
    /// Make one sealed file that tokens read from without the vault; check and show one
    #[command(
        subcommand,
        after_help = "\
Examples:
  zms bundle create app.zms --token ci
  zms bundle verify app.zms
  zms bundle inspect app.zms"
    )]
    Bundle(bundle::Command),
    Run(Box<run::Args>),
    Allow(allow::Args),
    /// Make, list, replace and revoke tokens
    #[command(
        subcommand,
        after_help = "\
Examples:
  zms token create ci -e staging --ttl 90d
  zms token ls
  zms token revoke ci"
    )]
    Token(token::Command),
    Exposure(exposure::Args),
    /// Let people in by name, list them, take one out
    #[command(
        subcommand,
        after_help = "\
Examples:
  zms member add alice -e staging --write
  zms member ls
  zms member rm alice"
    )]
    Member(member::Command),
    Join(join::Args),
    /// List administrators; take one out
    #[command(
        subcommand,
        after_help = "\
Examples:
  zms token create second --admin
  zms admin ls
  zms admin rm second"
    )]
    Admin(admin::Command),
    /// Sign the list of tokens anew
    #[command(
        subcommand,
        after_help = "\
Examples:
  zms roster refresh"
    )]
    Roster(roster::Command),
    Start(Box<start::Args>),
    Stop(stop::Args),
    /// List projects; make, rename or remove one
    #[command(
        subcommand,
        after_help = "\
Examples:
  zms project ls
  zms project create shop"
    )]
    Project(project::Command),
    /// List environments of a project; make, rename, copy, compare, protect or remove one
    #[command(
        subcommand,
        after_help = "\
Examples:
  zms env ls -p shop
  zms env create preview -p shop"
    )]
    Env(env::Command),
    /// List services of an environment; make, rename or remove one
    #[command(
        subcommand,
        after_help = "\
Examples:
  zms service ls -p shop -e staging
  zms service create api -p shop -e staging"
    )]
    Service(service::Command),
    /// Show, protect, replace and split the master key, and put it together from shares
    #[command(
        subcommand,
        after_help = "\
Examples:
  zms key status
  zms key protect passphrase
  zms key rotate --dry-run
  zms key rotate --full
  zms key split --shares 5 --threshold 3 --sheets ."
    )]
    Key(key::Command),
    Unlock(unlock::Args),
    Lock(lock::Args),
    Audit(audit::Args),
    Use(use_place::Args),
    /// List the vaults of this machine
    #[command(
        subcommand,
        after_help = "\
Examples:
  zms init --vault work
  zms vault ls
  zms ls --vault work"
    )]
    Vault(vault::Command),
    Status(status::Args),
    Doctor(doctor::Args),
    Push(push::Args),
    Pull(pull::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Reset(reset::Args),
    Completions(completions::Args),
    Man(man::Args),
    Help(help::Args),
}

/// The tree of commands.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses the command line and runs the command.
pub fn run(inherited: &Inherited) -> Outcome {
    let words: Vec<OsString> = environment::arguments();
    match words.first().and_then(|name| name.to_str()) {
        Some(agent::NAME) => return agent::serve(&words),
        Some(keychain::NAME) => return keychain::serve(&words),
        _ => {}
    }
    if complete::answer(&words) {
        return Ok(());
    }
    let Cli { common, command } = match narrow::plain(&words).or_else(|| narrow::parse(&words)) {
        Some(cli) => cli,
        None => match Cli::try_parse_from(&words) {
            Ok(cli) => cli,
            Err(error) => return refusal::tell(error, &words),
        },
    };
    let context = Context {
        output: Output::new(common.json, common.quiet),
        vault: common.vault,
        server: common.server,
        flags: common.place,
        as_owner: common.as_owner,
        token_fd: common.token_fd,
        yes: common.yes,
    };
    supervise::clear(context.output);
    match command {
        Command::Init(args) => init::run(&context, &args),
        Command::Set(args) => set::run(&context, &args),
        Command::Get(args) => get::run(&context, &args),
        Command::Ls(args) => ls::run(&context, &args),
        Command::Rm(args) => rm::run(&context, &args),
        Command::Edit(args) => edit::run(&context, &args),
        Command::History(args) => history::run(&context, &args),
        Command::Log(args) => log::run(&context, &args),
        Command::Diff(args) => diff::run(&context, &args),
        Command::Undo(args) => undo::run(&context, &args),
        Command::Rollback(args) => rollback::run(&context, &args),
        Command::Mv(args) => mv::run(&context, &args),
        Command::Cp(args) => cp::run(&context, &args),
        Command::Check(args) => check::run(&context, &args),
        Command::Generate(args) => generate::run(&context, &args),
        Command::Search(args) => search::run(&context, &args),
        Command::Import(args) => import::run(&context, &args),
        Command::Export(args) => export::run(&context, &args),
        Command::Render(args) => render::run(&context, &args),
        Command::Bundle(command) => bundle::run(&context, &command),
        Command::Run(args) => run::run(&context, &args, inherited),
        Command::Allow(args) => allow::run(&context, &args),
        Command::Token(command) => token::run(&context, &command),
        Command::Admin(command) => admin::run(&context, &command),
        Command::Member(command) => member::run(&context, &command),
        Command::Join(args) => join::run(&context, &args),
        Command::Exposure(args) => exposure::run(&context, &args),
        Command::Roster(command) => roster::run(&context, &command),
        Command::Start(args) => start::run(&context, &args),
        Command::Stop(args) => stop::run(&context, &args),
        Command::Project(command) => project::run(&context, &command),
        Command::Env(command) => env::run(&context, &command),
        Command::Service(command) => service::run(&context, &command),
        Command::Key(command) => key::run(&context, &command),
        Command::Unlock(args) => unlock::run(&context, &args),
        Command::Lock(args) => lock::run(&context, &args),
        Command::Audit(args) => audit::run(&context, &args),
        Command::Use(args) => use_place::run(&context, &args),
        Command::Vault(command) => vault::run(&context, &command),
        Command::Status(args) => status::run(&context, &args),
        Command::Doctor(args) => doctor::run(&context, &args, inherited),
        Command::Push(args) => push::run(&context, &args),
        Command::Pull(args) => pull::run(&context, &args),
        Command::Backup(args) => backup::run(&context, &args),
        Command::Restore(args) => restore::run(&context, &args),
        Command::Reset(args) => reset::run(&context, &args),
        Command::Completions(args) => completions::run(&context, &args),
        Command::Man(args) => man::run(&context, &args),
        Command::Help(args) => help::run(&context, &args),
    }
}
