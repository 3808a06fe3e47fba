//! `zms render`.

mod address;
mod template;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;
use zms_client::View;
use zms_core::{path::ScopePath, record::Payload};

use self::{
    address::Address,
    template::{NoText, Secret, Secrets, Text, Wrong},
};
use crate::{
    exit::{Exit, Failure, Outcome},
    files, home,
    session::{Acting, Context, no_secret, tell},
    settings::PRODUCTION,
};

/// What to do with a file that is no template.
const NO_TEMPLATE: &str = "a file that is no template is filled in with `--addresses`";

/// Fill secrets into a template, or into any file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms render app.conf.tmpl -o app.conf
  zms render - < values.yaml.tmpl | kubectl apply -f -
  zms render --addresses deploy.sh -o /dev/shm/deploy.sh

In the template:
  {{ DATABASE_URL }}                        a secret that this place sees
  {{ PORT | default(\"8080\") }}              where it may be missing
  {% if SENTRY_DSN %}...{% endif %}         a section
  {% for name, value in secrets(\"DB_\") %}   all of a prefix
  {{ secret(\"a.b-c\") }}                     any other name
  zms://shop/staging/api/API_KEY            the address of a secret, anywhere in a text
  {# a comment #}                           that begins so, and names no address
The language is that of Jinja. Nothing in a value is filled in or run, and a template reads no file.

With --addresses the file is no template: only zms:// addresses are filled in, and every other byte
stays as it is, such as `${#1}` of a shell or `{{ .Values.x }}` of Helm. Without it these are
refused, or would be left out.")]
pub struct Args {
    /// Template or other file, or `-` for stdin
    template: PathBuf,
    /// Fill in zms:// addresses only, and keep every other byte: for a file that is no template
    #[arg(long)]
    addresses: bool,
    /// File to write, for nobody else to read; without it, stdout
    #[arg(short, long)]
    out: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long, requires = "out")]
    force: bool,
}

/// A file as it was read.
enum Source<'b> {
    Template(String),
    /// Any file: what stands before, between and behind its addresses.
    Pieces(Vec<&'b [u8]>),
}

/// Renders all of it or nothing.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let shown = shown(&args.template);
    if let Some(out) = args.out.as_deref().filter(|out| !args.force && files::exists(out)) {
        return Err(Failure::usage(format!("{} is there already", out.display()))
            .hint("add `--force` to replace it"));
    }
    let bytes = files::read(&args.template)?;
    let (source, addresses) = read(&shown, &bytes, args.addresses)?;
    let mut acting = context.act()?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.read(&choose).map_err(|error| acting.explain(error))?;
    let views = fetch(&mut acting, &view, &addresses)?;
    tell(&acting.session, context.output);
    let rendered = match source {
        Source::Pieces(pieces) => fill(&shown, &pieces, &addresses, &views)?,
        Source::Template(source) => {
            let addressed = addresses.iter().map(|it| text(&views[&it.path], &it.name)).collect();
            let text = Text { name: &shown, source: &source };
            let rendered = text.render(secrets(&view), addressed);
            let mut rendered = rendered.map_err(|wrong| refuse(&view, wrong))?;
            Zeroizing::new(std::mem::take(&mut *rendered).into_bytes())
        }
    };
    let Some(out) = &args.out else { return context.output.data(&rendered) };
    write(out, &rendered, args.force)?;
    context.output.note(format!("{} written, for nobody else to read", out.display()));
    Ok(())
}

/// Finds the addresses.
fn read<'b>(
    shown: &str,
    bytes: &'b [u8],
    addresses_only: bool,
) -> Outcome<(Source<'b>, Vec<Address>)> {
    let found = if addresses_only {
        address::split(bytes).map(|(pieces, addresses)| (Source::Pieces(pieces), addresses))
    } else {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Failure::usage(format!("{shown} is not UTF-8 text")).hint(NO_TEMPLATE))?;
        address::find(text).map(|(source, addresses)| (Source::Template(source), addresses))
    };
    found.map_err(|refused| {
        Failure::usage(format!("{shown} line {}: {}", refused.line, refused.why)).hint(refused.hint)
    })
}

/// What to say of a template that can not be rendered.
fn refuse(view: &View, wrong: Wrong) -> Failure {
    let near = wrong.lacks.first().map(|name| {
        let there = view.merged.winners().map(|winner| winner.payload.name.as_str());
        no_secret(name, view.path(), there)
    });
    match near {
        Some(near) => Failure { message: format!("{wrong}: {}", near.message), ..near },
        None if wrong.missing => Failure::not_found(wrong),
        None if wrong.syntax => Failure::usage(wrong).hint(NO_TEMPLATE),
        None => Failure::usage(wrong),
    }
}

/// Puts the values where the addresses stand, byte for byte.
fn fill(
    shown: &str,
    pieces: &[&[u8]],
    addresses: &[Address],
    views: &BTreeMap<ScopePath, View>,
) -> Outcome<Zeroizing<Vec<u8>>> {
    let mut parts = vec![pieces[0]];
    for (at, address) in addresses.iter().enumerate() {
        let payload = payload(&views[&address.path], &address.name).map_err(|why| {
            let before = pieces[..=at].iter().flat_map(|piece| piece.iter());
            let line = 1 + before.filter(|byte| **byte == b'\n').count();
            match why {
                NoText::Missing(why) => Failure::not_found(format!("{shown} line {line}: {why}")),
                NoText::Unreadable(why) => Failure::usage(format!("{shown} line {line}: {why}")),
            }
        })?;
        // EXPOSE: the file asks for it.
        parts.extend([&payload.value.expose()[..], pieces[at + 1]]);
    }
    // Of one piece, so that no copy of a value is left where it grew.
    let mut filled = Zeroizing::new(Vec::with_capacity(parts.iter().map(|it| it.len()).sum()));
    parts.iter().for_each(|part| filled.extend_from_slice(part));
    Ok(filled)
}

fn shown(template: &Path) -> String {
    if template == Path::new("-") { "stdin".to_owned() } else { template.display().to_string() }
}

/// What a place sees, by name: the text, or why there is none.
fn secrets(view: &View) -> Secrets {
    let mut secrets = BTreeMap::new();
    for winner in view.merged.winners() {
        let name = winner.payload.name.to_string();
        secrets.insert(name.clone(), text(view, &name));
    }
    Secrets(secrets)
}

fn text(view: &View, name: &str) -> Secret {
    // EXPOSE: the template asks for it.
    let text = std::str::from_utf8(payload(view, name)?.value.expose());
    text.map(str::to_owned)
        .map_err(|_| NoText::Unreadable(format!("the value of {name} is not text")))
}

fn payload<'v>(view: &'v View, name: &str) -> Result<&'v Payload, NoText> {
    let winner = view.merged.winner(name);
    let winner = winner
        .ok_or_else(|| NoText::Missing(format!("there is no secret {name} in {}", view.path())))?;
    let payload = view.merged.resolve(winner, view.now);
    payload.map_err(|why| NoText::Unreadable(why.to_string()))
}

/// What the places of the addresses see, each read once.
fn fetch(
    acting: &mut Acting,
    here: &View,
    addresses: &[Address],
) -> Outcome<BTreeMap<ScopePath, View>> {
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
    Ok(views)
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

fn write(out: &Path, text: &[u8], force: bool) -> Outcome {
    let written =
        if force { home::replace_private(out, text) } else { home::create_private(out, text) };
    written.map_err(|error| home::trouble(&error, format!("{} can not be written", out.display())))
}
