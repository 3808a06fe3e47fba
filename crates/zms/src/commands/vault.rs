//! `zms vault`.

use clap::Subcommand;

use crate::{exit::Outcome, files, home::Home, server::Remembered, session::Context};

/// What can be done with the vaults of a machine.
#[derive(Subcommand)]
pub enum Command {
    /// List them, with the one in use marked
    #[command(
        alias = "list",
        after_help = "\
Examples:
  zms vault ls"
    )]
    Ls,
}

/// Lists the vaults. Needs no key: their names are those of folders.
pub fn run(context: &Context, command: &Command) -> Outcome {
    let Command::Ls = command;
    let chosen = context.home_to_make()?;
    let all = Home::all()?;
    let current = |home: &Home| home.name() == chosen.name();
    if context.output.json {
        let vaults = all.iter().map(|home| {
            serde_json::json!({
                "name": home.name(),
                "folder": home.folder().display().to_string(),
                "key": files::exists(&home.key()),
                "database": files::exists(&home.database()),
                "server": remembered(home),
                "current": current(home),
            })
        });
        let vaults: Vec<_> = vaults.collect();
        return context.output.json(serde_json::json!({ "vaults": vaults }));
    }
    if all.is_empty() {
        context.output.note("no vaults here: make one with `zms init`");
    }
    let row = |home: &Home| {
        let mark = if current(home) { "current" } else { "" };
        let folder = home.folder().display();
        let kept = remembered(home).map_or_else(String::new, |server| format!(" at {server}"));
        vec![home.name().to_owned(), format!("{folder}{kept}"), mark.to_owned()]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    context.output.table(&["NAME", "FOLDER", ""], &rows)
}

/// The server that keeps a vault, as its home remembers it.
fn remembered(home: &Home) -> Option<String> {
    Some(Remembered::of(home).ok()??.address.to_string())
}
