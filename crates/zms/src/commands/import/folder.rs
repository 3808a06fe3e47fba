//! A folder's `.env` files, and those below it, into environments and services: one commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use zms_core::{
    change::{import::Landing, plant::Seedling},
    path::{ScopePath, SecretName, Segment},
};
use zms_format::{Expected, MAX_SECRETS};

use super::{
    Args,
    afterwards::{leave, verify},
    counted,
    effect::{Conflict, Effect, payload},
    original::Original,
    places::{Named, named, service},
    source::{Secrets, Source},
};
use crate::{
    exit::{Failure, Outcome},
    files,
    output::Progress,
    place::new_name,
    prompt,
    session::{Acting, Context, tell, warn_of_names},
    settings::PRODUCTION,
};

/// Most files of one import.
const MAX_FILES: usize = 1000;
/// Most bytes of all of them, which are kept until they are in the vault.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// A scope that gets secrets.
#[derive(Default)]
struct Target {
    /// Whether the scope is there already.
    there: bool,
    /// What it gets: of two files for it, the local one's.
    secrets: Secrets,
    effect: Effect,
}

/// A file that was read, and what it had.
struct Taken {
    original: Original,
    path: ScopePath,
    names: Vec<SecretName>,
}

/// What is to be done.
struct Plan {
    /// Which file goes where.
    files: Vec<Taken>,
    /// What is left out, and why.
    left_out: Vec<(PathBuf, &'static str)>,
    targets: BTreeMap<ScopePath, Target>,
}

/// Shows which file goes where, has it confirmed, and writes all of it or nothing.
pub(super) fn run(context: &Context, args: &Args) -> Outcome {
    let mut acting = context.act()?;
    let own = acting.session.own()?;
    let full = own.scopes.into_iter().filter(|(_, right)| *right > zms_core::roster::Right::Exact);
    let held: Vec<ScopePath> = full.map(|(path, _)| path).collect();
    let base = acting.place.choose(&held)?;
    if base.segments().len() != 2 {
        return Err(Failure::usage(format!(
            "the files of a folder go into an environment and its services, not into {base}"
        ))
        .hint("choose the environment of `.env` with `-p` and `-e`, and no service"));
    }
    let mut plan = find(context, args, &base)?;
    if plan.files.is_empty() {
        return Err(Failure::not_found(format!(
            "there is no .env file to import in {} or below it",
            args.file.display()
        )));
    }
    look(&mut acting, &mut plan)?;
    if !context.output.json {
        tell_plan(context, &plan);
    }
    let conflict = confirmed(context, args, &mut acting, &plan)?;
    for target in plan.targets.values_mut() {
        target.effect.settle(conflict, args.dry_run)?;
    }
    let written = if args.dry_run { 0 } else { write(&mut acting, &mut plan, conflict)? };
    tell(&acting.session, context.output);
    say(context, args, &plan, written)?;
    let names: BTreeSet<&str> =
        plan.targets.values().flat_map(|it| it.secrets.keys().map(|name| name.as_str())).collect();
    warn_of_names(context.output, names);
    if args.dry_run {
        return Ok(());
    }
    let progress = Progress::spinner("reading everything back");
    for (path, target) in &plan.targets {
        verify(&mut acting, path, &target.secrets, &target.effect)?;
    }
    drop(progress);
    for taken in &mut plan.files {
        taken.original.kept(taken.names.iter(), &plan.targets[&taken.path].effect);
    }
    let changed = plan.targets.values().any(|target| !target.effect.changed().is_empty());
    let files: Vec<Original> = plan.files.into_iter().map(|taken| taken.original).collect();
    leave(context, args, &files, changed)
}

/// Finds and reads the files. A mistake in any of them ends it.
fn find(context: &Context, args: &Args, base: &ScopePath) -> Outcome<Plan> {
    let mut plan = Plan { files: vec![], left_out: vec![], targets: BTreeMap::new() };
    let mut found = Vec::new();
    let (all, links) = files::below(&args.file, |name| named(name) != Named::Other)?;
    let named_production =
        args.production || base.segments().last().is_some_and(|name| name.as_str() == PRODUCTION);
    let here = Path::new(".");
    let plain = |file: PathBuf| file.strip_prefix(here).map(Path::to_owned).unwrap_or(file);
    let linked = links.into_iter().map(|link| (plain(link), "it is a link to another file"));
    plan.left_out.extend(linked);
    for file in all.into_iter().map(plain) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match named(&name) {
            Named::Other => {}
            Named::LeftOut(why) => plan.left_out.push((file, why)),
            Named::Env { environment, .. }
                if environment.as_deref() == Some(PRODUCTION) && !named_production =>
            {
                let why = "production is only written where it is named: add --production";
                plan.left_out.push((file, why));
            }
            Named::Env { environment, local } => {
                let top = args.file.strip_prefix(here).unwrap_or(&args.file);
                let folder = file.strip_prefix(top).ok().and_then(Path::parent);
                let folder = folder.unwrap_or(Path::new("")).to_owned();
                let path = place(base, environment.as_deref(), service(&folder)?)?;
                found.push((path, local, folder, file));
            }
        }
    }
    if found.len() > MAX_FILES {
        return Err(Failure::usage(format!("there are more than {MAX_FILES} files to import"))
            .hint("import a folder further down"));
    }
    // What is for one machine comes last, and stands over what is for all.
    found.sort();
    let mut folders: BTreeMap<ScopePath, PathBuf> = BTreeMap::new();
    let (mut total, mut bytes, mut texts) = (0, 0, Vec::new());
    for (path, local, folder, file) in found {
        if let Some(other) = folders.insert(path.clone(), folder.clone())
            && other != folder
        {
            let (other, folder) = (other.display(), folder.display());
            return Err(Failure::usage(format!("{other} and {folder} would both be {path}"))
                .hint("import one of them by itself, with `-s NAME`"));
        }
        let Some(text) = files::read_found(&file)? else {
            plan.left_out.push((file, "it is no regular file"));
            continue;
        };
        bytes += text.len();
        if bytes > MAX_BYTES {
            return Err(Failure::usage("the files to import are larger than 256 MiB together")
                .hint("import a folder further down, or its files one by one"));
        }
        texts.push((path, local, file, text));
    }
    for (path, local, file, text) in texts {
        let source = Source::of(&file, text, Expected::Anything, context.output)?;
        total += source.secrets.len();
        if total > MAX_SECRETS {
            return Err(Failure::usage("the files hold more than 100000 secrets")
                .hint("import a folder further down"));
        }
        let names = source.secrets.keys().cloned().collect();
        let target = plan.targets.entry(path.clone()).or_default();
        for (name, secret) in source.secrets {
            let Some(old) = target.secrets.insert(name.clone(), secret) else { continue };
            let over = if local { "the one for all" } else { "another file's" };
            let file = file.display();
            context.output.note(format!("{name} of {file} stands over {over}"));
            // EXPOSE: compared with the one that stands over it, so that no value is lost unsaid.
            if old.entry.value.expose() != target.secrets[&name].entry.value.expose() {
                let before = plan.files.iter_mut().filter(|taken| taken.path == path);
                for taken in before.filter(|taken| taken.names.binary_search(&name).is_ok()) {
                    taken.original.lacks(name.as_str(), &format!("{file} stands over it"));
                }
            }
        }
        plan.files.push(Taken { original: source.original, path, names });
    }
    Ok(plan)
}

