//! What a listing says in the answer to a dispute about one of its payments: what was bought, for which time, and what
//! was done with the listing. Facts of its record, its checkouts and its payments; a person reads them before a bank does.

use chrono::{DateTime, Utc};
use domain::checkouts::Checkout;
use domain::evidence::{EvidenceField as Field, Testimony};
use domain::goods::Goods;
use domain::money;

use crate::record::Record;
use crate::rules::{Derived, Judged};
use crate::terms::{BUMP, FEATURED, LISTING_FEE};

/// A bank reads a page, not a log. The first lines say who put it, the last ones what was done since.
const FIRST_LINES: usize = 10;
const LAST_LINES: usize = 60;

/// `bought` is what the payments had been granted before anybody disputed them.
pub(crate) fn testimony(
    goods: &Goods,
    record: &Record,
    checkouts: &[Checkout],
    bought: &Derived,
) -> Testimony {
    let told =
        Testimony::default().always(Field::AccessActivityLog, history(goods, record, checkouts, bought));
    bought.payments.iter().fold(told, |told, judged| {
        // What bought nothing is described by its payment alone.
        let (Some(from), Some(until)) = (judged.from, judged.until) else { return told };
        told.about(
            &judged.payment,
            Field::ProductDescription,
            description(goods, record, judged, from, until),
        )
        .about(&judged.payment, Field::ServiceDate, dates(judged, from, until))
    })
}

fn description(
    goods: &Goods,
    record: &Record,
    judged: &Judged,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> String {
    let price = money::shown(judged.amount, &judged.currency);
    let (id, category, user) = (&goods.key.id, &record.category, &goods.user_id);
    let (what, time) = match judged.what.as_str() {
        LISTING_FEE => {
            ("Posting fee", format!("It pays for showing the listing from {} to {}.", at(from), at(until)))
        }
        FEATURED => {
            ("Promotion", format!("It pays for featuring the listing from {} to {}.", at(from), at(until)))
        }
        _ => ("Promotion", format!("It moved the listing to the top of the list on {}.", at(from))),
    };
    format!(
        "{what} of {price} for listing {id} in the category {category}. The listing was put on our site on {} by the user {user}. {time}",
        at(goods.created_at)
    )
}

fn dates(judged: &Judged, from: DateTime<Utc>, until: DateTime<Utc>) -> String {
    let day = |at: DateTime<Utc>| at.format("%Y-%m-%d").to_string();
    if judged.what == BUMP { day(from) } else { format!("{} to {}", day(from), day(until)) }
}

/// What was done, in the order in which it was.
fn history(goods: &Goods, record: &Record, checkouts: &[Checkout], bought: &Derived) -> String {
    let user = &goods.user_id;
    let mut lines = vec![(goods.created_at, format!("the user {user} put the listing {}", goods.key.id))];
    if record.categorised_at != goods.created_at {
        lines.push((
            record.categorised_at,
            format!("the user {user} put it into the category {}", record.category),
        ));
    }
    for asked in checkouts {
        let price = money::shown(asked.amount, &asked.currency);
        lines.push((
            asked.created_at,
            format!(
                "the user {} asked on our site to pay {price} ({})",
                asked.user_id,
                asked.what.replace('_', " ")
            ),
        ));
    }
    for judged in &bought.payments {
        let Some(paid_at) = judged.paid_at else { continue };
        let price = money::shown(judged.amount, &judged.currency);
        let what = judged.what.replace('_', " ");
        lines.push((paid_at, format!("{price} was paid ({what}, {})", judged.payment)));
        if let (LISTING_FEE | FEATURED, Some(from), Some(until)) =
            (judged.what.as_str(), judged.from, judged.until)
        {
            let word = if judged.what == FEATURED { "featured" } else { "shown" };
            lines.push((from, format!("the listing was {word}, paid until {}", at(until))));
        }
    }
    let removed =
        [("our moderation rejected it", &record.rejected), ("its owner deleted it", &record.deleted)];
    lines.extend(removed.iter().filter_map(|(words, word)| Some((word.as_ref()?.at, (*words).to_owned()))));
    // Stripe's clock and ours tell of one minute: within it things stand in the order in which they are done.
    lines.sort_by_key(|(at, _)| at.timestamp().div_euclid(60));
    let mut text: Vec<String> = lines.iter().map(|(when, words)| format!("{}: {words}", at(*when))).collect();
    if text.len() > FIRST_LINES + LAST_LINES {
        let left_out = FIRST_LINES..text.len() - LAST_LINES;
        let count = left_out.len();
        text.splice(left_out, [format!("({count} more lines)")]);
    }
    text.join("\n")
}

fn at(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
