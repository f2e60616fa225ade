//! Compiles the published contract, in Rust alone.

use std::{error::Error, path::Path};

const ROOT: &str = "proto";
const CONTRACT: &str = "proto/mt5_warden/v1/gateway.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={CONTRACT}");
    let contract = protox::compile([Path::new(CONTRACT)], [Path::new(ROOT)])?;
    // `Debug` of these would print the password
    tonic_prost_build::configure().skip_debug(["mt5_warden.v1.LoginCommand"]).compile_fds(contract)?;
    Ok(())
}
