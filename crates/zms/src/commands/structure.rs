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

/// Lists or makes scopes of one level.
pub fn run(context: &Context, command: &Command, level: &Level) -> Outcome {
    let name = match command {
        Command::Create { name } => Some(new_name(level.what, name)?),
        Command::Ls => None,
    };
    let mut acting = context.act()?;
    let parent = above(&mut acting, level.depth)?;
    let Some(name) = name else {
        let names = acting.session.children(&parent);
        let names = names.map_err(|error| acting.explain(error))?;
        return list(context, &names);
    };
    let seedling = || {
        let leaf = |text: &str| {
            let name = Segment::parse(text).expect("a fixed name is a good one");
            Seedling { name, children: Vec::new() }
        };
        let children = (level.children)().into_iter().map(leaf).collect();
        vec![Seedling { name: name.clone(), children }]
    };
    let planted = acting.session.plant(&parent, seedling);
    planted.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let path = parent.child(name).map_err(Failure::usage)?;
    if context.output.json {
        return context.output.json(serde_json::json!({ "path": path.to_string() }));
    }
    context.output.note(format!("{} {path} made", level.what));
    Ok(())
}

/// The first segments of where the command acts, or of the token's own scope.
fn above(acting: &mut Acting, depth: usize) -> Outcome<ScopePath> {
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
