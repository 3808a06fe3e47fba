//! `zms man`.

use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;
use roff::{Roff, roman};

use crate::{
    cli,
    exit::{Failure, Outcome},
    files,
    session::Context,
};

/// Print the manual page, or write one for each command
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms man | man -l -
  zms man --dir ~/.local/share/man/man1")]
pub struct Args {
    /// Write zms.1 and a page for each command into this folder
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Prints or writes.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let mut command = cli::command();
    command.build();
    let Some(folder) = &args.dir else { return context.output.data(&page(&command)?) };
    if !folder.is_dir() {
        return Err(Failure::not_found(format!("there is no folder {}", folder.display()))
            .hint(format!("mkdir -p {}", folder.display())));
    }
    let mut pages = Vec::new();
    collect(&command, &mut pages)?;
    for (name, page) in &pages {
        files::write(&folder.join(format!("{name}.1")), page)?;
    }
    context.output.note(format!("{} pages written into {}", pages.len(), folder.display()));
    Ok(())
}

fn collect(command: &Command, pages: &mut Vec<(String, String)>) -> Outcome {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let text = String::from_utf8(page(command)?).map_err(Failure::other)?;
    pages.push((name, text));
    let visible = command.get_subcommands().filter(|below| !below.is_hide_set());
    visible.into_iter().try_for_each(|below| collect(below, pages))
}

fn page(command: &Command) -> Outcome<Vec<u8>> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let man = Man::new(command.clone()).title(name).manual("ZMS");
    let mut text = Vec::new();
    let sections = [
        Man::render_title,
        Man::render_name_section,
        Man::render_synopsis_section,
        Man::render_description_section,
        Man::render_options_section,
    ];
    let mut written = sections.iter().try_for_each(|section| section(&man, &mut text));
    if written.is_ok() && command.get_subcommands().next().is_some() {
        written = man.render_subcommands_section(&mut text);
    }
    written
        .and_then(|()| notes(command).to_writer(&mut text))
        .and_then(|()| {
            if command.get_name() == "zms" { man.render_version_section(&mut text) } else { Ok(()) }
        })
        .map_err(Failure::other)?;
    Ok(text)
}

/// What stands below the help, line by line: examples are not filled like prose.
fn notes(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let help = command.get_after_long_help().or(command.get_after_help());
    if let Some(help) = help.map(ToString::to_string) {
        roff.control("SH", ["NOTES"]).control("nf", []);
        for line in help.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
    }
    roff
}
