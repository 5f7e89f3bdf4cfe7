//! What happens by itself when its time has come.

use crate::books::{Books, Happening};
use crate::{balance, charges, disputes, invoices, payouts, refunds, subscriptions};

/// All that is due now, in its order, each at its own second.
pub(crate) fn run(books: &mut Books) {
    let now = books.now;
    while let Some(place) = next(books, now) {
        let (due, happening) = books.to_come.remove(place);
        books.now = due;
        happen(books, happening);
        books.now = now;
    }
}

fn next(books: &Books, now: i64) -> Option<usize> {
    let due = books.to_come.iter().enumerate().filter(|(_, (due, _))| *due <= now);
    due.min_by_key(|(place, (due, _))| (*due, *place)).map(|(place, _)| place)
}

fn happen(books: &mut Books, happening: Happening) {
    match happening {
        Happening::ChargeSettles(id) => charges::settle(books, &id),
        Happening::FundsBecomeAvailable(id) => balance::funds_become_available(books, &id),
        Happening::RefundSucceeds(id) => refunds::succeed(books, &id),
        Happening::RefundFails(id, reason) => drop(refunds::fail(books, &id, reason)),
        Happening::DisputeEnds(id, status) => drop(disputes::end(books, &id, status)),
        Happening::PayoutArrives(id) => payouts::arrive(books, &id),
        Happening::PaymentMoves(id) => invoices::follow(books, &id),
        Happening::InvoiceAdvances(id) => invoices::advance(books, &id),
        Happening::SubscriptionLapses(id) => subscriptions::lapse(books, &id),
    }
}
