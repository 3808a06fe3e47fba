//! `zms set --personal`.

use zms_core::{
    path::{ScopePath, SecretName},
    personal::PersonalValue,
    record::MAX_VALUE,
};
use zms_crypto::SecretBytes;

use super::{Args, text, value::Value};
use crate::{
    environment,
    exit::{Failure, Outcome},
    personal::{Drawer, owner_only},
    session::{Acting, Context, tell, warn_of_names},
};

/// Keeps a value for the owner, over the secret of exactly the scope that the command acts in.
pub(super) fn keep(
    context: &Context,
    args: &Args,
    acting: &mut Acting,
    (name, value): (SecretName, &Value),
) -> Outcome {
    owner_only(acting)?;
    // EXPOSE: its length only.
    if value.bytes().expose().len() > MAX_VALUE {
        return Err(Failure::usage(format!("the value of {name} is larger than 1 MiB")));
    }
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.structure(&choose).map_err(|error| acting.explain(error))?;
    let (path, vault) = (view.path().clone(), view.vault);
    drop(view);
    tell(&acting.session, context.output);
    warn_of_names(context.output, [name.as_str()]);
    let home = context.home()?;
    Drawer::new(&home, acting.session.principal(), vault).change(&acting.session, |personal| {
        personal.put(PersonalValue {
            path: path.clone(),
            name: name.clone(),
            // EXPOSE: a custody of its own, to be sealed.
            value: SecretBytes::from(value.bytes().expose().as_slice()),
            created_at: environment::now(),
        });
        Ok(())
    })?;
    // EXPOSE: whoever asked for a new value may ask to see it once.
    let made = Some(text(value.bytes())).filter(|_| args.print);
    if context.output.json {
        let mut answer = serde_json::json!({
            "name": name.as_str(), "path": path.to_string(), "personal": true,
        });
        if let Some(made) = made {
            answer["value"] = made.into();
        }
        return context.output.json(answer);
    }
    context
        .output
        .note(format!("{name} set in {path} for you on this machine alone: see `zms run`"));
    made.map_or(Ok(()), |made| context.output.line(made))
}
