//! Hands shares over: as sheets, one by one on the terminal, or all at once where that is asked for.

use std::path::{Path, PathBuf};

use super::{
    Notes, read,
    set::{Member, Set},
    sheet,
    wanted::Wanted,
};
use crate::{
    exit::{Failure, Outcome},
    files,
    home::Home,
    output::Output,
    prompt,
};

/// Where shares go. What can not be done is found out before there are any.
pub enum Delivery {
    /// A page each into a folder, or all into one file there.
    Sheets {
        /// The folder.
        folder: PathBuf,
        /// Whether all go into one file.
        one: bool,
    },
    /// One after the other to whoever sits at the terminal.
    Terminal,
    /// All of them to stdout.
    Print,
}

/// What programs are told around a set.
pub type Frame<'a> = &'a dyn Fn(serde_json::Value) -> serde_json::Value;

/// What was handed over.
pub struct Delivered {
    set: Set,
    files: Vec<PathBuf>,
    /// Whether programs were told already.
    told: bool,
}

impl Delivery {
    /// As the flags say, where that is possible.
    pub fn plan(wanted: &Wanted, output: Output) -> Outcome<Self> {
        let one = wanted.all_in_one;
        match &wanted.sheets {
            Some(folder) => Ok(Self::Sheets { folder: folder.clone(), one }),
            None if one => Ok(Self::Print),
            None if output.json || !prompt::possible() => Err(Failure::usage(
                "shares are shown one by one, and there is no terminal to show them on",
            )
            .hint("`--sheets DIR` writes a page for each, `--all-in-one` prints all of them")),
            None => Ok(Self::Terminal),
        }
    }

    /// What would happen, in words.
    pub fn planned(&self) -> String {
        match self {
            Self::Sheets { folder, one: true } => {
                format!("all of them would be written into one file in {}", folder.display())
            }
            Self::Sheets { folder, one: false } => {
                format!("a page for each would be written into {}", folder.display())
            }
            Self::Terminal => "they would be shown one by one".to_owned(),
            Self::Print => "all of them would be printed".to_owned(),
        }
    }

    /// Hands a set over: it is with whoever asked for it when this returns. Where that fails, nothing
    /// of it is left in files. To programs it is told within `frame`.
    pub fn hand_over(&self, set: Set, output: Output, frame: Frame<'_>) -> Outcome<Delivered> {
        let members: Vec<Member<'_>> = set.members().collect();
        let mut files = Vec::new();
        let told = match self {
            Self::Sheets { folder, one } => {
                files = sheets(&set, &members, folder, *one)?;
                false
            }
            Self::Terminal => {
                show(&set, &members, output)?;
                false
            }
            Self::Print if output.json => {
                let mut json = as_json(&set, &files);
                json["shares"] = members.iter().map(words).collect();
                output.json(frame(json))?;
                true
            }
            Self::Print => {
                print(&set, &members, output)?;
                false
            }
        };
        drop(members);
        Ok(Delivered { set, files, told })
    }

    /// What became of shares of a key that came to nothing, once they were taken back.
    pub const fn void(&self) -> &'static str {
        match self {
            Self::Sheets { .. } => "no new shares are left: those made before are the good ones",
            Self::Terminal | Self::Print => {
                "shares that were shown just now are void: throw away what there is of them"
            }
        }
    }
}

impl Delivered {
    /// Keeps note of the set. It is good without.
    pub fn note(&self, home: &Home, output: Output) {
        let noted = Notes::add(home, output, |notes| notes.splits.push(self.set.note()));
        if let Err(failure) = noted {
            output.warn(format!("the shares are good, and no note of them is kept: {failure}"));
        }
    }

    /// Removes the files of a set that came to nothing.
    pub fn take_back(&self) {
        for path in &self.files {
            // What can not be removed belongs to a key that opens nothing.
            let _left = files::wipe(path);
        }
    }

    /// What is said of it at the end.
    pub fn say(&self, output: Output) {
        for file in &self.files {
            output.note(format!("wrote {}", file.display()));
        }
        let (note, name) = (self.set.note(), self.set.name());
        output.note(format!("set {name}: {} rebuild the key. Each was tried.", note.scheme()));
        if let [only] = &self.files[..] {
            output.warn(format!(
                "{} holds all shares: who reads it has the key. Print it, give each page away, and \
                 remove the file",
                only.display()
            ));
        } else if let [first, ..] = &self.files[..] {
            let folder = first.parent().unwrap_or(Path::new("."));
            output.note(format!(
                "They lie together in {} now: print them, give each away, and remove the files.\n\
                 Practise once: zms key drill",
                folder.display()
            ));
        } else {
            output.note("Practise once: zms key drill");
        }
    }

