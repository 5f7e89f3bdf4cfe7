//! Listings of the marketplace: put, look, pay, promote, reject, delete; and what they are sold on. Each address stands
//! twice: below /api/v1, and where the homepage's own program knows it.

use domain::Key;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::views::lists::OperationFilter;
use marketplace::acts::pay::{self, Shop, ToPay};
use marketplace::acts::put::{self, Put};
use marketplace::acts::remove;
use marketplace::acts::set_term::{self, NewTerm};
use marketplace::terms::{LISTING_FEE, ListingTerms, PROMOTIONS};
use marketplace::view::{ListingFilter, ListingView, list as read_list};
use marketplace::{Refusal, State};
use secrecy::ExposeSecret;
use serde_json::json;

use super::operations;
use crate::answer::Answer;
use crate::call::{Call, the_one};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional, required};
use crate::metrics::RatedBy;
use crate::problem::{Code, Problem};

const DONE: &[Code] = &[Code::NotFound, Code::Conflict, Code::Refused];
const FOUND: &[Code] = &[Code::NotFound, Code::Ambiguous];
const USER: Field = required("user_id", Kind::Id, "For whom you act: the listing must be theirs.");
const FROM: Field = optional(
    "customer_ip",
    Kind::Address,
    "The customer's address, as your program saw it: IPv4 or IPv6. It is counted by its network for a minute, and kept nowhere.",
);
const OF_USER: &[Field] = &[USER];
const CHECKOUT: &[Field] = &[USER, FROM];
const PUT: &[Field] = &[
    USER,
    required("category_id", Kind::Id, "Its category: `Cars & Trucks` and `cars_trucks` are the same."),
    optional("currency", Kind::Currency, "Of its fee and of its promotions; usd where none is given."),
];
const PROMOTE: &[Field] = &[USER, required("type", Kind::Word(promotions), "What is bought."), FROM];
const FILTER: &[Field] = &[
    optional(
        "status",
        Kind::Word(states),
        "Only these. Active ones come bumped first, then the newest; all others the newest first.",
    ),
    optional("category", Kind::Id, "Only in this category: `Cars & Trucks` and `cars_trucks` are the same."),
    optional("user", Kind::Id, "Only of this user."),
];

/// One row below /api/v1, and the same where the homepage knows it.
macro_rules! twice {
    ($(
        $name:literal, $alias:literal, $method:ident, $rest:literal, $permission:ident, $summary:literal,
        $query:expr, $body:expr, $answer:expr, $errors:expr, $work:expr;
    )*) => {
        pub(super) const ENDPOINTS: &[Endpoint] = &[$(
            Endpoint {
                name: $name,
                method: Method::$method,
                path: concat!("/api/v1/marketplace/listings", $rest),
                access: Access::Needs(Permission::$permission),
                summary: $summary,
                query: $query,
                body: $body,
                answer: $answer,
                errors: $errors,
                run: run!($work),
            },
            Endpoint {
                name: $alias,
                method: Method::$method,
                path: concat!("/api/marketplace/listings", $rest),
                access: Access::Needs(Permission::$permission),
                summary: concat!("The same as ", $name, "."),
                query: $query,
                body: $body,
                answer: $answer,
                errors: $errors,
                run: run!($work),
            },
        )*];
    };
}
twice! {
    "list_listings", "search_listings", GET, "", Read,
    "List listings. Without a status all of them, the newest first.",
    &[FILTER, WHOSE, PAGE], None, Shape::Page("listing"), &[], list;

    "get_listing", "find_listing", GET, "/{id}", Read,
    "One listing: how it stands, what was paid for it, and what became of that.",
    &[WHOSE], None, Shape::Object("listing_page"), FOUND, get;

    "put_listing", "put_marketplace_listing", PUT, "/{id}", Request,
    "Put a listing under an id of your own. It is active at once where its category is free; else it waits for its fee. The same once more changes nothing.",
    &[WHOSE], Some(PUT), Shape::Done(200, "listing_page"), DONE, put;

    "checkout_listing", "checkout_marketplace_listing", POST, "/{id}/checkout", Request,
    "Ask for the posting fee. The answer has a client_secret, by which the customer pays; as long as it is unpaid, it is the same however often you ask. It is kept nowhere: no Idempotency-Key is needed.",
    &[WHOSE], Some(CHECKOUT), Shape::Done(200, "to_pay"), DONE, checkout;

    "promote_listing", "promote_marketplace_listing", POST, "/{id}/promote", Request,
    "Ask for a promotion of an active listing: featured, or a bump, of which there is one in 24 hours. The answer is as that of checkout.",
    &[WHOSE], Some(PROMOTE), Shape::Done(200, "to_pay"), DONE, promote;

    "reject_listing", "reject_marketplace_listing", POST, "/{id}/reject", Request,
    "Reject a listing by moderation. What was paid for it and still runs is given back: at once where it was paid within 24 hours, else when a person approves it.",
    &[WHOSE], Some(super::disputes::REASON), Shape::Done(200, "listing_page"), DONE, reject;

    "delete_listing", "delete_marketplace_listing", DELETE, "/{id}", Request,
    "Delete a listing. It is kept as evidence for 90 days (the term listing_evidence_days), and removed then.",
    &[OF_USER, WHOSE], Some(&[]), Shape::Done(200, "listing_page"), DONE, delete;
}

