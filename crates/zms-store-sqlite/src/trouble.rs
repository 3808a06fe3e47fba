//! What a driver's error means to a person.

use std::io;

use rusqlite::{
    Error, ErrorCode,
    ffi::{SQLITE_IOERR_CORRUPTFS, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_SHORT_READ},
};
use zms_core::bundle::{Trouble, TroubleClass};

/// Sorts an error of the driver into a class.
pub(crate) fn trouble(error: Error) -> Trouble {
    let class = match &error {
        Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => TroubleClass::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => TroubleClass::Corrupt,
            ErrorCode::DiskFull => TroubleClass::Full,
            // The database was there when we looked, so what can not be opened is its log or
            // shared memory: the folder can not be written.
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
                TroubleClass::ReadOnly
            }
            ErrorCode::SystemIoFailure => match failure.extended_code {
                SQLITE_IOERR_SHORT_READ | SQLITE_IOERR_CORRUPTFS => TroubleClass::Corrupt,
                // The log's index can not be made larger.
                SQLITE_IOERR_SHMSIZE => TroubleClass::Full,
                _ => TroubleClass::Other,
            },
            _ => TroubleClass::Other,
        },
        // A row that holds what is never written, or a table that is not there.
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::SqlInputError { .. } => TroubleClass::Corrupt,
        _ => TroubleClass::Other,
    };
    Trouble::new(class, error)
}

/// Sorts an error of the file system into a class.
pub fn file_trouble(error: io::Error) -> Trouble {
    let class = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            TroubleClass::ReadOnly
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => TroubleClass::Full,
        _ => TroubleClass::Other,
    };
    Trouble::new(class, error)
}

/// A message or a row that is not one of ours.
pub(crate) fn corrupt(what: &'static str) -> Trouble {
    Trouble::new(TroubleClass::Corrupt, what)
}