/// The scope of an environment's or a service's file.
fn place(
    base: &ScopePath,
    environment: Option<&str>,
    service: Option<Segment>,
) -> Outcome<ScopePath> {
    let [project, own] = base.segments() else {
        return Err(Failure::usage(format!("{base} is no environment")));
    };
    let environment = match environment {
        Some(name) => new_name("environment", &name.to_lowercase())?,
        None => own.clone(),
    };
    let path = [project.clone(), environment].into_iter().chain(service);
    ScopePath::new(path.collect()).map_err(Failure::usage)
}

/// Which scopes are there, and what would happen to their secrets.
fn look(acting: &mut Acting, plan: &mut Plan) -> Outcome {
    let mut known: BTreeMap<ScopePath, BTreeSet<Segment>> = BTreeMap::new();
    for (path, target) in &mut plan.targets {
        target.there = is_there(acting, &mut known, path)?;
        if !target.there {
            target.effect = Effect::all_new(&target.secrets);
        }
    }
    let there: Vec<ScopePath> = there(plan);
    let looked = acting.session.import(&there, |scopes| {
        for scope in scopes {
            if let Some(target) = plan.targets.get_mut(&scope.path) {
                target.effect = Effect::of(scope, &target.secrets)?;
            }
        }
        Ok(scopes.iter().map(|_| nothing()).collect())
    });
    looked.map(drop).map_err(|error| acting.explain(error))
}

