//! What a driver's error means to a person.

use std::io;

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;
use zms_core::bundle::{Trouble, TroubleClass};

/// Why the database gave no answer, before it is sorted.
#[derive(Debug)]
pub(crate) enum Fault {
    /// As the driver has it.
    Driver(tokio_postgres::Error),
    /// No answer in time. Whether the statement was done is not known.
    Slow,
    /// No connection was free in time.
    Crowded,
    /// A row holds what is never written.
    Damaged(&'static str),
}

impl Fault {
    fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Driver(error) => error.code(),
            _ => None,
        }
    }

    /// Whether the transaction lost against another one, and may win when it is done again.
    pub(crate) fn is_lost_race(&self) -> bool {
        let lost = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
        self.state().is_some_and(|state| lost.contains(state))
    }

    /// Whether a row stands where one was to be put.
    pub(crate) fn is_taken(&self) -> bool {
        self.state() == Some(&SqlState::UNIQUE_VIOLATION)
    }

    /// Whether a table is not there.
    pub(crate) fn is_missing_table(&self) -> bool {
        self.state() == Some(&SqlState::UNDEFINED_TABLE)
    }

    /// Whether a table is there that was to be made.
    pub(crate) fn is_there_already(&self) -> bool {
        // Its type may be there a moment before it.
        let there = [SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT];
        self.state().is_some_and(|state| there.contains(state))
    }

    /// Whether the database knows no such statement.
    pub(crate) fn is_unknown(&self) -> bool {
        let unknown = [SqlState::SYNTAX_ERROR, SqlState::FEATURE_NOT_SUPPORTED];
        self.state().is_some_and(|state| unknown.contains(state))
    }

    /// Whether the connection is of no more use: gone, left in the middle of something, or to a
    /// server that writes no longer.
    pub(crate) fn spoils(&self) -> bool {
        match self {
            Self::Slow | Self::Crowded => true,
            Self::Damaged(_) => false,
            Self::Driver(error) => match error.code() {
                None => true,
                Some(state) => {
                    *state == SqlState::READ_ONLY_SQL_TRANSACTION || is_away(state.code())
                }
            },
        }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Driver(error),
            PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => Self::Crowded,
            _ => Self::Slow,
        }
    }
}

/// A server that is not there, stops, starts, or takes no more connections.
fn is_away(code: &str) -> bool {
    code.starts_with("08") || code.starts_with("57P") || code == "53300"
}

/// Sorts an error of the driver into a class.
pub(crate) fn trouble(fault: Fault) -> Trouble {
    match fault {
        Fault::Slow => Trouble::new(TroubleClass::Busy, "it gave no answer in time"),
        Fault::Crowded => Trouble::new(TroubleClass::Busy, "every connection to it is in use"),
        Fault::Damaged(what) => Trouble::new(TroubleClass::Corrupt, what),
        Fault::Driver(error) => Trouble::new(class(&error), Told(error)),
    }
}

/// An error of the driver with all that it has to tell: its own text names the kind alone.
#[derive(Debug)]
struct Told(tokio_postgres::Error);

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_db_error() {
            // A detail or a statement could hold what was to be stored.
            Some(error) => write!(f, "{} ({})", error.message(), error.code().code()),
            None => {
                write!(f, "{}", self.0)?;
                let mut cause = std::error::Error::source(&self.0);
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Told {}

fn class(error: &tokio_postgres::Error) -> TroubleClass {
    let Some(state) = error.code() else { return without_answer(error) };
    match state.code() {
        // Lost races, locks and statements that took too long.
        "40001" | "40P01" | "55P03" | "57014" | "25P03" | "25P04" => TroubleClass::Busy,
        "53100" => TroubleClass::Full,
        // A standby, a role that may not write, a disk that is read-only.
        "25006" | "42501" => TroubleClass::ReadOnly,
        "53000" | "53200" | "53400" => TroubleClass::Busy,
        // A table or column that is not there, or is another.
        "42P01" | "42703" | "42P10" | "42804" | "3F000" => TroubleClass::Schema,
        // A table that is somebody else's; data that can not be read.
        "42P07" | "XX001" | "XX002" => TroubleClass::Corrupt,
        code if is_away(code) => TroubleClass::Away,
        _ => TroubleClass::Other,
    }
}

/// The connection ended, or there was none; or a value could not be read.
fn without_answer(error: &tokio_postgres::Error) -> TroubleClass {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<tokio_postgres::types::WrongType>() {
            return TroubleClass::Corrupt;
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                // What TLS can not verify.
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => TroubleClass::Other,
                // Every server is a standby.
                io::ErrorKind::PermissionDenied => TroubleClass::ReadOnly,
                _ => TroubleClass::Away,
            };
        }
        cause = error.source();
    }
    // A server without TLS where it was asked for, or one that speaks otherwise than we do.
    if error.is_closed() { TroubleClass::Away } else { TroubleClass::Other }
}
