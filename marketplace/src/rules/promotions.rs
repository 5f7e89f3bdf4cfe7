//! Places promotions: featured for so many days, one after the other; a bump at most once in so many hours.

use chrono::{DateTime, Utc};

use super::{Judged, Known, Verdict, Why};
use crate::record::Span;
use crate::terms::{FEATURED, PROMOTIONS};

/// What the promotions of a listing come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Promoted {
    pub(super) featured_until: Option<DateTime<Utc>>,
    pub(super) bumped_at: Option<DateTime<Utc>>,
    pub(super) bump_again_at: Option<DateTime<Utc>>,
}

pub(super) fn grant(known: &Known<'_>, active: &[Span], judged: &mut [Judged]) -> Promoted {
    let mut promoted = Promoted::default();
    for judged in judged.iter_mut().filter(|judged| PROMOTIONS.contains(&judged.what.as_str())) {
        let (Verdict::Granted, Some(paid_at)) = (judged.verdict, judged.paid_at) else { continue };
        if let Some(why) = known.closed_at(paid_at) {
            judged.verdict = Verdict::Owed(why);
        } else if !active.iter().any(|span| span.holds(paid_at)) {
            judged.verdict = Verdict::Owed(Why::NotActive);
        } else if judged.what == FEATURED {
            let from = promoted.featured_until.map_or(paid_at, |until| until.max(paid_at));
            let until = from + known.terms.featured(paid_at);
            (judged.from, judged.until) = (Some(from), Some(until));
            promoted.featured_until = Some(until);
        } else if promoted.bump_again_at.is_some_and(|again_at| paid_at < again_at) {
            judged.verdict = Verdict::Owed(Why::TooSoon);
        } else {
            let until = paid_at + known.terms.between_bumps(paid_at);
            (judged.from, judged.until) = (Some(paid_at), Some(until));
            (promoted.bumped_at, promoted.bump_again_at) = (Some(paid_at), Some(until));
        }
    }
    promoted
}
