//! A full rotation as a command: foretold, confirmed, carried out, and its tokens shown once.

mod handover;

use std::{cell::Cell, path::PathBuf};

use zms_client::SessionError;
use zms_core::{
    change::{
        ChangeError,
        rekey::Spoiled,
        renew::{Renewal, Renewing},
    },
    id::PrincipalId,
};

use self::handover::{Keeper, hand_over, refuse_taken};
pub use self::handover::{finish, refuse_waiting, waits};
use crate::{
    environment,
    exit::{Failure, Outcome},
    files,
    master_key::promote,
    output::{Progress, shown},
    personal::Drawer,
    prompt,
    session::{Acting, Context, tell},
    shares::{self, Delivered, Handout, Wanted},
};

/// Why one takes this, and not only a new key.
pub const WHY: &str = "\
It takes this where an old key and a copy of the database may be in the same hands, or where an \
administrator leaves: whoever has had both has the vault key, and with it every token's. Where only \
the key may have leaked, `zms key rotate` is enough, and tokens stay as they are";

/// What is wanted of it.
pub struct Order<'o> {
    /// Members that get no new seed.
    pub leaving: &'o [PrincipalId],
    /// Whether everything could be read by somebody who should not.
    pub leaked: bool,
    /// Whether what can not be read is left out.
    pub leave_out: bool,
    /// A new file for the new tokens, instead of stdout.
    pub out: Option<&'o PathBuf>,
    /// The shares that a new key has which is in its shares alone.
    pub wanted: &'o Wanted,
    /// Show what would happen, and change nothing.
    pub dry_run: bool,
    /// Asked first.
    pub question: &'o str,
    /// Typed to confirm.
    pub word: &'o str,
}

impl Order<'_> {
    const fn renewing(&self) -> Renewing<'_> {
        let spoiled = if self.leave_out { Spoiled::LeaveOut } else { Spoiled::Report };
        Renewing { leaving: self.leaving, spoiled }
    }
}

/// Carries it out. The new key and the new tokens are on the disk before the vault learns of them,
/// and the tokens stay there, sealed, until they were shown. A new key without a file is in somebody's
/// hands by then, in its shares.
pub fn carry_out(context: &Context, acting: &mut Acting, order: &Order<'_>) -> Outcome {
    let home = context.home()?;
    if let Some(path) = order.out.filter(|path| files::exists(path)) {
        return Err(Failure::usage(format!("{} is there already", path.display()))
            .hint("name a file that is not there: tokens are never written over something"));
    }
    let mut handout = Handout::plan(order.wanted, context.output)?;
    Keeper::check(&home, acting, handout.as_ref(), context.output)?;
    refuse_taken(&home, acting)?;
    if order.dry_run {
        return foretell(context, acting, order, handout.as_ref());
    }
    prompt::typed(order.question, order.word, context.yes)?;
    home.make()?;
    let keeper = Keeper::of(&home, acting, handout.is_some())?;
    let old = Some(acting.session.principal().duplicate()).filter(|_| acting.owner);
    let lock = home.lock()?;
    refuse_taken(&home, acting)?;
    let progress = Cell::new(Some(Progress::spinner("giving everything new keys")));
    let mut scopes = 0;
    let mut told = || {
        scopes += 1;
        let drawn = progress.take();
        drawn.iter().for_each(|drawn| drawn.at(scopes));
        progress.set(drawn);
    };
    let renewed = acting.session.renew_vault(order.renewing(), order.leaked, &mut told, |made| {
        let heir = &made.own.principal;
        if let Some(old) = &old {
            Drawer::new(&home, old, made.vault).hand_on(heir)?;
        }
        keeper.keep(&home, made)?;
        if let Some(handout) = &mut handout {
            // Whoever is asked for something sees nothing drawn.
            drop(progress.take());
            handout.hand_over(&home, made.vault, heir, context.output, &|json| json)?;
        }
        Ok(())
    });
    drop(progress);
    let renewal = match renewed {
        Ok(renewal) => renewal,
        Err(error) => {
            let perhaps = shares::perhaps(&error);
            let failure = explain(acting, error);
            return Err(match handout {
                Some(handout) => handout.fails(&home, perhaps, failure),
                None => failure,
            });
        }
    };
    let delivered = match (&old, handout) {
        (Some(old), Some(handout)) => Some(handout.replaces(&home, old.id(), context.output)?),
        (Some(old), None) => {
            promote(&home)?;
            files::wipe(&home.personal(old.id()))?;
            None
        }
        (None, _) => None,
    };
    drop(lock);
    tell(&acting.session, context.output);
    if let Some(delivered) = &delivered {
        delivered.note(&home, context.output);
    }
    if !context.output.json {
        say(context, order, &renewal, acting.owner.then(|| home.key()), delivered.as_ref());
    }
    let Renewal { own, mut heirs, left, scopes, records, .. } = renewal;
    if !acting.owner {
        heirs.insert(0, own);
    }
    let left: Vec<String> = left.iter().map(ToString::to_string).collect();
    let mut done = serde_json::json!({ "scopes": scopes, "secrets": records, "left": left });
    if let Some(delivered) = &delivered {
        done["shares"] = delivered.as_json();
    }
    hand_over(context, &home, &heirs, done, order.out)
}

