//! Decisions that are broken on purpose: tests that prove something must catch every one of them.
//!
//! Only in a build with the feature `mutants`, which no program of ours has; without it each place compiles to nothing.
//! One mutant at most is on, on one thread: a simulation that runs on this thread lives with it until it is dropped.
//!
//! ```
//! use warden_policy::mutant::Mutant;
//!
//! let broken = Mutant::ExpiredIsSent.set();
//! // Every step on this thread sends what came too late, and a test had better see it.
//! drop(broken);
//! ```

use std::{cell::Cell, fmt, marker::PhantomData};

macro_rules! mutants {
    ($($name:ident: $text:literal,)+) => {
        /// One broken decision.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mutant {
            $(
                #[doc = concat!("It is believed that ", $text, ".")]
                $name,
            )+
        }

        impl Mutant {
            /// Every mutant.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name, such as `ExpiredIsSent`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// What it wrongly believes, in one line.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

mutants! {
    TimeoutIsRefusal: "an order that is not answered in time was refused",
    UnknownIsSentAgain: "an order of which nobody knows may be sent again at once",
    OneLookIsProof: "one look that finds nothing proves that an order was not executed",
    OldLookCounts: "a look counts that began before the send could no longer be started",
    UnseenIsNotStarted: "an order that the gateway has not seen may be sent again at once",
    InterruptedIsNotStarted: "an order that the gateway began and did not end may be sent again at once",
    OldAnswerCounts: "the answer to an old send is the answer to the present one",
    RestartForgetsSend: "an order that was on its way when the supervisor died was not executed",
    AttemptRepeats: "every send of a trade has the same number",
    ExpiredIsSent: "a signal may be sent however late it is",
    ShutGateLetsOut: "orders may leave while the gate is shut",
    PauseLetsEntriesOut: "new positions may be opened while trading is paused",
    RestartLiftsHalt: "a restart lets halted trading go on",
    UnknownFreesLane: "a symbol is free for the next order while one of it is unknown",
    DuplicateIgnored: "a duplicate is nothing to be removed, counted or told",
    DuplicateCountedTwice: "one duplicate counts as two",
    LookalikeAdopted: "what looks like an order is that order",
    ExternalIsTouched: "what others made, or have a part in, may be changed and closed",
    DelayHalved: "half of a delay is enough before an order is tried again",
    RestForgotten: "a trade that is filled in part is filled",
    DeviationMissing: "an order may be filled at any price",
    SlippageUnjudged: "a fill is good at whatever price it came",
    StopLossForgotten: "a stop loss that is gone need not be set again",
}

thread_local! {
    static ON: Cell<Option<Mutant>> = const { Cell::new(None) };
}

impl Mutant {
    /// Puts it in force on this thread, in the place of any other, until the answer is dropped.
    #[must_use = "it is in force for as long as this lives"]
    pub fn set(self) -> InForce {
        ON.set(Some(self));
        InForce(PhantomData)
    }

    /// The mutant with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
    }

    pub(crate) fn is_on(self) -> bool {
        ON.get() == Some(self)
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Keeps a mutant in force on the thread that made it.
#[derive(Debug)]
pub struct InForce(PhantomData<*const ()>);

impl Drop for InForce {
    fn drop(&mut self) {
        ON.set(None);
    }
}
