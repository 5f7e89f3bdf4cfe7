//! What an answer of Stripe means for the request that it answers, and what is done next. Pure; the executor only does
//! what is said here.

use chrono::{DateTime, TimeDelta, Utc};

use crate::row::words;

/// Stripe forgets an idempotency key after 24 h; afterwards the same key would be a new request.
pub const KEY_LIFETIME: TimeDelta = TimeDelta::hours(23);
/// A request that fails on the way is repeated so often before it rests.
pub const REPEATS_LIMIT: u32 = 3;
const LOOK_AGAIN_LEAST: TimeDelta = TimeDelta::minutes(1);
const LOOK_AGAIN_MOST: TimeDelta = TimeDelta::hours(1);
/// Stripe lets a request for approval expire after 7 days.
const APPROVAL_LIFETIME: TimeDelta = TimeDelta::days(8);

words! {
    /// What to make of an answer, or of none.
    pub enum AnswerClass {
        // It may have been done. Send the same key within 23 h, or look the object up.
        Unknown = "unknown",
        // Done, though its object may still be `pending`.
        Done = "done",
        // Definitely not done. Only a new decision, under a new key, may try again.
        Refused = "refused",
        // The API key is not accepted: every other request will be answered alike.
        KeyRevoked = "key_revoked",
        // A request under the same idempotency key is still running: send the same key later.
        TwinRuns = "twin_runs",
        // Not done, and nothing speaks against it: send the same key later.
        NotDone = "not_done",
        // The idempotency key was used for another request, which may have been done: look it up, never take a
        // fresh key.
        KeyReused = "key_reused",
        // It waits for the merchant's approval at Stripe and may be executed later: never send it anew.
        ApprovalRequired = "approval_required",
        // Stripe made a payment for it, and no try to take its money has ended: never send it anew.
        UnderWay = "under_way",
    }
}

impl AnswerClass {
    /// Time may heal it, and the same request under the same key does no harm.
    pub fn may_repeat(self) -> bool {
        matches!(self, Self::TwinRuns | Self::NotDone | Self::Unknown)
    }

    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.as_str() == word)
    }
}

/// What follows from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Succeed,
    Fail,
    /// The same again, at once but for a pause.
    Repeat,
    /// Nothing was done: the same again later.
    Wait,
    /// Nobody knows: unknown until it is looked at again.
    Doubt,
    /// Sending again would tell nothing: only what Stripe lists can.
    LookUp,
    /// It waits at Stripe for the merchant, and is only looked up.
    Park,
    /// No operation can be sent with this key.
    Halt,
}

/// What follows from an answer to the so many-th repetition, where an earlier one of this attempt may be in doubt.
pub fn after(class: AnswerClass, is_replayed: bool, repetition: u32, in_doubt: bool) -> Next {
    match class {
        AnswerClass::Done => Next::Succeed,
        // A refusal that is no kept answer says nothing about the request in doubt: a key that lost its rights since is
        // refused before Stripe looks at the idempotency key.
        AnswerClass::Refused if in_doubt && !is_replayed => Next::LookUp,
        AnswerClass::Refused => Next::Fail,
        AnswerClass::KeyRevoked => Next::Halt,
        AnswerClass::KeyReused => Next::LookUp,
        AnswerClass::ApprovalRequired | AnswerClass::UnderWay => Next::Park,
        // A kept failure: the key answers nothing else any more.
        AnswerClass::Unknown if is_replayed => Next::LookUp,
        _ if repetition < REPEATS_LIMIT => Next::Repeat,
        AnswerClass::Unknown => Next::Doubt,
        AnswerClass::TwinRuns | AnswerClass::NotDone if in_doubt => Next::Doubt,
        AnswerClass::TwinRuns | AnswerClass::NotDone => Next::Wait,
    }
}

/// What to do with an attempt of which Stripe's lists show nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// The key still stands for one request, whatever happened to the first.
    SendAgain,
    LookAgain,
    /// Nobody but a person can know.
    AskAPerson,
}