pub(super) const TERMS: &[Endpoint] = &[
    Endpoint {
        name: "list_listing_terms",
        method: Method::GET,
        path: "/api/v1/marketplace/terms",
        access: Access::Needs(Permission::Read),
        summary: "What listings are sold on now: fees by category, prices of promotions, and how long things last.",
        query: &[],
        body: None,
        answer: Shape::Page("listing_term"),
        errors: &[],
        run: run!(terms),
    },
    Endpoint {
        name: "set_listing_term",
        method: Method::POST,
        path: "/api/v1/marketplace/terms",
        access: Access::Needs(Permission::Admin),
        summary: "Set a fee, a price or a length from now on. What was paid before is judged by what held then. A price below the half or above the double of what it was within a day waits for a second administrator where there is one.",
        query: &[],
        body: Some(&[
            required(
                "name",
                Kind::Id,
                "`listing_fee.CATEGORY`, featured, bump, listing_days, featured_days, bump_hours or listing_evidence_days.",
            ),
            optional("currency", Kind::Currency, "Of a fee or a price."),
            required("value", Kind::Whole(0, 99_999_999), "Minor units, days or hours."),
            required("reason", Kind::Text, "Why, for the audit."),
        ]),
        answer: Shape::Done(201, "set_listing_term"),
        errors: DONE,
        run: run!(set),
    },
];

/// Refunds as the homepage's administrators know them.
pub(super) const REFUNDS: &[Endpoint] = &[
    Endpoint {
        name: "marketplace_refunds",
        method: Method::GET,
        path: "/admin/api/marketplace/refunds",
        access: Access::Needs(Permission::Read),
        summary: "The same as list_operations, of refunds.",
        query: &[REFUND_FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("listed_operation"),
        errors: &[],
        run: run!(refunds),
    },
    Endpoint {
        name: "approve_marketplace_refund",
        method: Method::POST,
        path: "/admin/api/marketplace/refunds/{id}/approve",
        access: Access::Needs(Permission::Manage),
        summary: "The same as approve_operation.",
        query: &[],
        body: Some(operations::APPROVE),
        answer: Shape::Done(202, "asked_operation"),
        errors: operations::DECIDED,
        run: run!(operations::approve),
    },
    Endpoint {
        name: "reject_marketplace_refund",
        method: Method::POST,
        path: "/admin/api/marketplace/refunds/{id}/reject",
        access: Access::Needs(Permission::Manage),
        summary: "The same as reject_operation.",
        query: &[],
        body: Some(super::disputes::REASON),
        answer: Shape::Done(200, "asked_operation"),
        errors: operations::DECIDED,
        run: run!(operations::reject),
    },
];

const REFUND_FILTER: &[Field] = &[
    optional("state", Kind::Word(operations::states), "Only in this state."),
    optional("payment", Kind::Id, "Only about this payment."),
    optional("open", Kind::Flag, "`true`: only those that may still move money."),
];

fn promotions() -> Vec<&'static str> {
    PROMOTIONS.to_vec()
}

fn states() -> Vec<&'static str> {
    State::WORDS.to_vec()
}

/// The listing of an id: of your own account, and of the mode of the console's key, where nothing else is said.
fn key(call: &Call) -> Key {
    let whose = call.whose();
    let livemode = whose.livemode.or(call.console.till().livemode()).unwrap_or(false);
    Key { id: call.id().to_owned(), account: whose.account.unwrap_or_default(), livemode }
}

async fn list(call: Call) -> Answered {
    let status = call.query.text("status");
    let filter = ListingFilter {
        state: State::ALL.into_iter().find(|state| Some(state.as_str()) == status.as_deref()),
        category: call.query.text("category"),
        user: call.query.text("user"),
        whose: call.whose(),
    };
    Ok(Answer::list(&read_list(&mut call.read().await?, &filter, &call.query.part(), call.now).await?))
}

async fn get(call: Call) -> Answered {
    let found = ListingView::read(&mut call.read().await?, call.id(), &call.whose(), call.now).await?;
    Ok(Answer::object(&the_one("listing", call.id(), found)?))
}

