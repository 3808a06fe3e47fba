//! `zms use`.

use std::path::Path;

use toml_edit::{DocumentMut, value};
use zms_core::path::{ScopePath, Segment};

use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    session::{Context, tell},
    settings::{FILE, PRODUCTION, Settings, find},
};

/// Choose the project, environment and service of this folder, in zms.toml
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms use shop -e staging
  zms use -s api             a service of what was chosen before

The file holds no secrets and is meant to be committed. It never names production.")]
pub struct Args {
    /// Project of this folder
    #[arg(value_name = "PROJECT")]
    name: Option<String>,
}

/// Writes `zms.toml`, keeping what else it says.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let flags = &context.flags;
    let project = args.name.as_ref().or(flags.project.as_ref());
    if flags.env.as_deref() == Some(PRODUCTION) {
        return Err(Failure::usage("a file may not choose production")
            .hint("name it where you mean it: `-e production`, ZMS_ENV, or a token for it"));
    }
    if project.is_none() && flags.env.is_none() && flags.service.is_none() {
        return Err(
            Failure::usage("nothing to choose").hint("zms use PROJECT [-e ENV] [-s SERVICE]")
        );
    }
    let mut document = match find()? {
        Some((path, _)) if path.parent() == Some(&environment::folder()?) => {
            let text = files::read(&path)?;
            let text = std::str::from_utf8(&text).map_err(Failure::usage)?;
            text.parse().map_err(Failure::usage)?
        }
        // The nearest file decides alone, so a new one starts from where the one above stands.
        Some((_, settings)) => start(&settings),
        None => DocumentMut::new(),
    };
    // Another project has other environments: what was chosen for the old one goes.
    if let Some(project) = project {
        document["project"] = value(project);
        document.remove("environment");
        document.remove("service");
    }
    if let Some(env) = &flags.env {
        document["environment"] = value(env);
        document.remove("service");
    }
    if let Some(service) = &flags.service {
        document["service"] = value(service);
    }
    check(context, &document)?;
    files::write(Path::new(FILE), &document.to_string())?;
    context.output.note(format!("{FILE} written"));
    Ok(())
}

fn start(above: &Settings) -> DocumentMut {
    let mut document = DocumentMut::new();
    let chosen = [
        ("project", &above.project),
        ("environment", &above.environment),
        ("service", &above.service),
    ];
    for (key, name) in chosen {
        if let Some(name) = name {
            document[key] = value(name);
        }
    }
    document
}

/// Names that do not exist are refused, where the vault can be asked.
fn check(context: &Context, document: &DocumentMut) -> Outcome {
    let names = ["project", "environment", "service"];
    let chosen = names.map(|key| document.get(key).and_then(|item| item.as_str()));
    let mut segments = Vec::new();
    let defaults = [crate::place::DEFAULT_PROJECT, crate::place::DEFAULT_ENVIRONMENT];
    for (level, name) in chosen.iter().enumerate() {
        let Some(name) = name.or_else(|| defaults.get(level).copied()) else { break };
        segments.push(
            Segment::parse(name)
                .map_err(|why| Failure::usage(format!("the {} {name:?} {why}", names[level])))?,
        );
    }
    let path = ScopePath::new(segments).map_err(Failure::usage)?;
    let mut acting = match context.act() {
        Ok(acting) => acting,
        Err(failure) if failure.exit == Exit::Locked => {
            context.output.warn("there is no key or token here, so the names were not checked");
            return Ok(());
        }
        Err(failure) => return Err(failure),
    };
    let found = acting.session.structure(&|_| Ok(path.clone()));
    found.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    Ok(())
}
