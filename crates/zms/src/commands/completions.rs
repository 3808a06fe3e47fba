//! `zms completions`.

use crate::{
    cli::complete::{Shell, script},
    exit::Outcome,
    session::Context,
};

/// Print a script that completes zms commands in a shell
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms completions bash > ~/.local/share/bash-completion/completions/zms
  zms completions zsh > ~/.zfunc/_zms
  zms completions fish > ~/.config/fish/completions/zms.fish

It completes commands and flags, and the names of projects, environments, services, secrets and tokens
that you or your token can read: each such look is in the audit, as any other. It shows no values, asks
nothing, and offers no names while the vault is locked, or to a token with a limited number of uses.")]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub fn run(context: &Context, args: &Args) -> Outcome {
    context.output.data(&script(args.shell)?)
}
