//! zms-store-sqlite.
