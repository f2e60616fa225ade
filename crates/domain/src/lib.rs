//! Ids, states, retcode table, money and time of mt5-warden.