fn say(
    context: &Context,
    order: &Order<'_>,
    renewal: &Renewal,
    key: Option<PathBuf>,
    delivered: Option<&Delivered>,
) {
    let counted = counted(renewal);
    context.output.note(format!("new keys for {counted}; every old key and token opens nothing"));
    for gone in &renewal.left {
        context.output.note(format!("{gone} is out, and got no new token"));
    }
    match (delivered, key) {
        (Some(delivered), _) => {
            delivered.say(context.output);
            context.output.note(
                "The new key is in these shares alone: older ones open nothing any more. `zms \
                 unlock` takes the new ones",
            );
        }
        (None, Some(key)) => context.output.note(format!(
            "{} holds a new key. Make a new copy of it for a safe place: copies and shares of the \
             old one are void",
            key.display()
        )),
        (None, None) => {}
    }
    if order.leaked {
        context.output.note(
            "Whatever could be read must be changed at its source: `zms exposure` keeps the list",
        );
    }
}

fn counted(renewal: &Renewal) -> String {
    let plural = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    };
    format!("{} and {}", plural(renewal.scopes, "scope"), plural(renewal.records, "secret"))
}

/// What would happen. All of it is prepared and thrown away, so nothing that would stop it is
/// passed over.
fn foretell(
    context: &Context,
    acting: &mut Acting,
    order: &Order<'_>,
    handout: Option<&Handout>,
) -> Outcome {
    let took = environment::stopwatch();
    let progress = Progress::spinner("sealing everything anew, to see how long it takes");
    let renewal = acting.session.renewal(order.renewing(), &mut || {});
    drop(progress);
    let renewal = renewal.map_err(|error| explain(acting, error))?;
    let seconds = took().as_secs();
    tell(&acting.session, context.output);
    let name = |label: &zms_core::path::Segment| label.to_string();
    let tokens: Vec<String> = renewal.heirs.iter().map(|heir| name(&heir.label)).collect();
    let left: Vec<String> = renewal.left.iter().map(name).collect();
    if context.output.json {
        return context.output.json(serde_json::json!({
            "would_renew": {
                "scopes": renewal.scopes, "secrets": renewal.records, "tokens": tokens,
                "left": left, "seconds": seconds,
            }
        }));
    }
    let long = match seconds {
        0 => "in less than a second".to_owned(),
        1 => "in about a second".to_owned(),
        _ => format!("in about {seconds} seconds"),
    };
    context.output.note(WHY);
    context.output.note(format!("{} would be sealed anew, {long}", counted(&renewal)));
    for gone in &left {
        context.output.note(format!("{gone} would be out, without a new token"));
    }
    if let Some(handout) = handout {
        context.output.note(handout.planned());
    }
    match (acting.owner, tokens.is_empty()) {
        (true, true) => context.output.note("the master key would be replaced; no token is there"),
        (true, false) => context.output.note(
            "the master key would be replaced, and so would these, whose holders need the new ones:",
        ),
        (false, _) => context.output.note(
            "this token would be replaced, and so would these, whose holders need the new ones:",
        ),
    }
    tokens.iter().try_for_each(|name| context.output.line(&shown(name)))
}

fn explain(acting: &mut Acting, error: SessionError) -> Failure {
    let junk = matches!(error, SessionError::Change(ChangeError::Junk(_)));
    let failure = acting.explain(error);
    if !junk {
        return failure;
    }
    failure.hint(
        "look at the list; `--leave-out-unreadable` goes on without it: a scope on the list is \
         closed with all that is in it",
    )
}
