//! `zms audit verify`.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use serde_json::json;
use zms_client::{AuditReport, Standing};
use zms_core::audit::{Bad, Fault, Walked};

use crate::{
    audit_file::{self, Verified},
    exit::{Exit, Failure, Outcome, utc},
    files,
    session::{Acting, Context, tell},
};

/// Recompute the audit and compare it with checkpoints
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms audit verify
  zms audit verify --checkpoint audit-2026-01.note
  zms audit verify --file audit.log

Every entry is checked against the one before it, and against the checkpoint that each command of
the owner keeps beside the pins. A checkpoint that was kept elsewhere (`zms audit checkpoint`)
shows also what somebody did who could change both. A file that `--audit-to` wrote is checked
by itself, and no vault is opened for it. Exit code 6 where anything does not fit.")]
pub struct Args {
    /// A checkpoint that was kept elsewhere; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// A file that `--audit-to` wrote, instead of the vault's audit; `-` reads stdin
    #[arg(long, value_name = "FILE", conflicts_with = "checkpoint")]
    file: Option<PathBuf>,
}

/// Verifies, tells what was found, and fails where anything is bad.
pub fn run(context: &Context, args: &Args) -> Outcome {
    if let Some(path) = &args.file {
        return run_file(context, path);
    }
    let note = args.checkpoint.as_ref().map(|path| files::read(path)).transpose()?;
    let mut acting = context.act()?;
    let report = acting.session.audit_verify(note.as_ref().map(|note| note.as_slice()))?;
    tell(&acting.session, context.output);
    if context.output.json {
        context.output.json(as_json(&report))?;
    } else {
        for line in lines(&report) {
            context.output.line(&line)?;
        }
    }
    judge(context, &report, &acting)?;
    if report.kept == Standing::Absent && report.brought == Standing::Absent {
        let who = if acting.owner { "no checkpoint is kept here" } else { "a token keeps none" };
        context.output.note(format!(
            "nothing is proven, as {who}: bring one with `--checkpoint FILE`, which the owner \
             makes with `zms audit checkpoint`"
        ));
    }
    Ok(())
}

/// Verifies a file that took the entries of readers of a bundle.
fn run_file(context: &Context, path: &Path) -> Outcome {
    let Verified { vault, walked } = audit_file::verify(path)?;
    if context.output.json {
        let mut answer = chain_as_json(&walked);
        (answer["good"], answer["vault"]) = (walked.bad.is_none().into(), vault.to_string().into());
        context.output.json(answer)?;
    } else {
        context.output.line(&line("vault", vault))?;
        context.output.line(&line("entries", walked.entries))?;
        context.output.line(&line("first bad", first_bad_of(&walked)))?;
        if let Some(last) = walked.last.filter(|_| walked.bad.is_none()) {
            context.output.line(&line("last hash", hex::encode(last.hash)))?;
        }
    }
    if let Some(bad) = &walked.bad {
        let why = format!("{} does not verify: {}", path.display(), what(bad));
        return Err(Failure::new(Exit::Integrity, why)
            .hint("keep the file as it is: it shows it. `--audit-to` goes on in another one"));
    }
    context.output.note(
        "whoever can write the file can cut its end off, or make it anew: note the last hash \
         elsewhere",
    );
    Ok(())
}

/// Fails where anything in a report is bad, and says what to do.
pub fn judge(context: &Context, report: &AuditReport, acting: &Acting) -> Outcome {
    if report.is_good() {
        return Ok(());
    }
    let kept = context.home()?.checkpoint(acting.session.principal().id());
    let failure =
        |why: String| Failure::new(Exit::Integrity, format!("the audit does not verify: {why}"));
    if let Some((chain, bad)) = first_bad(report) {
        let why = failure(format!("in chain {}, {}", chain.chain, what(&bad)));
        return Err(why.hint(format!(
            "keep the database and {} as they are: they show it. Entries of reads are also lost \
             where the machine loses power within seconds; once you know why, move that file \
             away, and the next command begins anew",
            kept.display()
        )));
    }
    if let Standing::Bad(error) = &report.brought {
        return Err(failure(format!("the checkpoint that was brought {error}"))
            .hint("bring the file that `zms audit checkpoint` wrote, unchanged"));
    }
    let Standing::Bad(error) = &report.kept else { return Err(failure("for no reason".into())) };
    Err(failure(format!("the checkpoint in {} {error}", kept.display()))
        .hint("move it away: the next command of the owner begins anew"))
}

