//! `zms export`.

use zms_core::path::ScopePath;
use zms_format::write;

use crate::{
    exit::{Failure, Outcome},
    session::{Context, tell},
};

/// Print all secrets that a place sees, in a format that another program reads
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms export --format json > secrets.json
  zms export -e staging --format shell

Each format is byte-exact when its real reader reads it, or the secret is refused by name.
  dotenv          npm dotenv          dotenv-python   python-dotenv
  json            any JSON parser     shell           eval \"$(zms export --format shell)\"
  yaml            any YAML parser     toml            any TOML parser")]
pub struct Args {
    /// Format to write
    #[arg(long, value_enum, default_value_t = Format::Dotenv)]
    format: Format,
}

#[derive(clap::ValueEnum, Clone, Copy)]
enum Format {
    Dotenv,
    DotenvPython,
    Json,
    Yaml,
    Toml,
    Shell,
}

impl From<Format> for zms_format::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Dotenv => Self::Dotenv,
            Format::DotenvPython => Self::DotenvPython,
            Format::Json => Self::Json,
            Format::Yaml => Self::Yaml,
            Format::Toml => Self::Toml,
            Format::Shell => Self::Shell,
        }
    }
}

/// Prints all or nothing.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let format = if context.output.json { Format::Json } else { args.format };
    let mut acting = context.act()?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.read(&choose).map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let mut pairs: Vec<(&str, &[u8])> = Vec::new();
    for winner in view.merged.winners() {
        let payload =
            view.merged.resolve(winner, view.now).map_err(zms_client::SessionError::from)?;
        // EXPOSE: the user asked for all values.
        pairs.push((winner.payload.name.as_str(), payload.value.expose()));
    }
    let text = write(format.into(), &pairs).map_err(|refusal| {
        let hint = refusal.hint();
        Failure::usage(refusal).hint(hint)
    })?;
    context.output.text(&text)
}
