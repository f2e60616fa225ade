//! Sessions (SES).

pub(crate) mod confirm;
