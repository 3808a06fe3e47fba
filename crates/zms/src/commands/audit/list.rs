//! `zms audit`: lists entries, and follows them.

use zms_client::{AuditNames, AuditReader, SessionError, Subject};
use zms_core::{audit::Entry, id::ScopeId, path::ScopePath};

use super::{
    show::{self, Columns},
    when,
};
use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    output::{Output, closed_within, terminal},
    place::nearest,
    session::{Acting, Context, no_secret, secret_name, tell},
};

/// How many entries a terminal is shown unless told otherwise.
const SCREEN: usize = 100;
/// How often new entries are looked for.
const PAUSE_MILLISECONDS: u32 = 500;

/// What to list.
#[derive(clap::Args, Default, PartialEq)]
#[group(skip)]
pub struct Args {
    /// Entries from then on: 1h for an hour ago, 2026-01-31, or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Entries up to then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Entries that concern this secret of the place: what was done where it lives since its
    /// current version is there
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Entries of this token, by its name or id
    #[arg(long, value_name = "NAME")]
    token: Option<String>,
    /// The last N that match; without it, 100 on a terminal and else all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Print new entries as they come, until Ctrl-C
    #[arg(short, long, conflicts_with = "until")]
    follow: bool,
}

/// What an entry must meet.
struct Filter {
    since: u64,
    until: u64,
    subject: Option<Subject>,
    scope: Option<ScopeId>,
    /// The first digits of a principal's id, or all of them.
    principal: Option<String>,
}

impl Filter {
    fn admits(&self, entry: &Entry) -> bool {
        let event = &entry.event;
        let theirs = |id: &String| event.principal.to_string().starts_with(id.as_str());
        (self.since..=self.until).contains(&event.time)
            && self.subject.as_ref().is_none_or(|subject| subject.concerned_by(event))
            && self.scope.is_none_or(|scope| event.scope == Some(scope))
            && self.principal.as_ref().is_none_or(theirs)
    }
}

/// Lists, and goes on listing where asked to.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let output = context.output;
    let now = environment::now();
    let time = |flag, text: &Option<String>| {
        text.as_ref().map(|text| when::parse(flag, text, now)).transpose()
    };
    let (since, until) = (time("--since", &args.since)?, time("--until", &args.until)?);
    let mut acting = context.act()?;
    let (subject, scope) = place(context, &mut acting, args)?;
    let mut reader = acting.session.audit()?;
    tell(reader.session(), output);
    let principal = args.token.as_ref().map(|token| principal(&reader, token)).transpose()?;
    let until = until.unwrap_or(u64::MAX);
    let filter = Filter { since: since.unwrap_or(0), until, subject, scope, principal };
    let admits = |entry: &Entry| filter.admits(entry);
    if !reader.sees_all() {
        output.note("a token sees its own entries only");
    }
    let mut printer = Printer::new(output, args.follow, &reader);
    match args.limit {
        Some(limit) => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            printer.print(&reader.last(limit, &admits).map_err(unlisted)?, reader.names())?;
        }
        // What is already there is not new.
        None if args.follow && since.is_none() => drop(reader.last(1, &admits).map_err(unlisted)?),
        None if terminal() && !args.follow => {
            let entries = reader.last(SCREEN, &admits).map_err(unlisted)?;
            printer.print(&entries, reader.names())?;
            if entries.len() == SCREEN {
                output.note(format!("the last {SCREEN}; more with `--limit N`"));
            }
        }
        None => {
            while let Some(entries) = reader.next_page(&admits).map_err(unlisted)? {
                printer.print(&entries, reader.names())?;
            }
        }
    }
    if args.follow { follow(&mut reader, &admits, &mut printer) } else { printer.end() }
}

/// The secret or the scope that the entries are to concern.
fn place(
    context: &Context,
    acting: &mut Acting,
    args: &Args,
) -> Outcome<(Option<Subject>, Option<ScopeId>)> {
    let flags = &context.flags;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    if let Some(name) = &args.key {
        let name = secret_name(name)?;
        let found = acting.session.audit_subject(&choose, &name);
        let found = found.map_err(|error| acting.explain(error))?;
        let subject = found.map_err(|path| no_secret(name.as_str(), &path, []))?;
        context.output.note(format!("{name} lives in {}", subject.path));
        return Ok((Some(subject), None));
    }
    if [&flags.project, &flags.env, &flags.service].iter().all(|flag| flag.is_none()) {
        return Ok((None, None));
    }
    let view = acting.session.structure(&choose).map_err(|error| acting.explain(error))?;
    Ok((None, Some(view.target().id())))
}

