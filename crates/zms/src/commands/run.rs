//! `zms run`.

mod beside;
mod select;

use std::ffi::OsString;

use zms_client::View;
use zms_core::path::ScopePath;

use self::select::{Injection, refused, select};
use crate::{
    bundle_file::Carried,
    child::{Environment, execute},
    environment,
    exit::{Exit, Failure, Outcome},
    hygiene::Inherited,
    personal::lay_over,
    server::Stale,
    session::{Context, Running, noticed},
    settings,
};

/// Run a program with its secrets in its environment
#[derive(clap::Args, Default)]
#[cfg_attr(test, derive(Debug))]
#[command(after_help = "\
Examples:
  zms run -- node server.js
  zms run -e staging --only DATABASE_URL,API_KEY -- ./migrate
  zms run --map DATABASE_URL=PGURL --preserve PORT -- psql
  zms run --bundle app.zms -- ./server
  zms run --explain          where each variable would come from
  zms run --shell 'pg_dump | gzip > dump.gz'
  zms run --watch -- node server.js
  zms run --mask -- ./deploy
  zms run --mount secrets.json --max-reads 1 -- ./server
  zms run --files /dev/shm/app -- nginx

The program takes the place of zms: same process, signals, terminal and exit code. Its arguments
are passed as typed, never through a shell unless you name one with `--shell`. ZMS_TOKEN is not
passed on. With `--watch`, `--mask`, `--mount` or `--files` zms stays beside the program, passes
every signal on, and ends as it ends: `zms help beside` tells more.")]
pub struct Args {
    /// Inject these secrets only
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    only: Vec<String>,
    /// Do not inject these secrets
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    except: Vec<String>,
    /// Put this in front of every injected name
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Inject secret A under the name B
    #[arg(long, value_delimiter = ',', value_name = "A=B")]
    map: Vec<String>,
    /// Keep these variables as they are where they are set already
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    preserve: Vec<String>,
    /// Keep every variable as it is where it is set already
    #[arg(long)]
    no_override: bool,
    /// Start from an empty environment: the secrets are all there is
    #[arg(long)]
    pristine: bool,
    /// Leave out your own values on this machine
    #[arg(long)]
    no_personal: bool,
    /// Stop unless every secret that zms.toml requires is there
    #[arg(long)]
    required: bool,
    /// Let these names through although they make programs load or trust something else
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    allow: Vec<String>,
    /// Show where each variable would come from, and run nothing
    #[arg(long, conflicts_with = "dry_run")]
    explain: bool,
    /// Show what would be injected and executed, and run nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    carried: Carried,
    #[command(flatten)]
    stale: Stale,
    /// Run this text with `sh -c`; words behind `--` are its $1, $2, ...
    #[arg(long, value_name = "TEXT")]
    shell: Option<OsString>,
    #[command(flatten)]
    beside: beside::Flags,
    /// The program and its arguments, behind `--`
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Reads, checks everything, and only then becomes the program.
pub fn run(context: &Context, args: &Args, inherited: &Inherited) -> Outcome {
    prepare_and_execute(context, args, inherited).map_err(|failure| match failure.exit {
        // What has no code of its own must not be taken for the program's.
        Exit::Other => Failure { exit: Exit::BeforeExec, ..failure },
        _ => failure,
    })
}

fn prepare_and_execute(context: &Context, args: &Args, inherited: &Inherited) -> Outcome {
    let command = args.words();
    if command.is_empty() && !args.explain && !args.dry_run {
        return Err(Failure::usage("there is no program to run")
            .hint("name it behind two dashes: `zms run -- node server.js`"));
    }
    args.beside.check()?;
    if let Some(path) = args.carried.named()?.filter(|_| args.beside.watch) {
        let why = format!("--watch waits for changes, and the bundle {} is a copy", path.display());
        return Err(Failure::usage(why).hint("unset ZMS_BUNDLE to watch the vault itself"));
    }
    // Nobody is waited for between the database and the program, unless zms stays.
    let ends = !(args.beside.any() || args.explain || args.dry_run);
    let running = Running { stale: args.stale.or_variable()?, ends };
    let mut acting = context.act_to_run(&args.carried, running)?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let mut view = acting.session.read(&choose).map_err(|error| acting.explain(error))?;
    if !args.no_personal {
        lay_over(context, &acting, &mut view)?;
    }
    let noticed = noticed(&acting.session);
    if !noticed.is_empty() && ends {
        // Whoever reads this may take its time, and nobody is kept out of the vault meanwhile.
        acting.session.let_go();
    }
    noticed.into_iter().for_each(|words| context.output.warn(words));
    if let Some(far) = &acting.far {
        far.tell(context.output);
    }
    let all = environment::all();
    let base = if args.pristine { Environment::default() } else { Environment::inherited(all) };
    if args.explain || args.dry_run {
        let injections = chosen(&view, args, &base)?;
        return show(context, args, &injections);
    }
    if args.beside.any() {
        return Err(beside::run(context, args, inherited, (acting, view, base)));
    }
    let (child, path) = ready(&chosen(&view, args, &base)?, base);
    drop(view);
    Err(execute(&command, &child, path, inherited))
}

impl Args {
    /// A program, and nothing else that is wished.
    pub fn of(command: &[OsString]) -> Self {
        Self { command: command.to_vec(), ..Self::default() }
    }

