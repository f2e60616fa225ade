use warden_domain::{Session, Span, Timestamp};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// The world's first midnight was that of a Thursday.
const THURSDAY: i64 = 3 * DAY;

/// When a symbol is traded: the same hours every week, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// From and until, in milliseconds since Monday's midnight, in order; what is open over the week's end has two.
    open: Vec<(i64, i64)>,
}

impl Calendar {
    /// At all times.
    #[must_use]
    pub fn always() -> Self {
        Self { open: vec![(0, WEEK)] }
    }

    /// As currencies are: from Sunday 22:00 to Friday 22:00.
    #[must_use]
    pub fn currencies() -> Self {
        Self { open: vec![(0, 4 * DAY + 22 * HOUR), (6 * DAY + 22 * HOUR, WEEK)] }
    }

    /// Whether it is open at a moment, and if not, when it will be.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Session {
        let inside = (now.as_millis() + THURSDAY).rem_euclid(WEEK);
        if self.open.iter().any(|(from, until)| (*from..*until).contains(&inside)) {
            return Session::Open;
        }
        let later = self.open.iter().find(|(from, _)| *from > inside).map(|(from, _)| from - inside);
        let next = later.or_else(|| self.open.first().map(|(from, _)| from + WEEK - inside));
        let opens_at = next.map(|wait| now.after(Span::from_millis(wait.unsigned_abs())));
        Session::Closed { opens_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn currencies_are_closed_over_the_weekend() {
        let calendar = Calendar::currencies();
        let sunday = at("2023-11-19T22:00:00Z");
        for open in ["2023-11-13T00:00:00Z", "2023-11-17T21:59:59.999Z", "2023-11-19T22:00:00Z"] {
            assert_eq!(calendar.at(at(open)), Session::Open, "{open}");
        }
        for closed in ["2023-11-17T22:00:00Z", "2023-11-18T12:00:00Z", "2023-11-19T21:59:59Z"] {
            assert_eq!(calendar.at(at(closed)), Session::Closed { opens_at: Some(sunday) }, "{closed}");
        }
        assert_eq!(Calendar::always().at(sunday), Session::Open);
    }
}