    /// The same for programs, unless they were told with the shares.
    pub fn tell(&self, output: Output, frame: Frame<'_>) -> Outcome {
        if self.told {
            return Ok(());
        }
        output.json(frame(self.as_json()))
    }

    /// What programs are told, without the shares.
    pub fn as_json(&self) -> serde_json::Value {
        as_json(&self.set, &self.files)
    }
}

fn as_json(set: &Set, files: &[PathBuf]) -> serde_json::Value {
    let note = set.note();
    let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    serde_json::json!({
        "set": note.set,
        "vault": set.claim.vault.to_string(),
        "principal": note.key,
        "sheet_id": set.claim.to_string(),
        "groups_needed": note.groups_needed,
        "groups": note.groups,
        "files": files,
    })
}

fn words(member: &Member<'_>) -> serde_json::Value {
    serde_json::json!({
        "group": member.group,
        "share": member.index(),
        // EXPOSE: all shares were asked for in one place.
        "words": member.words().expose().as_str(),
    })
}

fn sheets(set: &Set, members: &[Member<'_>], folder: &Path, one: bool) -> Outcome<Vec<PathBuf>> {
    files::make_folder(folder)?;
    let pages: Vec<(PathBuf, &[Member<'_>])> = if one {
        vec![(folder.join(format!("zms-shares-{}.html", set.name())), members)]
    } else {
        let each = members.chunks(1);
        each.map(|one| (folder.join(one[0].file_name()), one)).collect()
    };
    let mut written = Vec::new();
    for (path, members) in pages {
        let write = || -> Outcome {
            files::create_secret(&path, &sheet::document(set, members)?)?;
            let same = |(found, member): (&super::Found, &Member<'_>)| {
                // EXPOSE: what was written is compared with what it should be.
                found.share.to_words().expose() == member.words().expose()
            };
            let found = read(&path)?;
            if found.len() == members.len() && found.iter().zip(members).all(same) {
                return Ok(());
            }
            Err(Failure::other(format!("{} does not hold what was written", path.display())))
        };
        let outcome = write();
        // One that was there already is not ours to remove.
        let theirs =
            matches!(&outcome, Err(failure) if failure.exit == crate::exit::Exit::Conflict);
        if !theirs {
            written.push(path.clone());
        }
        if let Err(failure) = outcome {
            for path in &written {
                // The failure names the folder, should one be left.
                let _left = files::wipe(path);
            }
            return Err(failure);
        }
    }
    Ok(written)
}

fn show(set: &Set, members: &[Member<'_>], output: Output) -> Outcome {
    let all = members.len();
    output.note(format!(
        "{all} shares are shown, one at a time, for each to be written down by who keeps it."
    ));
    for (at, member) in (1..).zip(members) {
        let title = member.title();
        if prompt::answer(&format!("{title}: with nobody else looking, press Enter to see it "))?
            .is_none()
        {
            return Err(Failure::other(format!(
                "{} of {all} shares were shown, and no more: throw away what was written down",
                at - 1
            )));
        }
        prompt::shown(&written(set, member))?;
        output.note(format!("{title} was shown"));
    }
    Ok(())
}

/// A share as it is written down: under what it is, its words in columns, with their numbers.
fn written(set: &Set, member: &Member<'_>) -> zeroize::Zeroizing<String> {
    const COLUMNS: usize = 3;
    let words = member.words();
    // EXPOSE: the share is shown to who writes it down.
    let words: Vec<&str> = words.expose().split(' ').collect();
    let rows = words.len().div_ceil(COLUMNS);
    let mut text = zeroize::Zeroizing::new(String::with_capacity(2048));
    text.push_str(&format!("{}, set {}\n", member.title(), set.name()));
    text.push_str(&format!("To rebuild the key it takes {}.\n", member.needed()));
    text.push_str(&format!("Sheet id  {}\n\n", set.claim));
    for row in 0..rows {
        for at in (row..words.len()).step_by(rows) {
            text.push_str(&format!("{:>4} {:<10}", at + 1, words[at]));
        }
        text.push('\n');
    }
    text
}

fn print(set: &Set, members: &[Member<'_>], output: Output) -> Outcome {
    for member in members {
        let words = member.words();
        output.line(&format!("# {}, set {}", member.title(), set.name()))?;
        // EXPOSE: all shares were asked for in one place.
        output.data(words.expose().as_bytes())?;
        output.data(b"\n")?;
    }
    Ok(())
}
