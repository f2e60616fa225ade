//! Simulated trade server, terminals and faults for mt5-warden.
