//! `zms search`.

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use zeroize::Zeroizing;
use zms_core::{
    path::ScopePath,
    record::{Payload, Reference, ValueKind},
};

use crate::{
    exit::{Failure, Outcome},
    files,
    output::shown,
    prompt,
    session::{Acting, Context, tell},
};

/// Find secrets by name, in every scope that can be read
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms search stripe              names that hold it, in every scope
  zms search rotate --notes -p shop
  zms search - --values          asks for a value, and shows where it is

Upper and lower case are the same. Values are never printed, only where they are. A value to look
for belongs into stdin or the hidden prompt, not on the command line: `zms search - --values`.
With -p, -e or -s only that place and what is below it is searched.")]
pub struct Args {
    /// What to look for, or `-` to be asked for it or to read it from stdin
    text: String,
    /// Search notes as well
    #[arg(long)]
    notes: bool,
    /// Search values as well
    #[arg(long)]
    values: bool,
}

/// One secret that was found.
#[derive(serde::Serialize)]
struct Match {
    path: String,
    name: String,
    #[serde(rename = "in")]
    places: Vec<&'static str>,
}

/// Prints where the text was found, never the text around it.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let wanted = wanted(args)?;
    let mut acting = context.act()?;
    let within = within(context, &mut acting)?;
    let found = acting.session.survey(within.as_ref(), |path, held| {
        let places = places(args, &wanted, held);
        let name = held.name.to_string();
        (!places.is_empty()).then(|| Match { path: path.to_string(), name, places })
    });
    let mut found = found.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    found.sort_by(|a, b| (&a.path, &a.name).cmp(&(&b.path, &b.name)));
    if context.output.json {
        context.output.json(serde_json::json!({ "matches": found }))?;
    } else {
        for hit in &found {
            context.output.line(&shown(&format!("{}/{}", hit.path, hit.name)))?;
        }
    }
    if !found.is_empty() {
        return Ok(());
    }
    let failure = Failure::not_found("nothing was found");
    Err(match (args.notes, args.values) {
        (true, true) => failure,
        (false, true) => failure.hint("search notes as well with `--notes`"),
        (true, false) => failure.hint("search values as well with `--values`"),
        (false, false) => failure.hint("search notes and values as well with `--notes --values`"),
    })
}

fn wanted(args: &Args) -> Outcome<Zeroizing<Vec<u8>>> {
    let wanted = if args.text != "-" {
        Zeroizing::new(args.text.as_bytes().to_vec())
    } else if io::stdin().is_terminal() {
        Zeroizing::new(prompt::hidden("Look for: ")?.as_bytes().to_vec())
    } else {
        let mut piped = files::read(Path::new("-"))?;
        if piped.last() == Some(&b'\n') {
            piped.pop();
        }
        piped
    };
    if wanted.is_empty() { Err(Failure::usage("there is nothing to look for")) } else { Ok(wanted) }
}

/// The place that flags name, as deep as they name it; without any, everything.
fn within(context: &Context, acting: &mut Acting) -> Outcome<Option<ScopePath>> {
    let flags = &context.flags;
    let depth = match (&flags.project, &flags.env, &flags.service) {
        (.., Some(_)) => 3,
        (_, Some(_), _) => 2,
        (Some(_), ..) => 1,
        _ => return Ok(None),
    };
    let own = acting.session.own()?;
    let full = own.scopes.into_iter().filter(|(_, right)| *right > zms_core::roster::Right::Exact);
    let held: Vec<ScopePath> = full.map(|(path, _)| path).collect();
    let path = acting.place.choose(&held).map_err(Failure::from)?;
    let segments = path.segments().iter().take(depth).cloned().collect();
    ScopePath::new(segments).map(Some).map_err(Failure::usage)
}

fn places(args: &Args, wanted: &[u8], held: &Payload) -> Vec<&'static str> {
    let mut places = Vec::new();
    if holds(held.name.as_str().as_bytes(), wanted) {
        places.push("name");
    }
    if args.notes && holds(held.note.as_bytes(), wanted) {
        places.push("note");
    }
    // EXPOSE: searched for what the user gave; only where it is comes out.
    let value = held.value.expose();
    let found = match held.kind {
        ValueKind::Reference => Reference::decode(value)
            .is_some_and(|to| holds(format!("{}/{}", to.path, to.name).as_bytes(), wanted)),
        _ => holds(value, wanted),
    };
    if args.values && found {
        places.push("value");
    }
    places
}

/// Whether some bytes hold others, whatever the case. Text is compared as text; what is not text
/// with the case of ASCII alone. Nothing is copied.
fn holds(text: &[u8], wanted: &[u8]) -> bool {
    match (std::str::from_utf8(text), std::str::from_utf8(wanted)) {
        (Ok(text), Ok(wanted)) if !wanted.is_ascii() => {
            let starts = |from: &str| {
                let mut rest = from.chars().flat_map(char::to_lowercase);
                wanted.chars().flat_map(char::to_lowercase).all(|char| rest.next() == Some(char))
            };
            text.char_indices().any(|(at, _)| starts(&text[at..]))
        }
        _ => text.windows(wanted.len()).any(|window| window.eq_ignore_ascii_case(wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn case_does_not_count() {
        for (text, wanted) in [
            ("DATABASE_URL", "base"),
            ("database", "BASE"),
            ("Größe", "GRÖ"),
            ("GRÖSSE", "größe".trim_end_matches("ße")),
            ("x", "x"),
        ] {
            assert!(holds(text.as_bytes(), wanted.as_bytes()), "{wanted} in {text}");
        }
        for (text, wanted) in [("", "a"), ("ab", "abc"), ("Größe", "gross"), ("é", "e")] {
            assert!(!holds(text.as_bytes(), wanted.as_bytes()), "{wanted} in {text}");
        }
        assert!(holds(b"\xff\0KEY", b"key") && holds(b"\xff\0", b"\xff"));
    }
}
