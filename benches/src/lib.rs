//! Benchmarks of mt5-warden with floors measured in the same run.

pub mod accounts;
pub mod deadlines;
pub mod figure;
pub mod fleet;
pub mod history;
pub mod hot;
pub mod journal;
pub mod path;
pub mod policy;
pub mod resident;
pub mod steps;
pub mod storm;
pub mod trades;

/// What a benchmark answers.
pub type Figures = Result<Vec<figure::Figure>, Box<dyn std::error::Error + Send + Sync>>;
