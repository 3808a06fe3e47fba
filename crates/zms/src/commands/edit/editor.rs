//! Which editor, and how it is started so that it keeps nothing.
#![expect(unsafe_code, reason = "signal dispositions have no safe interface")]

use std::{
    ffi::OsString,
    mem::zeroed,
    os::unix::{ffi::OsStrExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::Command,
    ptr::null_mut,
    sync::atomic::{AtomicI32, Ordering},
};

use crate::{
    child::OURS,
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::trouble,
};

/// Editors to look for where none is named.
const USUAL: [&str; 4] = ["vim", "nvim", "vi", "nano"];

/// Switches off, once the user's settings are read, what vim keeps of a text.
const VIM: &str = "silent! set noswapfile|silent! set nobackup|silent! set nowritebackup|\
    silent! set noundofile|silent! set viminfo=|silent! set shada=|silent! set history=0";
/// The same before the text is read.
const VIM_FIRST: &str = "silent! set noswapfile|silent! set noundofile|silent! set nobackup";
/// The same for emacs, whose own settings are not read.
const EMACS: &str = "(setq make-backup-files nil auto-save-default nil create-lockfiles nil \
    auto-save-list-file-prefix nil backup-inhibited t delete-auto-save-files t \
    savehist-mode nil recentf-mode nil)";

/// What is known of an editor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    Vim,
    Nano,
    Emacs,
    Other,
}

impl Family {
    /// What is passed before and after the user's own arguments, so that nothing is kept.
    const fn rules(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Vim => (&["-n", "-i", "NONE", "--cmd", VIM_FIRST], &["-c", VIM]),
            // It reads no settings, which alone could switch backups and history on.
            Self::Nano => (&["--ignorercfiles"], &[]),
            Self::Emacs => (&["-Q", "--eval", EMACS], &[]),
            Self::Other => (&[], &[]),
        }
    }
}

/// An editor.
pub(super) struct Editor {
    program: PathBuf,
    arguments: Vec<String>,
    family: Family,
    /// As the user calls it.
    shown: String,
}

impl Editor {
    /// The user's editor: `VISUAL`, else `EDITOR`, else a usual one. None that lies relative to the
    /// working folder, which may be anybody's.
    pub(super) fn find() -> Outcome<Self> {
        for variable in ["VISUAL", "EDITOR"] {
            let Some(text) = environment::text(variable)?.filter(|text| !text.trim().is_empty())
            else {
                continue;
            };
            let words = shlex::split(&text).filter(|words| !words.is_empty());
            let Some(mut words) = words else {
                return Err(Failure::usage(format!(
                    "{variable} is no command: its quotes do not end"
                )));
            };
            let name = words.remove(0);
            return match program(&name) {
                Ok(Some(program)) => Ok(Self::new(program, words, name)),
                Ok(None) => Err(Failure::new(
                    Exit::NotFound,
                    format!("{variable} names {name}, which was not found"),
                )
                .hint(format!("set {variable} to an editor: `{variable}=nano zms edit`"))),
                Err(()) => Err(Failure::usage(format!(
                    "{variable} names {name}, which lies wherever one happens to be"
                ))
                .hint("name it by a path that begins with a slash, or by a name on PATH")),
            };
        }
        for name in USUAL {
            if let Ok(Some(program)) = program(name) {
                return Ok(Self::new(program, Vec::new(), name.to_owned()));
            }
        }
        Err(Failure::not_found("no editor was found")
            .hint("set EDITOR to one: `EDITOR=nano zms edit`"))
    }

    fn new(program: PathBuf, mut arguments: Vec<String>, shown: String) -> Self {
        let family = family(&program);
        // One with a window of its own would be left at once, and the text taken for unchanged.
        if shown.rsplit('/').next().is_some_and(|name| name.starts_with("gvim")) {
            arguments.insert(0, "-f".to_owned());
        }
        Self { program, arguments, family, shown }
    }

    /// Whether it opens a file that it inherits without a name: it does so in its own process.
    pub(super) fn inherits(&self) -> bool {
        self.family != Family::Other
    }

    /// What is to be said before it is started.
    pub(super) fn warning(&self) -> Option<String> {
        (self.family == Family::Other).then(|| {
            format!(
                "what {} keeps of a text, zms can not switch off: see to its backups and history",
                self.shown
            )
        })
    }

    /// Waits until the user has left the editor.
    pub(super) fn open(&self, text: &Path) -> Outcome {
        let mut command = Command::new(&self.program);
        let (before, after) = self.family.rules();
        command.args(before).args(&self.arguments).args(after);
        command.arg(text);
        for (name, _) in environment::all() {
            if name.as_bytes().starts_with(OURS.as_bytes()) {
                command.env_remove(name);
            }
        }
        let signals = Held::hold();
        let ended = command.status();
        drop(signals);
        let signal = CAUGHT.swap(0, Ordering::Relaxed);
        if signal != 0 {
            let failure = Failure::other("stopped; nothing was changed");
            return Err(failure);
        }
        let ended =
            ended.map_err(|error| trouble(&error, format!("{} can not be started", self.shown)))?;
        if ended.success() {
            return Ok(());
        }
        let how = match (ended.code(), ended.signal()) {
            (Some(code), _) => format!("with exit code {code}"),
            (None, signal) => format!("by signal {}", signal.unwrap_or_default()),
        };
        Err(Failure::other(format!("{} ended {how}; nothing was changed", self.shown)))
    }
}

