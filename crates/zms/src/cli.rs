//! The command line, and who handles what.

use clap::{Parser, Subcommand};

use crate::{
    commands::{
        allow, audit, env, export, get, import, init, ls, project, reset, rm, run, service, set,
        status, token, use_place,
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
    /// Act with the master key although a token is present
    #[arg(long, global = true)]
    as_owner: bool,
    /// Read the token from this file descriptor
    #[arg(long, global = true, value_name = "N")]
    token_fd: Option<i32>,
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
    Import(import::Args),
    Export(export::Args),
    Run(run::Args),
    Allow(allow::Args),
    /// Make, list and revoke tokens
    #[command(subcommand)]
    Token(token::Command),
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
    Status(status::Args),
    Reset(reset::Args),
}

/// Parses the command line and runs the command.
pub fn run(inherited: &Inherited) -> Outcome {
    let cli = Cli::parse();
    let context = Context {
        output: Output { json: cli.json, quiet: cli.quiet },
        flags: cli.place,
        as_owner: cli.as_owner,
        token_fd: cli.token_fd,
    };
    match cli.command {
        Command::Init(args) => init::run(&context, &args),
        Command::Set(args) => set::run(&context, &args),
        Command::Get(args) => get::run(&context, &args),
        Command::Ls(args) => ls::run(&context, &args),
        Command::Rm(args) => rm::run(&context, &args),
        Command::Import(args) => import::run(&context, &args),
        Command::Export(args) => export::run(&context, &args),
        Command::Run(args) => run::run(&context, &args, inherited),
        Command::Allow(args) => allow::run(&context, &args),
        Command::Token(command) => token::run(&context, &command),
        Command::Project(command) => project::run(&context, &command),
        Command::Env(command) => env::run(&context, &command),
        Command::Service(command) => service::run(&context, &command),
        Command::Audit(args) => audit::run(&context, &args),
        Command::Use(args) => use_place::run(&context, &args),
        Command::Status(args) => status::run(&context, &args),
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
