//! `Hello` and `Welcome` of the contract, in pages that fit in frames.

use prost::Message;
use warden_domain::{Epoch, InstanceId};

use super::{FrameFault, LONGEST_FRAME, report};
use crate::{Report, wire};

/// How much of a frame a page fills; the rest is room for what stands around it.
const PAGE: usize = LONGEST_FRAME - 4_096;

/// The version of the contract that this crate speaks; another one is not spoken to.
///
/// Version 1 had neither snapshots nor an order inbox: a gateway that cannot say what became of an order must not be asked
/// to send one.
pub const PROTOCOL_VERSION: u32 = 2;

/// One instance as a gateway announces it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Announced {
    pub(crate) instance: InstanceId,
    pub(crate) seen: Epoch,
    pub(crate) report: Report,
    pub(crate) last_sequence: u64,
}

pub(crate) fn encode(announced: &Announced) -> wire::Served {
    wire::Served {
        instance: announced.instance.as_str().to_owned(),
        highest_epoch: announced.seen.0,
        report: Some(report::encode(&announced.report)),
        last_sequence: announced.last_sequence,
    }
}

pub(crate) fn decode(served: &wire::Served) -> Result<Announced, FrameFault> {
    Ok(Announced {
        instance: InstanceId::new(&served.instance)?,
        seen: Epoch(served.highest_epoch),
        report: report::decode(served.report.as_ref().ok_or(FrameFault::Missing("report"))?)?,
        last_sequence: served.last_sequence,
    })
}

/// Splits entries into pages that each fit in a frame; no entries make no page.
pub(crate) fn pages<M: Message>(entries: impl IntoIterator<Item = M>) -> Vec<Vec<M>> {
    let mut pages: Vec<Vec<M>> = Vec::new();
    let mut filled = PAGE;
    for entry in entries {
        // tag and length of an entry take at most 8 bytes
        let size = entry.encoded_len() + 8;
        if filled + size > PAGE {
            pages.push(Vec::new());
            filled = 0;
        }
        filled += size;
        if let Some(page) = pages.last_mut() {
            page.push(entry);
        }
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(n: usize, detail: &str) -> Announced {
        Announced {
            instance: InstanceId::new(&format!("acct-{n}")).unwrap(),
            seen: Epoch(n as u64),
            report: Report { detail: detail.into(), ..Report::default() },
            last_sequence: 7,
        }
    }

    #[test]
    fn an_announcement_comes_back() {
        let sent = announced(1, "words");
        assert_eq!(decode(&encode(&sent)), Ok(sent));
    }

    #[test]
    fn bad_fields_of_an_announcement_are_refused() {
        let good = || encode(&announced(1, ""));
        assert!(decode(&wire::Served { instance: "a:b".into(), ..good() }).is_err());
        assert_eq!(decode(&wire::Served { report: None, ..good() }), Err(FrameFault::Missing("report")));
    }

    #[test]
    fn pages_fit_in_frames_and_keep_every_entry_in_order() {
        let long = "ä".repeat(256);
        let pages = pages((0..1_000).map(|n| encode(&announced(n, &long))));
        let mut seen = Vec::new();
        for instances in pages {
            let hello = wire::Hello {
                protocol_version: PROTOCOL_VERSION,
                gateway_version: "v".repeat(64),
                instances,
            };
            assert!(hello.encoded_len() < LONGEST_FRAME);
            seen.extend(hello.instances.into_iter().map(|it| it.highest_epoch));
        }
        assert_eq!(seen, (0..1_000).collect::<Vec<_>>());
        assert!(super::pages(Vec::<wire::Served>::new()).is_empty());
    }
}
