//! Columns of a row, as what they stand for. A row that holds what is never written is damage.

use tokio_postgres::Row;

use crate::trouble::Fault;

/// Bytes of a fixed number: an id, a hash, a key, a signature.
pub(crate) fn fixed<const N: usize>(row: &Row, column: usize) -> Result<[u8; N], Fault> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes.try_into().map_err(|_| Fault::Damaged("a field has another length than it must"))
}

/// Bytes.
pub(crate) fn bytes(row: &Row, column: usize) -> Result<Vec<u8>, Fault> {
    Ok(row.try_get(column)?)
}

/// An unsigned number that keeps its bits.
pub(crate) fn number(row: &Row, column: usize) -> Result<u64, Fault> {
    Ok(row.try_get::<_, i64>(column)?.cast_unsigned())
}

/// A number that has a smaller type.
pub(crate) fn small<T: TryFrom<i64>>(row: &Row, column: usize) -> Result<T, Fault> {
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|_| Fault::Damaged("a number is out of its range"))
}

/// A number as a bound: no row lies behind the greatest.
pub(crate) fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
