//! `zms env`.

use clap::Subcommand;
use zms_client::SessionError;
use zms_core::change::ChangeError;

use super::{
    diff,
    structure::{self, Level, above, named},
};
use crate::{
    exit::Outcome,
    place::new_name,
    prompt,
    session::{Context, tell},
};

const LEVEL: Level = Level { what: "env", depth: 1, children: Vec::new };

/// What can be done with environments.
#[derive(Subcommand)]
pub enum Command {
    #[command(flatten)]
    Shared(structure::Command),
    /// Copy one with all its secrets and services under a new name
    #[command(after_help = "\
Examples:
  zms env copy staging preview")]
    Copy {
        /// Environment to copy
        from: String,
        /// Name of the copy: a-z, 0-9, `.`, `_`, `-`
        to: String,
    },
    /// Show how two differ in what they see
    #[command(after_help = "\
Examples:
  zms env diff staging             against where commands act
  zms env diff staging production --reveal")]
    Diff {
        /// One environment
        from: String,
        /// The other one; without it, the one that commands act in
        to: Option<String>,
        /// Show the values
        #[arg(long)]
        reveal: bool,
    },
    /// Have every change of it confirmed, by whoever may also change its project
    #[command(after_help = "\
Examples:
  zms env protect production")]
    Protect {
        /// Its name
        name: String,
    },
    /// Take a protection off
    #[command(after_help = "\
Examples:
  zms env unprotect production")]
    Unprotect {
        /// Its name
        name: String,
    },
}

/// Runs the subcommand.
pub fn run(context: &Context, command: &Command) -> Outcome {
    match command {
        Command::Shared(command) => structure::run(context, command, &LEVEL),
        Command::Copy { from, to } => copy(context, from, to),
        Command::Diff { from, to, reveal } => {
            diff::environments(context, from, to.as_deref(), *reveal)
        }
        Command::Protect { name } => protect(context, name, true),
        Command::Unprotect { name } => protect(context, name, false),
    }
}

fn copy(context: &Context, from: &str, to: &str) -> Outcome {
    let to = new_name(LEVEL.what, to)?;
    let mut acting = context.act()?;
    let project = above(&mut acting, LEVEL.depth)?;
    let (from, to) =
        (named(&project, LEVEL.what, from)?, named(&project, LEVEL.what, to.as_str())?);
    acting.confirm(context, &project)?;
    let copied = acting.session.copy(&from, &to);
    copied.map_err(|error| {
        let taken = matches!(error, SessionError::Change(ChangeError::ScopeExists(_)));
        let failure = acting.explain(error);
        if !taken {
            return failure;
        }
        failure.hint(format!(
            "take another name, or copy secrets into it: `zms cp NAME --to-env {}`",
            to.segments().last().expect("an environment has a name")
        ))
    })?;
    tell(&acting.session, context.output);
    let (from, to) = (from.to_string(), to.to_string());
    if context.output.json {
        return context.output.json(serde_json::json!({ "from": from, "path": to }));
    }
    context.output.note(format!("{from} copied to {to}: secrets and services, without history"));
    Ok(())
}

fn protect(context: &Context, name: &str, protected: bool) -> Outcome {
    let mut acting = context.act()?;
    let project = above(&mut acting, LEVEL.depth)?;
    let path = named(&project, LEVEL.what, name)?;
    if !protected {
        prompt::typed(&format!("{path} will not be protected any more."), name, context.yes)?;
    }
    let new = acting.session.protect(&path, protected);
    let new = new.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    if context.output.json {
        return context.output.json(serde_json::json!({
            "path": path.to_string(), "protected": protected,
        }));
    }
    let state = if protected { "protected" } else { "not protected" };
    let since = if new { "from now on" } else { "already" };
    context.output.note(format!("{path} is {state} {since}"));
    Ok(())
}
