//! zms-client.
