//! What people and scripts read on standard output. A reader that went away, such as `head`, needs nothing more.

/// Says a line.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

/// Says a text that ends its lines itself.
macro_rules! say_text {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stdout(), $($words)*);
    }};
}

pub(crate) use {say, say_text};
