//! The shop's pages: plain HTML without scripts. Each shows what Tidegate says, and the buttons that come next.

use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use super::homepage::USER;

const CATEGORIES: [(&str, &str); 4] =
    [("Housing", "5.00 USD"), ("Jobs", "10.00 USD"), ("Motorcycles", "3.00 USD"), ("Free stuff", "free")];
const STYLE: &str = "
:root{color-scheme:light dark;--line:light-dark(#d9d9de,#3a3a42);--soft:light-dark(#f5f5f7,#1d1d22);--ink:light-dark(#1c1c22,#ececf1);--quiet:light-dark(#5c5c66,#a4a4b0);--act:light-dark(#3b4cca,#9aa8ff)}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:52rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:light-dark(#fff,#141418)}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.05rem;margin:0 0 .6rem}p{margin:.4rem 0}a{color:var(--act)}
.quiet{color:var(--quiet)}
section{overflow-x:auto;border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin:1rem 0}
ol.way{display:flex;flex-wrap:wrap;gap:.4rem;list-style:none;padding:0;margin:1rem 0}
ol.way li{padding:.15rem .7rem;border-radius:1rem;border:1px solid var(--line);color:var(--quiet)}
ol.way li.done{background:var(--soft);color:var(--ink)}ol.way li.now{background:var(--act);border-color:var(--act);color:light-dark(#fff,#101018)}
.buttons{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center}
button,select{font:inherit;padding:.45rem .9rem;border-radius:.5rem;border:1px solid var(--line);background:var(--soft);color:var(--ink)}
button.first{background:var(--act);border-color:var(--act);color:light-dark(#fff,#101018)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
code{font:.9em ui-monospace,monospace}ul.asked{list-style:none;padding:0;margin:0}
";

/// What may be pressed on the page of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Checkout,
    Pay,
    Feature,
    Bump,
    Reject,
    Delete,
}

impl Step {
    const ALL: [Self; 6] = [Self::Checkout, Self::Pay, Self::Feature, Self::Bump, Self::Reject, Self::Delete];

    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.word() == word)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Pay => "pay",
            Self::Feature => "feature",
            Self::Bump => "bump",
            Self::Reject => "reject",
            Self::Delete => "delete",
        }
    }
}

fn around(title: &str, looks: Option<(&str, usize)>, asked: &[String], content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if let Some((path, looks)) = looks {
                    meta http-equiv="refresh" content=(format!("1; url=/{path}?look={}", looks - 1));
                }
                title { (title) " · demo shop" }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.quiet { a href="/" { "The demo's shop" } ": a homepage that sells listings, with a Stripe that moves no money" }
                }
                main { (content) }
                @if !asked.is_empty() {
                    section {
                        h2 { "What this page asked Tidegate" }
                        ul.asked { @for line in asked { li { code { (line) } } } }
                    }
                }
            }
        }
    };
    page.into_string()
}

pub fn front(active: &[Value], asked: &[String]) -> String {
    around(
        "Listings",
        None,
        asked,
        &html! {
            h1 { "Post a listing" }
            section {
                form.buttons method="post" action="/post" {
                    label for="category" { "Category" }
                    select id="category" name="category" {
                        @for (category, fee) in CATEGORIES { option value=(category) { (category) ", " (fee) } }
                    }
                    button.first type="submit" { "Post it" }
                }
                p.quiet { "You are " code { "user_you" } ". A category with a fee waits for its payment; a free one is active at once." }
            }
            section {
                h2 { "Shown now: bumped first, then the newest" }
                @if active.is_empty() { p.quiet { "Nothing is active." } }
                table {
                    @for row in active {
                        tr {
                            td { a href=(format!("/{}", word(&row["id"]))) { (word(&row["id"])) } }
                            td { (word(&row["category_id"])) }
                            td { (word(&row["user_id"])) }
                            td { @if row["is_featured"] == true { "featured" } @if !row["bumped_at"].is_null() { " bumped" } }
                        }
                    }
                }
            }
        },
    )
}

