//! Storage ports, in-memory adapters and conformance suite of mt5-warden.