/// `now` is the later of our clock and Stripe's: a clock of ours that was set back makes no key younger. Nor does a
/// time of sending that lies in the future.
pub fn when_not_found(
    last: Option<AnswerClass>,
    first_sent_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> NotFound {
    let age = now - first_sent_at;
    match last {
        Some(AnswerClass::ApprovalRequired) if age < APPROVAL_LIFETIME => NotFound::LookAgain,
        Some(AnswerClass::ApprovalRequired | AnswerClass::KeyReused | AnswerClass::UnderWay) => {
            NotFound::AskAPerson
        }
        _ if age >= KEY_LIFETIME || age < -LOOK_AGAIN_MOST => NotFound::AskAPerson,
        _ => NotFound::SendAgain,
    }
}

/// How long something in doubt rests: the longer, the older it is.
pub fn rest(first_sent_at: DateTime<Utc>, now: DateTime<Utc>) -> TimeDelta {
    (now - first_sent_at).clamp(LOOK_AGAIN_LEAST, LOOK_AGAIN_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use AnswerClass::{ApprovalRequired, Done, KeyReused, KeyRevoked, NotDone, Refused, TwinRuns, Unknown};

    #[test]
    fn every_answer_has_what_follows_from_it() {
        // Class, replayed, repetition, an earlier one in doubt.
        for (class, replayed, repetition, in_doubt, next) in [
            (Done, false, 0, false, Next::Succeed),
            (Done, true, 3, true, Next::Succeed),
            (Refused, false, 0, false, Next::Fail),
            (Refused, true, 2, true, Next::Fail),
            (Refused, false, 1, true, Next::LookUp),
            (KeyRevoked, false, 0, false, Next::Halt),
            (KeyReused, false, 0, false, Next::LookUp),
            (ApprovalRequired, false, 0, false, Next::Park),
            (TwinRuns, false, 0, false, Next::Repeat),
            (TwinRuns, false, 3, false, Next::Wait),
            (TwinRuns, false, 3, true, Next::Doubt),
            (NotDone, false, 2, true, Next::Repeat),
            (NotDone, false, 3, false, Next::Wait),
            (NotDone, false, 3, true, Next::Doubt),
            (Unknown, false, 0, true, Next::Repeat),
            (Unknown, false, 3, true, Next::Doubt),
            (Unknown, true, 0, true, Next::LookUp),
        ] {
            assert_eq!(after(class, replayed, repetition, in_doubt), next, "{class} {replayed} {repetition}");
        }
    }

    #[test]
    fn only_what_is_not_settled_may_be_repeated() {
        let repeatable: Vec<&str> =
            AnswerClass::ALL.iter().filter(|class| class.may_repeat()).map(|class| class.as_str()).collect();
        assert_eq!(repeatable, ["unknown", "twin_runs", "not_done"]);
    }

    #[test]
    fn a_key_is_sent_again_only_while_stripe_keeps_it() {
        let sent = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let hours = |hours| sent + TimeDelta::hours(hours);
        for (last, now, expected) in [
            (None, hours(0), NotFound::SendAgain),
            (Some(Unknown), hours(22), NotFound::SendAgain),
            (Some(Unknown), hours(23), NotFound::AskAPerson),
            (None, hours(23), NotFound::AskAPerson),
            (None, hours(-2), NotFound::AskAPerson),
            (Some(KeyReused), hours(0), NotFound::AskAPerson),
            (Some(ApprovalRequired), hours(0), NotFound::LookAgain),
            (Some(ApprovalRequired), hours(24 * 7), NotFound::LookAgain),
            (Some(ApprovalRequired), hours(24 * 8), NotFound::AskAPerson),
        ] {
            assert_eq!(when_not_found(last, sent, now), expected, "{last:?} at {now}");
        }
    }

    #[test]
    fn doubt_rests_longer_as_it_grows_older() {
        let sent = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let after = |minutes| rest(sent, sent + TimeDelta::minutes(minutes)).num_minutes();
        assert_eq!((after(-5), after(0), after(10), after(600)), (1, 1, 10, 60));
    }
}