/// A principal's id by the name or the digits of it that the listing shows.
fn principal(reader: &AuditReader<'_>, wanted: &str) -> Outcome<String> {
    crate::commands::token::refuse_token_text(wanted)?;
    let labels = &reader.names().labels;
    if let Some((id, _)) = labels.iter().find(|(_, label)| *label == wanted) {
        return Ok(id.to_string());
    }
    let digits = wanted.trim_end_matches('\u{2026}').to_ascii_lowercase();
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_id = hex && (8..=32).contains(&digits.len());
    match (is_id, reader.sees_all()) {
        (true, true) => Ok(digits),
        (true, false) if reader.me().to_string().starts_with(&digits) => Ok(digits),
        (_, false) => Err(Failure::new(Exit::Denied, "a token sees its own entries only")
            .hint("leave --token out, or run it as the owner: `--as-owner`")),
        (false, true) => {
            let failure = Failure::not_found(format!("there is no token {wanted}"));
            Err(match nearest(wanted, labels.values().map(String::as_str)) {
                Some(near) => failure.hint(format!("did you mean {near}?")),
                None => failure.hint("one that left is known by the id that `zms audit` shows"),
            })
        }
    }
}

/// An entry that can not be read ends the listing, and is named by who verifies.
fn unlisted(error: SessionError) -> Failure {
    let failure = Failure::from(error);
    match failure.exit {
        Exit::Integrity => failure.hint("name the entry that can not be read: `zms audit verify`"),
        _ => failure,
    }
}

/// Prints what comes until nobody reads it.
fn follow(
    reader: &mut AuditReader<'_>,
    admits: &dyn Fn(&Entry) -> bool,
    printer: &mut Printer,
) -> Outcome {
    loop {
        let Some(entries) = reader.next_page(admits).map_err(unlisted)? else {
            if closed_within(PAUSE_MILLISECONDS) {
                return Ok(());
            }
            continue;
        };
        let names = reader.names();
        let new = |entry: &Entry| {
            let scope = entry.event.scope;
            scope.is_some_and(|scope| !names.places.contains_key(&scope))
                || reader.sees_all() && !names.labels.contains_key(&entry.event.principal)
        };
        if entries.iter().any(new) {
            reader.refresh()?;
        }
        if let Err(failure) = printer.print(&entries, reader.names()) {
            // Whoever closed it has read enough.
            return if closed_within(0) { Ok(()) } else { Err(failure) };
        }
    }
}

/// Prints entries as they come: rows, lines of JSON, or one JSON answer at the end.
struct Printer {
    output: Output,
    follow: bool,
    columns: Columns,
    begun: bool,
    answer: Vec<serde_json::Value>,
}

impl Printer {
    fn new(output: Output, follow: bool, reader: &AuditReader<'_>) -> Self {
        let columns = Columns::new(reader.names());
        Self { output, follow, columns, begun: false, answer: Vec::new() }
    }

    fn print(&mut self, entries: &[Entry], names: &AuditNames) -> Outcome {
        if self.output.json {
            let objects = entries.iter().map(|entry| show::json(entry, names));
            if !self.follow {
                self.answer.extend(objects);
                return Ok(());
            }
            return objects.into_iter().try_for_each(|object| self.output.json_line(object));
        }
        if terminal() && !self.follow {
            let rows: Vec<Vec<String>> =
                entries.iter().map(|entry| show::cells(entry, names).into()).collect();
            return self.output.table(&show::HEADING, &rows);
        }
        let mut text = String::new();
        if terminal() && !self.begun {
            text += &self.columns.heading();
        }
        self.begun = true;
        entries.iter().for_each(|entry| text += &self.columns.row(entry, names));
        self.output.data(text.as_bytes())
    }

    fn end(self) -> Outcome {
        if self.output.json {
            return self.output.json(serde_json::json!({ "entries": self.answer }));
        }
        Ok(())
    }
}
