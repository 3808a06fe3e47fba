//! `zms completions`.

use clap_complete::{Shell, generate};

use crate::{cli, exit::Outcome, session::Context};

/// Print a script that completes zms commands in a shell
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms completions bash > ~/.local/share/bash-completion/completions/zms
  zms completions zsh > ~/.zfunc/_zms
  zms completions fish > ~/.config/fish/completions/zms.fish

It knows commands and flags. It never opens the vault, so it completes no names of secrets.")]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let mut script = Vec::new();
    generate(args.shell, &mut cli::command(), "zms", &mut script);
    context.output.data(&script)
}
