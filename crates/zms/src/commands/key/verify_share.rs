//! `zms key verify-share`.

use std::path::PathBuf;

use zms_core::key_file::KeyFile;
use zms_crypto::share::Share;

use crate::{
    exit::{Exit, Failure, Outcome, utc},
    home::{Home, read_private},
    prompt::Asker,
    session::Context,
    shares::{Claim, Found, Notes, Split, read, set_name, share_name},
};

/// Check shares one by one: whether they are whole, of which set, and which one each is
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms key verify-share                asks for one share
  zms key verify-share sheet-3.html

A share alone tells nothing of the key, and none of its words is shown. That it is of this vault, its
sheet says, or the note of the split that was made here; that it rebuilds the key is proven by a
drill only.")]
pub struct Args {
    /// Files with shares: sheets, or words; - for stdin. Without one, a share is asked for
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What is known of this vault without a key.
struct Known {
    notes: Notes,
    file: Option<KeyFile>,
}

/// Checks each share by itself.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home_to_make()?;
    let known = Known::of(&home);
    let mut found = Vec::new();
    for path in &args.files {
        found.extend(read(path)?);
    }
    if args.files.is_empty() {
        let nobody = || {
            Failure::usage("there is no terminal to ask on")
                .hint("name a file with a share, or - for stdin")
        };
        let share = Asker::begin().ok_or_else(nobody)?.share()?;
        let share = share.ok_or_else(|| Failure::usage("nothing was typed"))?;
        found.push(Found { share, source: "what was typed".to_owned(), claim: None });
    }
    let foreign = found.iter().any(|it| known.whose(it).is_some_and(|(ours, _)| !ours));
    if context.output.json {
        let each: Vec<_> = found.iter().map(|it| known.as_json(it)).collect();
        context.output.json(serde_json::json!({ "shares": each }))?;
    } else {
        for (at, it) in found.iter().enumerate() {
            if at > 0 {
                context.output.line("")?;
            }
            for (what, text) in known.rows(it) {
                context.output.line(&format!("{what:<9} {text}"))?;
            }
        }
    }
    if foreign {
        return Err(Failure::new(Exit::Denied, "not all of them are of this vault's key"));
    }
    Ok(())
}

impl Known {
    fn of(home: &Home) -> Self {
        let text = read_private(&home.key(), Exit::Integrity).ok().flatten();
        Self {
            notes: Notes::load(home).unwrap_or_default(),
            file: text.and_then(|text| KeyFile::parse(&text).ok()),
        }
    }

    /// The last split of that set that was made here.
    fn split(&self, share: &Share) -> Option<&Split> {
        let set = set_name(&share.parameters());
        self.notes.splits.iter().rfind(|split| split.set == set)
    }

    /// Whether it is a share of this vault's key, and who says so; `None` where nothing does.
    fn whose(&self, found: &Found) -> Option<(bool, String)> {
        let current = self.file.as_ref().map(|file| (file.vault(), file.principal()));
        if let (Some(Claim { vault, key }), Some(current)) = (found.claim, current) {
            return Some(match (vault == current.0, key == current.1) {
                (true, true) => (true, "of this vault's key, as its sheet says".to_owned()),
                (true, false) => (false, "of this vault, of a key that was replaced".to_owned()),
                (false, _) => (false, format!("of another vault, {vault}")),
            });
        }
        let split = self.split(&found.share)?;
        let on = utc(split.at);
        let now = current.map(|(_, key)| key.to_string());
        let now = now.as_ref().or_else(|| self.notes.splits.last().map(|last| &last.key));
        Some(match now == Some(&split.key) {
            true => (true, format!("of the set that was made here on {on}")),
            false => (false, format!("of a key that was replaced; its set was made here on {on}")),
        })
    }

    fn rows(&self, found: &Found) -> Vec<(&'static str, String)> {
        let share = &found.share;
        let set = share.parameters();
        let of = match self.split(share) {
            Some(split) => {
                let group = split.groups.get(usize::from(share.group_index()));
                group.map(|group| format!(" of {}", group.of)).unwrap_or_default()
            }
            None => String::new(),
        };
        let needed = share.member_threshold();
        let which = match set.group_count {
            1 => format!("{}{of}; it takes {needed}", share.member_index() + 1),
            groups => format!(
                "{}{of} in group {}; it takes {needed} of this group, and {} of {groups} groups",
                share.member_index() + 1,
                share.group_index() + 1,
                set.group_threshold,
            ),
        };
        let mut rows = vec![
            ("from", found.source.clone()),
            ("checksum", "right: all of its words are, and stand in their places".to_owned()),
            ("set", set_name(&set)),
            ("share", which),
        ];
        if let Some(Claim { vault, key }) = found.claim {
            rows.push(("vault", format!("{vault}, as its sheet says")));
            rows.push(("key", format!("{key}, as its sheet says")));
        }
        let whose = self.whose(found).map(|(_, says)| says);
        rows.push(("whose", whose.unwrap_or_else(|| "nothing at hand tells".to_owned())));
        rows
    }

    fn as_json(&self, found: &Found) -> serde_json::Value {
        let share = &found.share;
        let set = share.parameters();
        serde_json::json!({
            "from": found.source,
            "name": share_name(share),
            "set": set_name(&set),
            "share": share.member_index() + 1,
            "shares_needed": share.member_threshold(),
            "group": share.group_index() + 1,
            "groups": set.group_count,
            "groups_needed": set.group_threshold,
            "vault": found.claim.map(|claim| claim.vault.to_string()),
            "key": found.claim.map(|claim| claim.key.to_string()),
            "ours": self.whose(found).map(|(ours, _)| ours),
        })
    }
}
