//! Failures as users meet them: what happened, what to do next, and the exit code.

use std::fmt::{self, Display};

use zms_client::{SessionError, pins::PinTrouble};
use zms_core::{
    admit::Refused,
    bundle::{Trouble, TroubleClass, collect::Uncollected},
    change::ChangeError,
    open::OpenError,
};
/// A time as people and programs read it.
pub use zms_format::rfc3339 as utc;

/// Exit codes. README.md lists them for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Anything that has no code of its own.
    Other = 1,
    /// The command line, a name or a file of settings is wrong.
    Usage = 2,
    /// Not found, removed, or required and missing.
    NotFound = 3,
    /// Malformed, unknown, expired, revoked, or out of scope.
    Denied = 4,
    /// A key or token is needed and there is none.
    Locked = 5,
    /// Something does not verify, or was rolled back.
    Integrity = 6,
    /// Somebody else was faster.
    Conflict = 7,
    /// The audit entry can not be stored.
    Audit = 8,
    /// `run` failed before the program started.
    BeforeExec = 125,
    /// The program can not be executed.
    NotExecutable = 126,
    /// The program was not found.
    NoProgram = 127,
}

/// A failure, ready to be shown.
#[derive(Debug)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What happened.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

/// What a command gives back.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure without a hint.
    pub fn new(exit: Exit, message: impl Display) -> Self {
        Self { exit, message: message.to_string(), hint: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Adds what to do next behind what is said of it already.
    #[must_use]
    pub fn and_hint(self, more: impl Display) -> Self {
        match &self.hint {
            Some(first) => {
                let both = format!("{first}\nhint: {more}");
                self.hint(both)
            }
            None => self.hint(more),
        }
    }

    /// A wrong command line, name or setting.
    pub fn usage(message: impl Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something named that is not there.
    pub fn not_found(message: impl Display) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// Anything else.
    pub fn other(message: impl Display) -> Self {
        Self::new(Exit::Other, message)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Lets a failure pass through a session's callback.
impl From<Failure> for SessionError {
    fn from(failure: Failure) -> Self {
        Self::Caller(Box::new(failure))
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        let message = error.to_string();
        match error {
            SessionError::Caller(inner) => match inner.downcast::<Self>() {
                Ok(failure) => *failure,
                Err(other) => Self::other(other),
            },
            SessionError::Open(error) => opening(&error),
            SessionError::Change(error) => changing(error),
            SessionError::Store(trouble) => store(&trouble, Exit::Other),
            SessionError::Audit(trouble) if far(trouble.class) => store(&trouble, Exit::Other),
            SessionError::Audit(trouble) if trouble.class == TroubleClass::AuditFile => {
                Self::new(Exit::Audit, format!("{message} ({})", trouble.source))
            }
            SessionError::Audit(trouble) => {
                let failure = store(&trouble, Exit::Audit);
                Self { message, ..failure }
            }
            SessionError::Flawed(_) => {
                Self::new(Exit::Integrity, message).hint("make it anew with `zms bundle create`")
            }
            SessionError::Uncollected(Uncollected::TooLarge) => {
                Self::usage(message).hint("make it for tokens that open less")
            }
            SessionError::Uncollected(Uncollected::NoMember(_)) => Self::new(Exit::Denied, message),
            SessionError::Uncollected(Uncollected::Incomplete) => {
                Self::new(Exit::Integrity, message)
            }
            SessionError::Pins(PinTrouble::Handed) => Self::new(Exit::Integrity, message)
                .hint("ZMS_PIN must name what was seen of this very vault: `zms status --pin`"),
            SessionError::Unreadable(_) => Self::new(Exit::NotFound, message)
                .hint("set it anew with `zms set`, or remove it with `zms rm`"),
            SessionError::Conflict => Self::new(Exit::Conflict, message)
                .hint("look at what is there now with `zms ls`, then try again"),
            SessionError::Exists => Self::other(message),
            SessionError::Refused(Refused::Denied(_)) => Self::new(Exit::Denied, message),
            SessionError::Refused(_) => Self::new(Exit::Integrity, message),
            SessionError::Used => Self::new(Exit::Denied, message)
                .hint("ask an administrator of the vault for a new one: `zms token create`"),
            SessionError::Pins(PinTrouble::Foreign { .. }) => Self::new(Exit::Integrity, message)
                .hint(
                    "put the right database back; if the pins are what is wrong, remove that \
                     file: the next read is then taken for a first use",
                ),
            SessionError::Pins(PinTrouble::File { ref source, .. })
                if source.kind() == std::io::ErrorKind::StorageFull =>
            {
                Self::other(message).hint(FREE_SPACE)
            }
            SessionError::NoToken(_) => {
                Self::not_found(message).hint("list the tokens with `zms token ls`")
            }
            _ => Self::other(message),
        }
    }
}

/// What to do about a full disk.
const FREE_SPACE: &str = "free some space on that disk, then try again";

fn opening(error: &OpenError) -> Failure {
    let message = error.to_string();
    match error {
        OpenError::NoVault => Failure::new(Exit::Locked, message)
            .hint("make one with `zms init`, or set ZMS_HOME to the folder of an existing one"),
        OpenError::Unknown => Failure::new(Exit::Denied, message).hint(
            "it may belong to another vault: `zms status` shows which one is used here, and \
                 `--vault NAME` names another",
        ),
        OpenError::Departed { .. } => Failure::new(Exit::Denied, message)
            .hint("ask an administrator of the vault for a new one: `zms token create`"),
        OpenError::Expired { at } => {
            let failure = Failure::new(Exit::Denied, format!("the token expired on {}", utc(*at)));
            failure.hint("ask an administrator of the vault for a new one: `zms token create`")
        }
        OpenError::Integrity(_) => Failure::new(Exit::Integrity, message)
            .hint("the database was damaged or changed by somebody else; nothing of it was used"),
        OpenError::Stale { issued_at } => {
            let why = format!(
                "the roster was signed on {}, longer ago than is demanded",
                utc(*issued_at)
            );
            Failure::new(Exit::Integrity, why)
                .hint("an administrator signs it anew with `zms roster refresh`")
        }
        OpenError::RolledBack(_) => Failure::new(Exit::Integrity, message).hint(
            "an older copy of the database was put back; put the newer one back, and nothing \
             is lost",
        ),
        OpenError::Removed(_) | OpenError::NotFound(_) => Failure::not_found(message),
        OpenError::OutOfScope(_) => {
            Failure::new(Exit::Denied, message).hint("see what it opens with `zms token inspect`")
        }
        OpenError::Trouble(trouble) => store(trouble, Exit::Other),
        _ => Failure::other(message),
    }
}

fn changing(error: ChangeError) -> Failure {
    let message = error.to_string();
    match error {
        ChangeError::Open(error) => opening(&error),
        ChangeError::NotAdministrator => Failure::new(Exit::Denied, message)
            .hint("run it as the owner: without ZMS_TOKEN, or with `--as-owner`"),
        ChangeError::MayNotWrite(_) => Failure::new(Exit::Denied, message)
            .hint("an administrator can make one that may: `zms token create NAME --write`"),
        ChangeError::NoSecret { .. } => Failure::not_found(message),
        ChangeError::NoState(_) => Failure::not_found(message).hint("list the revisions with `zms log`"),
        ChangeError::LabelExists(_) => Failure::usage(message).hint("choose another name"),
        ChangeError::Junk(_) => Failure::new(Exit::Integrity, message).hint(
            "look at the list; `zms token revoke --resume --leave-out-unreadable` goes on without \
             it: a scope on the list is closed with all that is in it",
        ),
        ChangeError::ReferenceEscapes(_) => Failure::usage(message).hint(
            "set it where the target is seen, with `-p`, `-e` and `-s`, or refer to a nearer secret",
        ),
        ChangeError::AdministratorLeaves => Failure::new(Exit::Denied, message)
            .hint("take one out with `zms admin rm`: everything gets new keys then"),
        _ => Failure::usage(message),
    }
}

/// Whether it is about a server, and says by itself how a command ends.
const fn far(class: TroubleClass) -> bool {
    use TroubleClass::{
        Foreign, Garbled, Moved, Refused, Server, Throttled, TooLarge, Unaudited, Unauthentic,
        Unreachable,
    };
    matches!(
        class,
        Foreign
            | Garbled
            | Moved
            | Refused
            | Server
            | Throttled
            | TooLarge
            | Unaudited
            | Unauthentic
            | Unreachable
    )
}

fn store(trouble: &Trouble, exit: Exit) -> Failure {
    let exit = match trouble.class {
        TroubleClass::Corrupt | TroubleClass::Garbled => Exit::Integrity,
        TroubleClass::Unauthentic | TroubleClass::Refused => Exit::Denied,
        TroubleClass::Moved => Exit::Conflict,
        TroubleClass::Unaudited => Exit::Audit,
        _ => exit,
    };
    if trouble.class == TroubleClass::Unauthentic {
        // One text for every reason: the server does not tell them apart either.
        return Failure::new(exit, trouble).hint(
            "it answers alike whether a token or key is unknown, revoked or another server's, or \
             the clocks here and there differ by more than a minute: check the address, the token \
             and the time",
        );
    }
    let failure = Failure::new(exit, format!("{trouble} ({})", trouble.source));
    match trouble.class {
        TroubleClass::Busy => failure.hint("try again; `zms status` shows which vault is used"),
        TroubleClass::Corrupt => failure.hint("put a copy of the database back in its place"),
        TroubleClass::Newer => failure.hint("install the newer version of zms"),
        TroubleClass::Full => failure.hint(FREE_SPACE),
        TroubleClass::Unreachable => failure.hint(
            "is it running, and is that its address? `zms status` shows where the address comes \
             from",
        ),
        TroubleClass::Foreign => failure.hint("check the address and the port"),
        TroubleClass::Refused => failure.hint(
            "ask an administrator of the vault: `zms token ls` shows what each token may do, from \
             where and until when",
        ),
        TroubleClass::Throttled => failure.hint("try again in a while"),
        TroubleClass::TooLarge => failure.hint(
            "name a place within it, with `-p`, `-e` and `-s`, or one secret: `zms get NAME`",
        ),
        TroubleClass::Moved => failure.hint("try again"),
        TroubleClass::Unaudited | TroubleClass::Server => {
            failure.hint("try again; its log says more")
        }
        TroubleClass::Garbled => failure.hint(
            "what came was damaged on its way, or the server is not honest; nothing of it was used",
        ),
        TroubleClass::ReadOnly => {
            failure.hint("make the folder of the vault writable: reading needs an audit entry too")
        }
        _ => failure,
    }
}