fn first_bad(report: &AuditReport) -> Option<(&Walked, Bad)> {
    report.chains.iter().find_map(|chain| Some((chain, chain.bad?)))
}

/// What is wrong at a place, in words.
fn what(bad: &Bad) -> String {
    let at = bad.time.map_or_else(String::new, |time| format!(" ({})", utc(time)));
    let seq = bad.seq;
    match bad.fault {
        Fault::Edited => format!("entry {seq}{at} was edited"),
        Fault::Missing => format!("entry {seq} is missing"),
        // In a file, whose lines have an order of their own.
        Fault::Reordered { stands_at } if stands_at == seq => {
            format!("entry {seq} is out of order: it stands further down")
        }
        Fault::Reordered { stands_at } => {
            format!("entry {seq} is out of order: it stands at {stands_at}")
        }
        Fault::Unlinked => format!(
            "entry {seq}{at} does not follow the one before: that one was made anew, or some \
             between are gone"
        ),
        Fault::Unreadable => format!("entry {seq} can not be read"),
        Fault::Remade => format!(
            "entry {seq}{at} is not the one that a checkpoint covers: the chain was made anew"
        ),
        Fault::Cut { covered } if covered == seq => {
            format!("entry {seq} is cut off: a checkpoint covers it")
        }
        Fault::Cut { covered } => {
            format!("entries {seq} to {covered} are cut off: a checkpoint covers them")
        }
    }
}

const fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Edited => "edited",
        Fault::Missing => "missing",
        Fault::Reordered { .. } => "reordered",
        Fault::Unlinked => "unlinked",
        Fault::Unreadable => "unreadable",
        Fault::Remade => "remade",
        Fault::Cut { .. } => "cut",
    }
}

fn line(what: &str, text: impl Display) -> String {
    format!("{what:<11} {text}")
}

fn first_bad_of(chain: &Walked) -> String {
    chain.bad.as_ref().map_or_else(|| "none".to_owned(), what)
}

/// The report for people.
fn lines(report: &AuditReport) -> Vec<String> {
    let mut lines = Vec::new();
    for chain in &report.chains {
        lines.push(line(&format!("chain {}", chain.chain), format!("{} entries", chain.entries)));
        lines.push(line("first bad", first_bad_of(chain)));
        let covered = [&report.kept, &report.brought].iter().any(|it| it.good().is_some());
        lines.push(line(
            "proven",
            match chain.proven {
                Some((1, to)) => format!("up to entry {to}"),
                Some((from, to)) => format!("entries {from} to {to}"),
                None if covered => "none: no checkpoint fits".to_owned(),
                None => "none: no checkpoint".to_owned(),
            },
        ));
    }
    let told = [("kept here", &report.kept), ("brought", &report.brought)];
    for (which, standing) in told.iter().filter(|(_, standing)| **standing != Standing::Absent) {
        lines.push(line(which, state(standing)));
    }
    lines
}

/// What became of a checkpoint, in words.
fn state(standing: &Standing) -> String {
    match standing {
        Standing::Absent => "no checkpoint".to_owned(),
        Standing::Good(checkpoint) => format!("a checkpoint of {}", utc(checkpoint.time)),
        Standing::Void(checkpoint) => {
            format!("a checkpoint of {}, void since the vault was restored", utc(checkpoint.time))
        }
        Standing::Bad(error) => format!("a file that {error}"),
    }
}

fn chain_as_json(chain: &Walked) -> serde_json::Value {
    json!({
        "chain": chain.chain,
        "entries": chain.entries,
        "last": chain.last.map(|last| json!({ "seq": last.seq, "hash": hex::encode(last.hash) })),
        "first_bad": chain.bad.as_ref().map(|bad| json!({
            "seq": bad.seq, "time": bad.time.map(utc), "fault": fault(bad.fault), "what": what(bad),
        })),
        "proven": chain.proven.map(|(from, to)| json!({ "from": from, "to": to })),
    })
}

/// The report for programs.
pub fn as_json(report: &AuditReport) -> serde_json::Value {
    let checkpoint = |standing: &Standing| match standing {
        Standing::Absent => json!(null),
        Standing::Good(it) => json!({ "state": "good", "time": utc(it.time) }),
        Standing::Void(it) => json!({ "state": "void", "time": utc(it.time) }),
        Standing::Bad(error) => json!({ "state": "bad", "why": error.to_string() }),
    };
    json!({
        "good": report.is_good(),
        "chains": report.chains.iter().map(chain_as_json).collect::<Vec<_>>(),
        "kept": checkpoint(&report.kept),
        "brought": checkpoint(&report.brought),
    })
}
