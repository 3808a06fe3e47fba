//! What `project`, `env` and `service` have in common: one level of the tree each.

use clap::Subcommand;
use zms_core::{
    change::plant::Seedling,
    path::{ScopePath, Segment},
    roster::Right,
};

use crate::{
    exit::{Failure, Outcome},
    place::new_name,
    session::{Acting, Context, tell},
};

/// What can be done at one level.
#[derive(Subcommand)]
pub enum Command {
    /// List them
    #[command(
        alias = "list",
        after_help = "\
Examples:
  zms project ls
  zms env ls -p shop
  zms service ls -p shop -e staging"
    )]
    Ls,
    /// Make one
    #[command(
        alias = "new",
        after_help = "\
Examples:
  zms project create shop
  zms env create preview -p shop
  zms service create api -p shop -e staging"
    )]
    Create {
        /// Name: a-z, 0-9, `.`, `_`, `-`
        name: String,
        /// Have changes of it confirmed from now on
        #[arg(long)]
        protected: bool,
    },
    /// Give one another name; tokens and references go on working
    #[command(after_help = "\
Examples:
  zms project rename shop store
  zms env rename stage staging -p shop
  zms service rename api backend -p shop -e staging")]
    Rename {
        /// Its name now
        name: String,
        /// Its name from now on: a-z, 0-9, `.`, `_`, `-`
        to: String,
    },
    /// Remove one for good, with all secrets in it and below it
    #[command(
        after_help = "\
Examples:
  zms project rm shop --dry-run
  zms env rm preview -p shop
  zms service rm api -p shop -e staging",
        alias = "delete"
    )]
    Rm {
        /// Its name
        name: String,
        /// Show what would be removed, and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// One level of the tree.
pub struct Level {
    /// What users call it.
    pub what: &'static str,
    /// How many segments lie above it.
    pub depth: usize,
    /// What a new one starts with.
    pub children: fn() -> Vec<&'static str>,
}

/// Lists, makes, renames or removes scopes of one level.
pub fn run(context: &Context, command: &Command, level: &Level) -> Outcome {
    // A name that can not be made is refused before anything is opened.
    if let Command::Create { name, .. } | Command::Rename { to: name, .. } = command {
        new_name(level.what, name)?;
    }
    let mut acting = context.act()?;
    let parent = above(&mut acting, level.depth)?;
    match command {
        Command::Ls => {
            let names = acting.session.children(&parent);
            list(context, &names.map_err(|error| acting.explain(error))?)
        }
        Command::Create { name, protected } => {
            create(context, &mut acting, &parent, level, (name, *protected))
        }
        Command::Rename { name, to } => rename(context, &mut acting, &parent, level, (name, to)),
        Command::Rm { name, dry_run } => {
            remove(context, &mut acting, &parent, level, name, *dry_run)
        }
    }
}

fn create(
    context: &Context,
    acting: &mut Acting,
    parent: &ScopePath,
    level: &Level,
    (name, protected): (&str, bool),
) -> Outcome {
    let name = new_name(level.what, name)?;
    acting.confirm(context, parent)?;
    let seedling = || {
        let leaf = |text: &str| {
            let name = Segment::parse(text).expect("a fixed name is a good one");
            Seedling::bare(name, Vec::new())
        };
        let children = (level.children)().into_iter().map(leaf).collect();
        vec![Seedling { protected, ..Seedling::bare(name.clone(), children) }]
    };
    let planted = acting.session.plant(parent, seedling);
    planted.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let path = parent.child(name).map_err(Failure::usage)?;
    if context.output.json {
        return context.output.json(serde_json::json!({ "path": path.to_string() }));
    }
    context.output.note(format!("{} {path} made", level.what));
    Ok(())
}

fn rename(
    context: &Context,
    acting: &mut Acting,
    parent: &ScopePath,
    level: &Level,
    (name, to): (&str, &str),
) -> Outcome {
    let to = new_name(level.what, to)?;
    let path = named(parent, level.what, name)?;
    acting.confirm(context, &path)?;
    let renamed = acting.session.rename(&path, &to);
    renamed.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let new = parent.child(to).map_err(Failure::usage)?;
    if context.output.json {
        let (path, new) = (path.to_string(), new.to_string());
        return context.output.json(serde_json::json!({ "from": path, "path": new }));
    }
    context.output.note(format!("{path} is {new} now; zms.toml files that name it must follow"));
    Ok(())
}

fn remove(
    context: &Context,
    acting: &mut Acting,
    parent: &ScopePath,
    level: &Level,
    name: &str,
    dry_run: bool,
) -> Outcome {
    let path = named(parent, level.what, name)?;
    let secrets = acting.session.names(&path, true);
    let mut secrets = secrets.map_err(|error| acting.explain(error))?;
    secrets.sort();
    if dry_run && !context.output.json {
        for secret in &secrets {
            context.output.line(&crate::output::shown(secret))?;
        }
    }
    let count = match secrets.len() {
        0 => "no secrets".to_owned(),
        1 => "1 secret".to_owned(),
        many => format!("{many} secrets"),
    };
    if !dry_run {
        let question = format!(
            "This removes {path} with {count} in it and below it, and their history. No command \
             brings it back."
        );
        crate::prompt::typed(&question, name, context.yes)?;
        let removed = acting.session.remove(&path);
        removed.map_err(|error| acting.explain(error))?;
    }
    tell(&acting.session, context.output);
    if context.output.json {
        return context.output.json(serde_json::json!({
            "path": path.to_string(), "secrets": secrets, "dry_run": dry_run,
        }));
    }
    let verb = if dry_run { "would be removed" } else { "removed" };
    context.output.note(format!("{} {path} {verb}, with {count}", level.what));
    Ok(())
}

/// The path of what was named below a parent.
pub fn named(parent: &ScopePath, what: &str, name: &str) -> Outcome<ScopePath> {
    let segment = Segment::parse(name);
    let segment = segment.map_err(|why| Failure::usage(format!("the {what} {name:?} {why}")))?;
    parent.child(segment).map_err(Failure::usage)
}

/// The first segments of where the command acts, or of the token's own scope.
pub fn above(acting: &mut Acting, depth: usize) -> Outcome<ScopePath> {
    if depth == 0 {
        return Ok(ScopePath::default());
    }
    let own = acting.session.own()?;
    let full = own.scopes.into_iter().filter(|(_, right)| *right > Right::Exact);
    let held: Vec<ScopePath> = full.map(|(path, _)| path).collect();
    let path = acting.place.choose(&held).map_err(Failure::from)?;
    let upper = path.segments().iter().take(depth).cloned().collect();
    ScopePath::new(upper).map_err(Failure::usage)
}

fn list(context: &Context, names: &[Segment]) -> Outcome {
    let names: Vec<&str> = names.iter().map(Segment::as_str).collect();
    if context.output.json {
        return context.output.json(serde_json::json!({ "names": names }));
    }
    for name in names {
        context.output.line(&crate::output::shown(name))?;
    }
    Ok(())
}
