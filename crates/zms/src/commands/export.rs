//! `zms export`.

use zms_core::path::ScopePath;
use zms_format::{Manifest, github_masks, write};

use crate::{
    bundle_file::Carried,
    credentials::Sources,
    environment,
    exit::{Failure, Outcome},
    session::{Context, tell},
};

/// Print all secrets that a place sees, in a format that another program reads
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms export --format json > secrets.json
  zms export -e staging --format docker > app.env
  zms export -e staging --format k8s --name app --namespace shop | kubectl apply -f -

Each format is byte-exact when its real reader reads it, or the secret is refused by name.
  dotenv          npm dotenv          dotenv-python   python-dotenv
  json            any JSON parser     yaml            any YAML parser
  toml            any TOML parser     docker          docker run --env-file
  systemd         EnvironmentFile=    k8s             kubectl apply -f -
  tfvars          Terraform           github          >> \"$GITHUB_ENV\"; masks on stderr
  shell           eval \"$(zms export --format shell)\"
  fish            zms export --format fish | source
  powershell      zms export --format powershell | Invoke-Expression")]
pub struct Args {
    /// Format to write
    #[arg(long, value_enum, default_value_t = Format::Dotenv)]
    format: Format,
    /// Name of the Kubernetes Secret
    #[arg(long, required_if_eq("format", "k8s"))]
    name: Option<String>,
    /// Namespace of the Kubernetes Secret
    #[arg(long, requires = "name")]
    namespace: Option<String>,
    #[command(flatten)]
    carried: Carried,
}

#[derive(clap::ValueEnum, Clone, Copy, PartialEq)]
enum Format {
    Dotenv,
    DotenvPython,
    Json,
    Yaml,
    Toml,
    Shell,
    Fish,
    Powershell,
    Docker,
    Systemd,
    K8s,
    Tfvars,
    Github,
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
            Format::Fish => Self::Fish,
            Format::Powershell => Self::Powershell,
            Format::Docker => Self::Docker,
            Format::Systemd => Self::Systemd,
            Format::K8s => Self::K8s,
            Format::Tfvars => Self::Tfvars,
            Format::Github => Self::Github,
        }
    }
}

/// Prints all or nothing.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let format = if context.output.json { Format::Json } else { args.format };
    let manifest = manifest(format, args)?;
    let mut acting = context.act_with(Sources::Named, &args.carried)?;
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
    let written = match &manifest {
        Some(manifest) => manifest.write(&pairs),
        None => write(format.into(), &pairs),
    };
    let text = written.map_err(|refusal| {
        let hint = refusal.hint();
        Failure::usage(refusal).hint(hint)
    })?;
    if format == Format::Github {
        mask(context, &pairs)?;
    }
    context.output.text(&text)
}

/// What the Secret is called, where one is written.
fn manifest(format: Format, args: &Args) -> Outcome<Option<Manifest>> {
    let Some(name) = &args.name else { return Ok(None) };
    if format != Format::K8s {
        return Err(Failure::usage("`--name` names a Kubernetes Secret, and none is written")
            .hint("write one with `--format k8s`"));
    }
    Manifest::new(name, args.namespace.as_deref()).map(Some).ok_or_else(|| {
        Failure::usage("Kubernetes accepts no such name")
            .hint("letters a-z, digits and `-` inside; in the name of a Secret also dots")
    })
}

/// Has the job's log show none of the values, before any of them is out. A job reads commands on
/// both streams, and stdout is the file. Elsewhere the commands would only show the values.
fn mask(context: &Context, pairs: &[(&str, &[u8])]) -> Outcome {
    if environment::raw("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
        context.output.note("not in a job of GitHub Actions: no value is masked in its log");
        return Ok(());
    }
    context.output.commands(&github_masks(pairs))
}