    /// What is executed.
    fn words(&self) -> Vec<OsString> {
        let Some(text) = &self.shell else { return self.command.clone() };
        let shell = ["/bin/sh", "-c"].map(OsString::from).into_iter();
        // The word that a shell calls itself by.
        shell.chain([text.clone(), "sh".into()]).chain(self.command.iter().cloned()).collect()
    }
}

/// What is injected, once all that was asked for is there.
fn chosen<'v>(view: &'v View, args: &Args, base: &Environment) -> Outcome<Vec<Injection<'v>>> {
    let injections = select(view, args, base)?;
    if args.required {
        check_required(&injections)?;
    }
    Ok(injections)
}

/// The environment with what is injected, and where the program is then looked for.
fn ready(injections: &[Injection<'_>], mut child: Environment) -> (Environment, Option<OsString>) {
    for injection in injections.iter().filter(|injection| !injection.kept) {
        // EXPOSE: the child process needs the value in its environment.
        child.set(&injection.variable, injection.value.expose());
    }
    let allowed_path = injections
        .iter()
        .find(|injection| injection.variable == "PATH" && !injection.kept)
        .map(|injection| {
            // EXPOSE: a PATH that was explicitly allowed decides which program is found.
            use std::os::unix::ffi::OsStringExt;
            OsString::from_vec(injection.value.expose().clone())
        });
    (child, allowed_path.or_else(|| environment::raw("PATH")))
}

fn check_required(injections: &[Injection<'_>]) -> Outcome {
    let Some((path, settings)) = settings::find()? else {
        return Err(Failure::usage("--required needs a zms.toml that says what is required")
            .hint("make one with `zms use`, and add [secrets.NAME] with required = true"));
    };
    let required = settings.secrets.iter().filter(|(_, declared)| declared.required);
    let missing = required
        .map(|(name, _)| name.as_str())
        .filter(|name| !injections.iter().any(|injection| injection.secret == *name));
    let missing: Vec<&str> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::not_found(format!("{} requires {}", path.display(), missing.join(", ")))
        .hint(format!("set it: `zms set {}`", missing[0])))
}

fn show(context: &Context, args: &Args, injections: &[Injection<'_>]) -> Outcome {
    let effect = |injection: &Injection<'_>| match (injection.kept, injection.shadows) {
        _ if refused(&injection.variable, args) => "stops the run: use `--map` or `--except`",
        (true, _) => "kept as it is in the environment",
        (false, true) => "replaces the inherited one",
        (false, false) => "new",
    };
    if context.output.json {
        let rows = injections.iter().map(|injection| {
            let mut row = serde_json::json!({
                "variable": injection.variable,
                "secret": injection.secret,
                "path": injection.path.to_string(),
                "revision": injection.revision,
                "injected": !injection.kept,
                "replaces_inherited": injection.shadows && !injection.kept,
            });
            if injection.personal {
                row["personal"] = true.into();
            }
            row
        });
        let command: Vec<String> =
            args.words().iter().map(|word| word.to_string_lossy().into_owned()).collect();
        return context.output.json(serde_json::json!({
            "variables": rows.collect::<Vec<_>>(), "command": command
        }));
    }
    if args.explain {
        let rows: Vec<Vec<String>> = injections
            .iter()
            .map(|injection| {
                let own = if injection.personal { " (personal)" } else { "" };
                let from = format!("{}/{}{own}", injection.path, injection.secret);
                let revision = match injection.personal {
                    true => "-".to_owned(),
                    false => injection.revision.to_string(),
                };
                vec![injection.variable.clone(), from, revision, effect(injection).to_owned()]
            })
            .collect();
        return context.output.table(&["VARIABLE", "FROM", "REVISION", "EFFECT"], &rows);
    }
    for injection in injections.iter().filter(|injection| !injection.kept) {
        context.output.line(&injection.variable)?;
    }
    let command: Vec<String> =
        args.words().iter().map(|word| word.to_string_lossy().into_owned()).collect();
    context.output.note(format!("would run: {}", command.join(" ")));
    Ok(())
}
