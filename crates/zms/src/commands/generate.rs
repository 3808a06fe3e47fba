//! `zms generate`.

use crate::{environment, exit::Outcome, generate::Recipe, session::Context};

/// Make a random value and print it, without storing it
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms generate
  zms generate hex:32
  zms set API_KEY --generate base64:32   made and stored, without being shown

hex and base64 of so many random bytes (8 to 1024), a uuid, a password of so many letters, digits and
-._~ (8 to 1024), or so many words of the EFF large wordlist (4 to 64). It needs no vault.")]
pub struct Args {
    /// hex:32, base64:32, uuid, password:24 or words:6
    #[arg(value_name = "KIND:SIZE", value_parser = Recipe::parse, default_value = "password:24")]
    recipe: Recipe,
}

/// Draws from the system's entropy.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let made = args.recipe.make(&mut *environment::entropy());
    // EXPOSE: the user asked for it.
    let text = std::str::from_utf8(made.expose()).expect("what is generated is ASCII");
    if context.output.json {
        return context.output.json(serde_json::json!({ "value": text }));
    }
    context.output.line(text)
}
