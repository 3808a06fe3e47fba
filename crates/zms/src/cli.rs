//! The command line, and who handles what.

use clap::{Parser, Subcommand};

use crate::{
    commands::{
        allow, audit, cp, diff, doctor, env, export, exposure, get, history, import, init, log, ls,
        mv, project, reset, rm, rollback, run, search, service, set, status, token, undo,
        use_place, vault,
    },
    exit::Outcome,
    hygiene::Inherited,
    output::Output,
    place::PlaceFlags,
    session::Context,
};

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
  zms token create ci --ttl 90d     one token instead of the file"
)]
struct Cli {
    #[command(flatten)]
    place: PlaceFlags,
    /// Vault to act on, where there are several
    #[arg(long, global = true, value_name = "NAME")]
    vault: Option<String>,
    /// Act with the master key although a token is present
    #[arg(long, global = true)]
    as_owner: bool,
    /// Read the token from this file descriptor
    #[arg(long, global = true, value_name = "N")]
    token_fd: Option<i32>,
    /// Do not ask for confirmation
    #[arg(short, long, global = true)]
    yes: bool,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Print data and warnings only
    #[arg(short, long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Args),
    Set(set::Args),
    Get(get::Args),
    Ls(ls::Args),
    Rm(rm::Args),
    History(history::Args),
    Log(log::Args),
    Diff(diff::Args),
    Undo(undo::Args),
    Rollback(rollback::Args),
    Mv(mv::Args),
    Cp(cp::Args),
    Search(search::Args),
    Import(import::Args),
    Export(export::Args),
    Run(run::Args),
    Allow(allow::Args),
    /// Make, list and revoke tokens
    #[command(subcommand)]
    Token(token::Command),
    Exposure(exposure::Args),
    /// List projects, or make one with its first environments
    #[command(subcommand)]
    Project(project::Command),
    /// List environments of a project, or make one
    #[command(subcommand)]
    Env(env::Command),
    /// List services of an environment, or make one
    #[command(subcommand)]
    Service(service::Command),
    Audit(audit::Args),
    Use(use_place::Args),
    /// List the vaults of this machine
    #[command(subcommand)]
    Vault(vault::Command),
    Status(status::Args),
    Doctor(doctor::Args),
    Reset(reset::Args),
}

/// Parses the command line and runs the command.
pub fn run(inherited: &Inherited) -> Outcome {
    let cli = Cli::parse();
    let context = Context {
        output: Output { json: cli.json, quiet: cli.quiet },
        vault: cli.vault,
        flags: cli.place,
        as_owner: cli.as_owner,
        token_fd: cli.token_fd,
        yes: cli.yes,
    };
    match cli.command {
        Command::Init(args) => init::run(&context, &args),
        Command::Set(args) => set::run(&context, &args),
        Command::Get(args) => get::run(&context, &args),
        Command::Ls(args) => ls::run(&context, &args),
        Command::Rm(args) => rm::run(&context, &args),
        Command::History(args) => history::run(&context, &args),
        Command::Log(args) => log::run(&context, &args),
        Command::Diff(args) => diff::run(&context, &args),
        Command::Undo(args) => undo::run(&context, &args),
        Command::Rollback(args) => rollback::run(&context, &args),
        Command::Mv(args) => mv::run(&context, &args),
        Command::Cp(args) => cp::run(&context, &args),
        Command::Search(args) => search::run(&context, &args),
        Command::Import(args) => import::run(&context, &args),
        Command::Export(args) => export::run(&context, &args),
        Command::Run(args) => run::run(&context, &args, inherited),
        Command::Allow(args) => allow::run(&context, &args),
        Command::Token(command) => token::run(&context, &command),
        Command::Exposure(args) => exposure::run(&context, &args),
        Command::Project(command) => project::run(&context, &command),
        Command::Env(command) => env::run(&context, &command),
        Command::Service(command) => service::run(&context, &command),
        Command::Audit(args) => audit::run(&context, &args),
        Command::Use(args) => use_place::run(&context, &args),
        Command::Vault(command) => vault::run(&context, &command),
        Command::Status(args) => status::run(&context, &args),
        Command::Doctor(args) => doctor::run(&context, &args, inherited),
        Command::Reset(args) => reset::run(&context, &args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
