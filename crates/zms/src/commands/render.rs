//! `zms render`.

mod address;
mod template;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use zms_client::View;
use zms_core::path::ScopePath;

use self::{
    address::Address,
    template::{NoText, Secret, Secrets, Text},
};
use crate::{
    exit::{Exit, Failure, Outcome},
    files, home,
    session::{Acting, Context, no_secret, tell},
    settings::PRODUCTION,
};

/// Fill secrets into a template
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms render app.conf.tmpl -o app.conf
  zms render - < values.yaml.tmpl | kubectl apply -f -

In the template:
  {{ DATABASE_URL }}                        a secret that this place sees
  {{ PORT | default(\"8080\") }}              where it may be missing
  {% if SENTRY_DSN %}...{% endif %}         a section
  {% for name, value in secrets(\"DB_\") %}   all of a prefix
  {{ secret(\"a.b-c\") }}                     any other name
  zms://shop/staging/api/API_KEY            the address of a secret, anywhere in a text
The language is that of Jinja. Nothing in a value is filled in or run, and a template reads no file.")]
pub struct Args {
    /// Template, or `-` for stdin
    template: PathBuf,
    /// File to write, for nobody else to read; without it, stdout
    #[arg(short, long)]
    out: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long, requires = "out")]
    force: bool,
}

/// Renders all of it or nothing.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let shown = shown(&args.template);
    if let Some(out) = args.out.as_deref().filter(|out| !args.force && files::exists(out)) {
        return Err(Failure::usage(format!("{} is there already", out.display()))
            .hint("add `--force` to replace it"));
    }
    let bytes = files::read(&args.template)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::usage(format!("{shown} is not UTF-8 text")))?;
    let (source, addresses) = address::find(text).map_err(|(line, why)| {
        Failure::usage(format!("{shown} line {line}: {why}"))
            .hint("an address is zms://PROJECT/ENV/NAME or zms://PROJECT/ENV/SERVICE/NAME")
    })?;
    let mut acting = context.act()?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.read(&choose).map_err(|error| acting.explain(error))?;
    let addressed = fetch(&mut acting, &view, &addresses)?;
    tell(&acting.session, context.output);
    let rendered = Text { name: &shown, source: &source }.render(secrets(&view), addressed);
    let rendered = rendered.map_err(|wrong| {
        let near = wrong.lacks.first().map(|name| {
            let there = view.merged.winners().map(|winner| winner.payload.name.as_str());
            no_secret(name, view.path(), there)
        });
        match near {
            Some(near) => Failure { message: format!("{wrong}: {}", near.message), ..near },
            None if wrong.missing => Failure::not_found(wrong),
            None => Failure::usage(wrong),
        }
    })?;
    let Some(out) = &args.out else { return context.output.data(rendered.as_bytes()) };
    write(out, &rendered, args.force)?;
    context.output.note(format!("{} written, for nobody else to read", out.display()));
    Ok(())
}

fn shown(template: &Path) -> String {
    if template == Path::new("-") { "stdin".to_owned() } else { template.display().to_string() }
}

/// What a place sees, by name: the text, or why there is none.
fn secrets(view: &View) -> Secrets {
    let mut secrets = BTreeMap::new();
    for winner in view.merged.winners() {
        let name = winner.payload.name.to_string();
        secrets.insert(name.clone(), value(view, &name));
    }
    Secrets(secrets)
}

fn value(view: &View, name: &str) -> Secret {
    let winner = view.merged.winner(name);
    let winner = winner
        .ok_or_else(|| NoText::Missing(format!("there is no secret {name} in {}", view.path())))?;
    let payload = view.merged.resolve(winner, view.now);
    let payload = payload.map_err(|why| NoText::Unreadable(why.to_string()))?;
    // EXPOSE: the template asks for it.
    let text = std::str::from_utf8(payload.value.expose());
    text.map(str::to_owned)
        .map_err(|_| NoText::Unreadable(format!("the value of {name} is not text")))
}

/// What stands at the addresses, each place read once.
fn fetch(acting: &mut Acting, here: &View, addresses: &[Address]) -> Outcome<Vec<Secret>> {
    let mut views: BTreeMap<ScopePath, View> = BTreeMap::new();
    for address in addresses {
        let path = &address.path;
        if views.contains_key(path) {
            continue;
        }
        allowed(acting, here.path(), address)?;
        let view = acting.session.read(&|_| Ok(path.clone()));
        views.insert(path.clone(), view.map_err(|error| acting.explain(error))?);
    }
    Ok(addresses.iter().map(|address| value(&views[&address.path], &address.name)).collect())
}

/// A file of the working folder does not make an owner read production: whoever wrote it may be
/// anybody. A token's scope is its own limit.
fn allowed(acting: &Acting, here: &ScopePath, address: &Address) -> Outcome {
    let production = |path: &ScopePath| {
        path.segments().get(1).is_some_and(|environment| environment.as_str() == PRODUCTION)
    };
    if !acting.owner || !production(&address.path) || production(here) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        format!("the template names {}, and a file may not choose production", address.path),
    )
    .hint("name it where you mean it: `-e production`, ZMS_ENV, or a token for it"))
}

fn write(out: &Path, text: &str, force: bool) -> Outcome {
    let written =
        if force { home::replace_private(out, text) } else { home::create_private(out, text) };
    written.map_err(|error| home::trouble(&error, format!("{} can not be written", out.display())))
}
