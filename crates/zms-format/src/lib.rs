//! zms-format.
