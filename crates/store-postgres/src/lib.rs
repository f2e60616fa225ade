//! Accounts, encrypted credentials and owner epochs of mt5-warden, in PostgreSQL or SQLite.
