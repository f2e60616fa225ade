//! Cases of the port.
