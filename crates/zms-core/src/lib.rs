//! zms-core.
