//! The published gateway protocol of mt5-warden and its session.
