//! zms-store.
