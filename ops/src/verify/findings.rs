//! What `tidegate audit verify` found, in words.

use desk::verify::{Altered, Chains, DamagedSegment, Seals, Verified, Witnessed};
use ledger::views::consistency::End;

use crate::output;

const SHOWN_FINDINGS: usize = 10;

/// What is wrong, a sentence each, the gravest of a kind first and not all of many.
pub(super) fn of(verified: &Verified) -> Vec<String> {
    let some = |ids: &[String]| ids.iter().take(SHOWN_FINDINGS).cloned().collect::<Vec<_>>().join(", ");
    let mut findings = Vec::new();
    if !verified.damaged.is_empty() {
        let ids = some(&verified.damaged);
        findings.push(format!(
            "{} events whose bodies have changed: {ids}. Restore `segments` and `bodies` from a backup",
            verified.damaged.len()
        ));
    }
    for DamagedSegment { segment, fault, events } in verified.damaged_segments.iter().take(SHOWN_FINDINGS) {
        findings.push(format!(
            "segment {segment} is damaged: {fault}. It has the bodies of {} events: {}. Restore this row of `segments` from a backup (docs/runbook.md, \"A damaged segment\")",
            events.len(),
            some(events)
        ));
    }
    if !verified.without_segment.is_empty() {
        findings.push(format!(
            "{} events whose segment is gone before its time: {}. Restore `segments` from a backup",
            verified.without_segment.len(),
            some(&verified.without_segment)
        ));
    }
    if !verified.erased_with_bodies.is_empty() {
        findings.push(format!(
            "{} events that were erased have their bodies again: {}. `{} events erase ID` takes them out again",
            verified.erased_with_bodies.len(),
            some(&verified.erased_with_bodies),
            output::me()
        ));
    }
    if !verified.inconsistent.is_empty() {
        let ids = some(&verified.inconsistent);
        findings.push(format!(
            "{} events whose outcome and reason do not agree: {ids}",
            verified.inconsistent.len()
        ));
    }
    if verified.orphaned_bodies > 0 {
        findings.push(format!("{} bodies without an event", verified.orphaned_bodies));
    }
    for broken in verified.broken_audits.iter().take(SHOWN_FINDINGS) {
        let (kind, id) = (&broken.subject_kind, &broken.subject_id);
        findings.push(format!(
            "the audit of {kind} {id} has {} lines, and the last is {}",
            broken.lines, broken.last
        ));
    }
    let Chains { altered, ends, .. } = &verified.chains;
    for Altered { subject_kind, subject_id, revision } in altered.iter().take(SHOWN_FINDINGS) {
        findings.push(format!(
            "line {revision} of {subject_kind} {subject_id} is not the one that was written: someone changed it, or removed an earlier one"
        ));
    }
    for end in ends.iter().take(SHOWN_FINDINGS) {
        findings.push(parted(end));
    }
    findings.extend(of_seals(&verified.seals));
    findings.extend(verified.queue.as_ref().filter(|queue| !queue.is_right()).map(of_queue));
    findings
}

/// Where an object and its lines part.
fn parted(End { subject_kind, subject_id, counted, .. }: &End) -> String {
    match counted {
        Some(counted) => format!(
            "{subject_kind} {subject_id} counts {counted} lines, and the last line in the audit is not its last: a line was removed or changed"
        ),
        None => format!("{subject_kind} {subject_id} is gone: only its audit lines are left"),
    }
}

fn of_seals(seals: &Seals) -> Vec<String> {
    let mut findings = Vec::new();
    if let Some(first) = seals.broken.first() {
        findings.push(format!(
            "{} blocks are not what was sealed, the first is {first}: someone changed the seals, or what they cover",
            seals.broken.len()
        ));
    }
    if let Some(first) = seals.missing.first() {
        let block = match first {
            0 => "no block yet".to_owned(),
            number => format!("block {number}"),
        };
        findings.push(format!(
            "{} committed events or audit lines are gone or changed, the first in {block}. Restore the ledger from a backup beside this one, and compare; `{} backfill` fetches events that Stripe still has",
            seals.missing.len(),
            output::me()
        ));
    }
    if seals.has_kept_head == Some(false) {
        findings.push(
            "the given head is not in this ledger: what was sealed then is lost or was recreated".to_owned(),
        );
    }
    findings
}

fn of_queue(queue: &Witnessed) -> String {
    format!(
        "this ledger has lost its last commits: the queue has handed over {} messages, up to number {}, and the ledger knows {}, up to number {}. Restore them from a backup, or fetch the events from Stripe with `{} backfill`",
        queue.forgotten,
        queue.highest_forgotten,
        queue.taken,
        queue.highest_taken,
        output::me()
    )
}
