use toml::de::DeTable;
use warden_domain::Span;

use super::reader::{ANY_SPAN, Reader};

/// `[journal]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalConfig {
    /// `retention`: steps older than this are forgotten.
    pub retention: Span,
    /// `linger`: how long a commit may wait for more.
    pub linger: Span,
    /// `queue`: steps that may wait to be committed.
    pub queue: u32,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { retention: Span::from_secs(720 * 3_600), linger: Span::ZERO, queue: 65_536 }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, document: &DeTable<'_>) -> JournalConfig {
    let mut section = reader.section("journal", document);
    let default = JournalConfig::default();
    JournalConfig {
        retention: section.span("retention", &ANY_SPAN).unwrap_or(default.retention),
        linger: section.span("linger", &(Span::ZERO..=Span::from_millis(100))).unwrap_or(default.linger),
        queue: section.number("queue", &(256..=16_777_216)).unwrap_or(default.queue),
    }
}