fn there(plan: &Plan) -> Vec<ScopePath> {
    let there = plan.targets.iter().filter(|(_, target)| target.there);
    there.map(|(path, _)| path.clone()).collect()
}

fn nothing() -> Landing {
    Landing { edits: Vec::new(), seedlings: Vec::new() }
}

/// Whether a scope is there, asked level by level and of each parent once.
fn is_there(
    acting: &mut Acting,
    known: &mut BTreeMap<ScopePath, BTreeSet<Segment>>,
    path: &ScopePath,
) -> Outcome<bool> {
    for depth in 1..path.segments().len() {
        let parent = ScopePath::new(path.segments()[..depth].to_vec()).map_err(Failure::usage)?;
        if !known.contains_key(&parent) {
            let names = acting.session.children(&parent);
            let names = names.map_err(|error| acting.explain(error))?;
            known.insert(parent.clone(), names.into_iter().collect());
        }
        if !known[&parent].contains(&path.segments()[depth]) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn tell_plan(context: &Context, plan: &Plan) {
    for Taken { original, path, names } in &plan.files {
        let new = if plan.targets[path].there { "" } else { ", to be made" };
        let secrets = counted(names.len());
        context.output.note(format!("{} -> {path} ({secrets}{new})", original.file.display()));
    }
    for (file, why) in &plan.left_out {
        context.output.warn(format!("{} is left out: {why}", file.display()));
    }
}

/// Has the plan confirmed, protected environments by their names, and conflicts decided.
fn confirmed(
    context: &Context,
    args: &Args,
    acting: &mut Acting,
    plan: &Plan,
) -> Outcome<Conflict> {
    let asked = args.on_conflict;
    if args.dry_run {
        return Ok(asked.unwrap_or(Conflict::Replace));
    }
    if !context.yes {
        if !prompt::possible() {
            return Err(Failure::usage(
                "that needs to be confirmed, and there is no terminal to ask on",
            )
            .hint("look at it with `--dry-run`, then add `--yes`"));
        }
        if !prompt::yes("Import them so?")? {
            return Err(Failure::other("not confirmed; nothing was changed"));
        }
        for path in there(plan) {
            acting.confirm(context, &path)?;
        }
    }
    let changed = plan.targets.iter().flat_map(|(path, target)| {
        target.effect.changed().iter().map(move |name| format!("{name} in {path}"))
    });
    let changed: Vec<String> = changed.collect();
    match asked {
        Some(conflict) => Ok(conflict),
        None if Conflict::is_asked(context) => Conflict::ask(context, &changed),
        None => Ok(Conflict::Replace),
    }
}

/// Writes everything in one commit, and gives how many scopes were written or made.
fn write(acting: &mut Acting, plan: &mut Plan, conflict: Conflict) -> Outcome<usize> {
    let secrets = plan.targets.values().map(|target| target.secrets.len()).sum();
    let _progress = Progress::spinner(&format!("importing {}", counted(secrets)));
    let mut paths: BTreeSet<ScopePath> = there(plan).into_iter().collect();
    // What is to be made hangs below the nearest scope that is there.
    for path in plan.targets.iter().filter(|(_, target)| !target.there).map(|(path, _)| path) {
        let roots = (1..path.segments().len()).rev();
        let above = |depth: usize| ScopePath::new(path.segments()[..depth].to_vec()).ok();
        let mut above = roots.filter_map(above);
        let exists = |path: &ScopePath| {
            path.segments().len() == 1 || acting.session.structure(&|_| Ok(path.clone())).is_ok()
        };
        paths.extend(above.find(exists));
    }
    let paths: Vec<ScopePath> = paths.into_iter().collect();
    let written = acting.session.import(&paths, |scopes| {
        let mut landings = Vec::new();
        for scope in scopes {
            let mut landing = nothing();
            if let Some(target) = plan.targets.get_mut(&scope.path) {
                target.effect = Effect::of(scope, &target.secrets)?;
                target.effect.settle(conflict, false)?;
                landing.edits = target.effect.edits(scope, &target.secrets)?;
            }
            landing.seedlings = seedlings(plan, &scope.path, &paths)?;
            landings.push(landing);
        }
        Ok(landings)
    });
    written.map_err(|error| acting.explain(error))?;
    Ok(plan.targets.values().filter(|it| !it.there || it.effect.writes()).count())
}

/// The scopes to be made right below one that is there, with those below them.
fn seedlings(plan: &Plan, parent: &ScopePath, there: &[ScopePath]) -> Outcome<Vec<Seedling>> {
    let depth = parent.segments().len();
    let missing =
        plan.targets.iter().filter(|(path, target)| !target.there && parent.is_prefix_of(path));
    let mut children: BTreeMap<Segment, Seedling> = BTreeMap::new();
    for (path, target) in missing {
        let name = path.segments()[depth].clone();
        let below = parent.child(name.clone()).map_err(Failure::usage)?;
        // It hangs below a nearer one.
        if there.contains(&below) {
            continue;
        }
        let child = children.entry(name.clone()).or_insert_with(|| Seedling::bare(name, vec![]));
        let records = target.secrets.iter().map(|(name, secret)| payload(name, secret, None));
        match path.segments().get(depth + 1) {
            None => child.records = records.collect(),
            Some(service) => child.children.push(Seedling {
                records: records.collect(),
                ..Seedling::bare(service.clone(), Vec::new())
            }),
        }
    }
    Ok(children.into_values().collect())
}

fn say(context: &Context, args: &Args, plan: &Plan, written: usize) -> Outcome {
    let output = context.output;
    if output.json {
        let files = plan.files.iter().map(|Taken { original, path, names }| {
            serde_json::json!({
                "file": original.file.display().to_string(), "path": path.to_string(),
                "secrets": names.len(),
            })
        });
        let left_out = plan.left_out.iter().map(
            |(file, why)| serde_json::json!({ "file": file.display().to_string(), "why": why }),
        );
        let places = plan.targets.iter().map(|(path, target)| {
            let mut place = target.effect.json(path);
            place["made"] = (!target.there).into();
            place
        });
        return output.json(serde_json::json!({
            "files": files.collect::<Vec<_>>(), "left_out": left_out.collect::<Vec<_>>(),
            "places": places.collect::<Vec<_>>(), "dry_run": args.dry_run,
        }));
    }
    if args.dry_run {
        let rows = plan.targets.iter().flat_map(|(path, target)| {
            target.effect.rows().into_iter().map(move |row| [row, vec![path.to_string()]].concat())
        });
        output.table(&["EFFECT", "NAME", "IN"], &rows.collect::<Vec<_>>())?;
    }
    let verb = if args.dry_run { "would go" } else { "imported" };
    for (path, target) in &plan.targets {
        let (total, counts) = (counted(target.effect.total()), target.effect.counts());
        output.note(format!("{total} {verb} into {path} ({counts})"));
    }
    if !args.dry_run {
        let places = if written == 1 { "1 place".to_owned() } else { format!("{written} places") };
        output.note(format!("{places} written, in one commit"));
    }
    Ok(())
}
