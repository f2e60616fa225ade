//! Both sides of a session over real loopback sockets, each against a peer that speaks the contract by itself.

mod client_frames;
mod fleet;
mod inbox;
mod killed;
mod markets;
mod server_frames;
mod server_sessions;
mod support;