async fn put(call: Call) -> Answered {
    let currency = call.body.text("currency").unwrap_or_else(|| "usd".to_owned());
    let (user, category) = (call.body.given("user_id")?, call.body.given("category_id")?);
    let wanted = Put { key: key(&call), user, category, currency };
    let view = put::put(call.ledger(), &wanted, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &view))
}

async fn checkout(call: Call) -> Answered {
    pay(&call, LISTING_FEE).await
}

async fn promote(call: Call) -> Answered {
    pay(&call, &call.body.given("type")?).await
}

async fn pay(call: &Call, what: &str) -> Answered {
    let user = call.body.given("user_id")?;
    let too_many = |by: RatedBy, whose: &str, secs: u64| {
        call.console.metrics().rate_limited(by);
        Problem::new(Code::RateLimited, format!("too many checkouts {whose}: wait {secs} s"))
    };
    if let Some(Err(secs)) = call.body.address("customer_ip").map(|it| call.console.take_checkout_from(it)) {
        return Err(too_many(RatedBy::Network, "from this network", secs));
    }
    if let Err(secs) = call.console.take_checkout_of(&user) {
        return Err(too_many(RatedBy::User, "of this user", secs));
    }
    let shop = Shop { ledger: call.ledger(), queue: call.console.queue(), till: call.console.till() };
    let to_pay = pay::ask(shop, &key(call), what, &user, call.actor()?, call.now).await?;
    let ToPay { checkout, payment_intent, secret, what, amount, currency } = to_pay;
    Ok(Answer::done(
        StatusCode::OK,
        &json!({"checkout": checkout, "payment_intent": payment_intent, "client_secret": secret.expose_secret(),
            "payment_type": what, "money": {"amount": amount, "currency": currency}}),
    ))
}

async fn reject(call: Call) -> Answered {
    let reason = call.body.given("reason")?;
    let view = remove::reject(call.ledger(), &key(&call), &reason, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &view))
}

async fn delete(call: Call) -> Answered {
    let user = call.query.given("user_id")?;
    let view = remove::delete(call.ledger(), &key(&call), &user, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &view))
}

async fn terms(call: Call) -> Answered {
    let terms = ListingTerms::read(&mut call.read().await?).await?;
    let shown: Vec<_> = terms
        .all_at(call.now)
        .into_iter()
        .map(|(name, currency, value)| json!({"name": name, "currency": currency, "value": value}))
        .collect();
    Ok(Answer::whole_list(&shown))
}

async fn set(call: Call) -> Answered {
    let new = NewTerm {
        name: call.body.given("name")?,
        currency: call.body.text("currency").unwrap_or_default(),
        value: call.body.whole("value").unwrap_or_default(),
        reason: call.body.given("reason")?,
    };
    let term = set_term::set_term(call.ledger(), &new, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::CREATED, &term))
}

async fn refunds(call: Call) -> Answered {
    let query = &call.query;
    let filter = OperationFilter {
        kind: Some("refund".to_owned()),
        state: query.text("state"),
        payment: query.text("payment"),
        open: query.flag("open") == Some(true),
        ..OperationFilter::default()
    };
    operations::listed(&call, filter).await
}

impl From<Refusal> for Problem {
    fn from(refused: Refusal) -> Self {
        use desk::till::NotOpened as N;
        let code = match refused {
            Refusal::Ledger(error) | Refusal::NotOpened(N::Ledger(error)) => return error.into(),
            Refusal::Forbidden(forbidden) => return forbidden.into(),
            Refusal::Text(refusal) => return refusal.into(),
            Refusal::NotOpened(N::Unavailable(cause)) => {
                let detail = "Stripe does not answer: ask again in a few seconds, nothing is charged twice";
                return Self::unavailable(detail, cause).with("reason", "stripe_unavailable");
            }
            Refusal::NoSuchListing { .. } => Code::NotFound,
            Refusal::BadId { .. } | Refusal::Term { .. } => Code::InvalidParameter,
            Refusal::OtherUser { .. } => Code::Forbidden,
            Refusal::Removed { .. }
            | Refusal::OtherGoods { .. }
            | Refusal::State { .. }
            | Refusal::Paid { .. }
            | Refusal::Unreadable(_)
            | Refusal::NotOpened(N::Paid | N::Moved | N::OtherMode { .. }) => Code::Conflict,
            Refusal::NotSold { .. }
            | Refusal::Free { .. }
            | Refusal::TooSoon { .. }
            | Refusal::TooManyPayments { .. }
            | Refusal::NotOpened(_) => Code::Refused,
        };
        Self::new(code, refused.to_string()).with("reason", refused.code())
    }
}
