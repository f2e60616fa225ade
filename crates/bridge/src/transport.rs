//! HTTP/2 settings that both sides share.

/// How many streams one connection may open: one session, and the next one before the old one is gone.
pub(crate) const STREAMS: u32 = 2;

/// The smallest stream window of HTTP/2, in bytes.
pub(crate) const SMALLEST_WINDOW: u32 = 65_535;
/// The largest stream window that leaves room for [`connection_window`], in bytes: 16 MiB.
pub(crate) const LARGEST_WINDOW: u32 = 16 * 1024 * 1024;

/// The connection window for this stream window, both in bytes.
///
/// The stream window is what bounds the bytes that wait unread. The connection window is far larger, because the HTTP/2
/// library derives from it (half of it) how much overhead of small unread frames it bears before it ends the connection
/// (`too_many_data_frames`): 256 bytes less the frame's length for each. Frames of ten bytes, smaller than any that this
/// contract has, fill a stream window with 24.6 times its size of such overhead; twice that for each stream is 100 times.
pub(crate) fn connection_window(stream: u32) -> u32 {
    stream.min(LARGEST_WINDOW) * 50 * STREAMS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_frames_that_wait_never_exhaust_the_budget() {
        for window in [SMALLEST_WINDOW, 256 * 1024, LARGEST_WINDOW, u32::MAX] {
            let stream = u64::from(window.min(LARGEST_WINDOW));
            let overhead = u64::from(STREAMS) * stream / 10 * (256 - 10);
            let total = connection_window(window);
            assert!(overhead <= u64::from(total / 2), "{window}");
            assert!(total < 1 << 31, "HTTP/2 knows no larger window");
        }
    }
}
