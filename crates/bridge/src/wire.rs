//! The contract as generated code, private to this crate.
#![expect(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/mt5_warden/v1/gateway.proto, where every item has its comment"
)]

tonic::include_proto!("mt5_warden.v1");

impl std::fmt::Debug for LoginCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginCommand")
            .field("login", &self.login)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