/// The file of a program: by its path, or on PATH. `Err` for one relative to the working folder.
fn program(name: &str) -> Result<Option<PathBuf>, ()> {
    if name.contains('/') {
        let path = PathBuf::from(name);
        return if path.is_absolute() { Ok(Some(path).filter(|it| it.is_file())) } else { Err(()) };
    }
    let path =
        environment::raw("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin"));
    let folders = path.as_bytes().split(|byte| *byte == b':');
    let folders = folders.map(|folder| Path::new(std::ffi::OsStr::from_bytes(folder)));
    let files = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(name));
    Ok(files.into_iter().find(|file| file.is_file()))
}

/// By the name of the file that a name leads to: `vi` is many editors.
fn family(program: &Path) -> Family {
    let led = files::canonical(program).unwrap_or_else(|_| program.to_owned());
    let name = led.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if ["vim", "nvim", "rvim", "gvim"].iter().any(|vim| name.starts_with(vim)) {
        Family::Vim
    } else if name == "nano" || name == "rnano" {
        Family::Nano
    } else if name.starts_with("emacs") && !name.starts_with("emacsclient") {
        Family::Emacs
    } else {
        Family::Other
    }
}

/// The signal that came while the editor had the terminal; 0 for none.
static CAUGHT: AtomicI32 = AtomicI32::new(0);

extern "C" fn pass(_: i32) {}

extern "C" fn note(signal: i32) {
    CAUGHT.store(signal, Ordering::Relaxed);
}

/// While an editor runs: what is typed there is not meant for us, and what would end us waits
/// until the text is gone. Handlers, as the editor would inherit what is ignored.
struct Held([(i32, libc::sigaction); 4]);

impl Held {
    fn hold() -> Self {
        CAUGHT.store(0, Ordering::Relaxed);
        let signals = [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP];
        Self(signals.map(|signal| {
            let handler = match signal {
                libc::SIGINT | libc::SIGQUIT => pass as extern "C" fn(i32),
                _ => note as extern "C" fn(i32),
            };
            // SAFETY: the handlers at most store a number, which is async-signal-safe; the structs
            // are plain data.
            unsafe {
                let mut before: libc::sigaction = zeroed();
                let mut action: libc::sigaction = zeroed();
                action.sa_sigaction = handler as libc::sighandler_t;
                action.sa_flags = libc::SA_RESTART;
                libc::sigaction(signal, &raw const action, &raw mut before);
                if before.sa_sigaction == libc::SIG_IGN {
                    libc::sigaction(signal, &raw const before, null_mut());
                }
                (signal, before)
            }
        }))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for (signal, before) in &self.0 {
            // SAFETY: each was the disposition of that signal before.
            unsafe { libc::sigaction(*signal, before, null_mut()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editors_are_known_by_the_names_of_their_programs() {
        for (name, family) in [
            ("vim", Family::Vim),
            ("vim.basic", Family::Vim),
            ("vim.tiny", Family::Vim),
            ("nvim", Family::Vim),
            ("rvim", Family::Vim),
            ("gvim", Family::Vim),
            ("nano", Family::Nano),
            ("rnano", Family::Nano),
            ("emacs", Family::Emacs),
            ("emacs-nox", Family::Emacs),
            ("emacsclient", Family::Other),
            ("code", Family::Other),
            ("nanoc", Family::Other),
        ] {
            let program = Path::new("/nowhere").join(name);
            assert_eq!(super::family(&program), family, "{name}");
        }
    }

    /// Each feature of vim, nvim and emacs that writes a text, or part of one, somewhere else.
    #[test]
    fn every_way_to_keep_a_text_is_switched_off() {
        let (before, after) = Family::Vim.rules();
        assert!(before.starts_with(&["-n", "-i", "NONE"]), "no swap file, no viminfo or shada");
        for off in ["noswapfile", "noundofile", "nobackup"] {
            assert!(VIM_FIRST.contains(&format!("set {off}")), "{off} before the text is read");
        }
        let late = [
            "noswapfile",
            "nobackup",
            "nowritebackup",
            "noundofile",
            "viminfo=",
            "shada=",
            "history=0",
        ];
        for off in late {
            assert!(VIM.contains(&format!("silent! set {off}")), "{off} after the user's settings");
        }
        assert_eq!(after, ["-c", VIM]);
        let (before, _) = Family::Emacs.rules();
        assert_eq!(before[..2], ["-Q", "--eval"], "no settings of the user or the site are read");
        for off in [
            "make-backup-files nil",
            "auto-save-default nil",
            "create-lockfiles nil",
            "auto-save-list-file-prefix nil",
            "savehist-mode nil",
            "recentf-mode nil",
        ] {
            assert!(EMACS.contains(off), "{off}");
        }
        assert_eq!(Family::Nano.rules().0, ["--ignorercfiles"], "backups and history are settings");
    }
}