pub fn listing(found: &Value, looks: usize, asked: &[String]) -> String {
    let row = &found["listing"];
    let (id, status) = (word(&row["id"]), word(&row["status"]));
    let is_own = row["user_id"] == USER;
    let looks = (looks > 0).then_some((id, looks));
    around(
        id,
        looks,
        asked,
        &html! {
            (way(found))
            h1 { (word(&row["category_id"])) " · " (id) }
            p { strong { (status.replace('_', " ")) } ". " (word(&row["says"])) }
            @if looks.is_some() { p.quiet { "Something is on its way: this page looks again by itself." } }
            section {
                h2 { "What comes next" }
                div.buttons {
                    @if is_own {
                        @match status {
                            "pending_payment" | "expired" => {
                                (button(id, Step::Checkout, "Pay the posting fee", true))
                                (button(id, Step::Delete, "Delete it", false))
                            }
                            "active" => {
                                (button(id, Step::Feature, "Feature it for 7 days, 5.00 USD", true))
                                (button(id, Step::Bump, "Bump it to the top, 2.00 USD", false))
                                (button(id, Step::Delete, "Delete it", false))
                            }
                            _ => { a href="/" { "Post another one" } }
                        }
                    }
                    @if matches!(status, "pending_payment" | "active" | "expired") {
                        (button(id, Step::Reject, "Reject it, as moderation", false))
                    } @else if !is_own { a href="/" { "Post one" } }
                }
            }
            @if let Some(payments) = found["payments"].as_array().filter(|payments| !payments.is_empty()) {
                section {
                    h2 { "Payments" }
                    table {
                        tr { th { "For" } th { "What became of it" } th { "Refund" } }
                        @for payment in payments {
                            tr {
                                td { (word(&payment["what"]).replace('_', " ")) }
                                td { (word(&payment["says"])) }
                                td { (word(&payment["refund_state"]).replace('_', " ")) }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// Where the customer pays: a homepage would give the secret to Stripe's own form here.
pub fn to_pay(id: &str, to_pay: &Value) -> String {
    let (intent, money) = (word(&to_pay["payment_intent"]), &to_pay["money"]);
    let amount = domain::money::shown(money["amount"].as_i64().unwrap_or_default(), word(&money["currency"]));
    around(
        "Pay",
        None,
        &[],
        &html! {
            h1 { "Pay " (amount) }
            p { "For: " (word(&to_pay["payment_type"]).replace('_', " ")) " of " a href=(format!("/{id}")) { (id) } "." }
            section {
                h2 { "Your card" }
                form.buttons method="post" action=(format!("/{id}/{}", Step::Pay.word())) {
                    input type="hidden" name="intent" value=(intent);
                    button.first type="submit" name="card" value="good" { "Pay with a card that is good" }
                    button type="submit" name="card" value="declined" { "Pay with one that is declined" }
                }
                p.quiet { "Tidegate gave the secret of " code { (intent) } ". In a real shop Stripe's form takes the card; here a fake Stripe does." }
            }
        },
    )
}

pub fn fault(words: &str, asked: &[String]) -> String {
    around(
        "Not done",
        None,
        asked,
        &html! {
            h1 { "That was not done" }
            p role="alert" { (words) }
            p { a href="/" { "To the shop" } }
        },
    )
}

fn button(id: &str, step: Step, words: &str, is_first: bool) -> Markup {
    html! {
        form method="post" action=(format!("/{id}/{}", step.word())) {
            button.first[is_first] type="submit" { (words) }
        }
    }
}

/// Posted, paid and active, featured, rejected, refunded: how far it has come.
fn way(found: &Value) -> Markup {
    let row = &found["listing"];
    let has = |verdict: &str| payments(found).any(|payment| payment["verdict"] == verdict);
    let is_rejected = row["status"] == "rejected";
    let featured = payments(found).any(|it| it["what"] == "featured" && it["verdict"] != "awaited");
    let was_active = !row["active_from"].is_null() || has("gone");
    let is_refunded =
        is_rejected && payments(found).count() > 0 && payments(found).all(|it| it["verdict"] == "gone");
    let steps = [
        ("posted", true),
        ("active", was_active),
        ("featured", featured),
        ("rejected", is_rejected),
        ("refunded", is_refunded),
    ];
    let last = steps.iter().rposition(|(_, done)| *done);
    html! {
        ol.way {
            @for (place, (step, done)) in steps.iter().enumerate() {
                li.done[*done].now[Some(place) == last] { (step) }
            }
        }
    }
}

fn payments(found: &Value) -> impl Iterator<Item = &Value> {
    found["payments"].as_array().into_iter().flatten()
}

/// Whether what was done last has not come to its end yet.
pub fn is_on_its_way(found: &Value) -> bool {
    let waits = found["open_checkouts"].as_array().is_some_and(|open| !open.is_empty());
    let goes_back =
        payments(found).any(|payment| payment["verdict"].is_object() || payment["verdict"] == "awaited");
    waits || goes_back
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
