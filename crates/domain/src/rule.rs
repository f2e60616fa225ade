use crate::named::named_enum;

named_enum! {
    /// A rule of the behaviour specification; every decision names the one that made it.
    Rule {
        /// SES-1: trading opens only on a confirmed session.
        Ses1 = "SES-1",
        /// LOG-1: credentials are fetched on start and decrypted in memory only.
        Log1 = "LOG-1",
        /// LOG-2: five login attempts with growing waits.
        Log2 = "LOG-2",
        /// LOG-3: the fifth failed login stops the instance.
        Log3 = "LOG-3",
        /// LOG-4: a manual reset inside the cool-down logs in when it ends.
        Log4 = "LOG-4",
        /// LOG-5: three failed logins alert and throttle.
        Log5 = "LOG-5",
        /// LOG-6: a login after failures clears them and says so once.
        Log6 = "LOG-6",
        /// LOG-7: a manual reset zeroes the counter and reconnects.
        Log7 = "LOG-7",
        /// LOG-8: network lost during login: wait, then retry, not counted.
        Log8 = "LOG-8",
        /// LOG-9: a refusal is decided on evidence.
        Log9 = "LOG-9",
        /// LOG-10: one login at a time per instance.
        Log10 = "LOG-10",
        /// BRK-1: broker down: reconnect after a wait, a few times.
        Brk1 = "BRK-1",
        /// BRK-2: rate limited: pause, doubling; the third stops.
        Brk2 = "BRK-2",
        /// BRK-3: what means rate limited.
        Brk3 = "BRK-3",
        /// BRK-4: maintenance: stop and try again later.
        Brk4 = "BRK-4",
        /// BRK-5: many instances failing together are one broker incident.
        Brk5 = "BRK-5",
        /// NET-1: connection dropped: reconnect at once.
        Net1 = "NET-1",
        /// NET-2: terminal crash: restart, a few times.
        Net2 = "NET-2",
        /// NET-3: hot-state store lost: keep journalling, flush on return.
        Net3 = "NET-3",
        /// NET-4: disconnected too long: alert, keep reconnecting.
        Net4 = "NET-4",
        /// NET-5: reconnect loop: growing waits, then stop.
        Net5 = "NET-5",
        /// TRD-1: partial fill.
        Trd1 = "TRD-1",
        /// TRD-2: slippage.
        Trd2 = "TRD-2",
        /// TRD-3: not executed in time.
        Trd3 = "TRD-3",
        /// TRD-4: duplicate order.
        Trd4 = "TRD-4",
        /// TRD-5: stop loss or take profit misfire.
        Trd5 = "TRD-5",
        /// TRD-6: pending trades are retried after verification.
        Trd6 = "TRD-6",
        /// TRD-7: no order without a durable intent.
        Trd7 = "TRD-7",
        /// TRD-8: foreign orders are adopted and never touched.
        Trd8 = "TRD-8",
        /// TRD-9: every retcode has one class.
        Trd9 = "TRD-9",
        /// ACC-1: account disabled: stop at once.
        Acc1 = "ACC-1",
        /// ACC-2: account closed: no recovery, ever.
        Acc2 = "ACC-2",
        /// ACC-3: destruction is staged.
        Acc3 = "ACC-3",
        /// ACC-4: the user is offered to add a new account.
        Acc4 = "ACC-4",
        /// ACC-5: permissions changed: reconnect once, then stop.
        Acc5 = "ACC-5",
        /// ACC-6: stored state unreadable: rebuild.
        Acc6 = "ACC-6",
        /// ACC-7: user stop.
        Acc7 = "ACC-7",
        /// REC-1: recoveries that do not last end in a stop.
        Rec1 = "REC-1",
        /// REC-2: state conflict: lock, re-read, retry.
        Rec2 = "REC-2",
        /// REC-3: recovery by status, only after a confirmed session.
        Rec3 = "REC-3",
        /// REC-4: timers, counters and incidents are stored state.
        Rec4 = "REC-4",
        /// REC-5: deadlines survive clock jumps.
        Rec5 = "REC-5",
    }
}

impl Rule {
    /// What the rule says, in a few words.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Ses1 => "trading opens only on a confirmed session",
            Self::Log1 => "credentials are fetched on start and decrypted in memory only",
            Self::Log2 => "five login attempts with growing waits",
            Self::Log3 => "the fifth failed login stops the instance",
            Self::Log4 => "a manual reset inside the cool-down logs in when it ends",
            Self::Log5 => "three failed logins alert and throttle",
            Self::Log6 => "a login after failures clears them and says so once",
            Self::Log7 => "a manual reset zeroes the counter and reconnects",
            Self::Log8 => "network lost during login: wait, then retry, not counted",
            Self::Log9 => "a refusal is decided on evidence",
            Self::Log10 => "one login at a time per instance",
            Self::Brk1 => "broker down: reconnect after a wait, a few times",
            Self::Brk2 => "rate limited: pause, doubling; the third stops",
            Self::Brk3 => "what means rate limited",
            Self::Brk4 => "maintenance: stop and try again later",
            Self::Brk5 => "many instances failing together are one broker incident",
            Self::Net1 => "connection dropped: reconnect at once",
            Self::Net2 => "terminal crash: restart, a few times",
            Self::Net3 => "hot-state store lost: keep journalling, flush on return",
            Self::Net4 => "disconnected too long: alert, keep reconnecting",
            Self::Net5 => "reconnect loop: growing waits, then stop",
            Self::Trd1 => "partial fill",
            Self::Trd2 => "slippage",
            Self::Trd3 => "not executed in time",
            Self::Trd4 => "duplicate order",
            Self::Trd5 => "stop loss or take profit misfire",
            Self::Trd6 => "pending trades are retried after verification",
            Self::Trd7 => "no order without a durable intent",
            Self::Trd8 => "foreign orders are adopted and never touched",
            Self::Trd9 => "every retcode has one class",
            Self::Acc1 => "account disabled: stop at once",
            Self::Acc2 => "account closed: no recovery, ever",
            Self::Acc3 => "destruction is staged",
            Self::Acc4 => "the user is offered to add a new account",
            Self::Acc5 => "permissions changed: reconnect once, then stop",
            Self::Acc6 => "stored state unreadable: rebuild",
            Self::Acc7 => "user stop",
            Self::Rec1 => "recoveries that do not last end in a stop",
            Self::Rec2 => "state conflict: lock, re-read, retry",
            Self::Rec3 => "recovery by status, only after a confirmed session",
            Self::Rec4 => "timers, counters and incidents are stored state",
            Self::Rec5 => "deadlines survive clock jumps",
        }
    }
}
