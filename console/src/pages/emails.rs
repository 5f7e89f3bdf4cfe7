//! Whose e-mail address this is: Stripe is asked, for none is stored.

use desk::search::emails::customers_of;
use desk::till::{NotOpened, Till};
use domain::customers::Customer;
use domain::{Key, Object};
use ledger::Ledger;
use maud::{Markup, html};

use super::found::{Failed, Found as Answered};
use super::shell::Frame;
use super::values::{capitalised, object, page_of};

/// The page of the only customer who has it, else those whom Stripe names.
pub(super) async fn find(
    ledger: &Ledger,
    till: Option<&Till>,
    frame: &Frame<'_>,
    email: &str,
) -> Result<Answered, Failed> {
    let asked = match till {
        Some(till) => customers_of(till, email, frame.livemode).await,
        None => Err(NotOpened::NoKey),
    };
    let (ids, why) = match asked {
        Ok(ids) => (ids, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    let keys = ids.iter().map(|id| Key { id: id.clone(), account: String::new(), livemode: frame.livemode });
    let mut keys: Vec<Key> = keys.collect();
    keys.sort();
    keys.dedup();
    let known =
        if keys.is_empty() { Vec::new() } else { ledger.read().await?.look_up::<Customer>(&keys).await? };
    if let ([_], [only]) = (&keys[..], &known[..]) {
        return Ok(Answered::Elsewhere(page_of(Customer::NAME, &only.key.id)));
    }
    let is_known = |key: &Key| known.iter().any(|customer| customer.key == *key);
    Ok(Answered::Page("Search".to_owned(), page(email, &keys, is_known, why.as_ref())))
}

fn page(email: &str, keys: &[Key], is_known: impl Fn(&Key) -> bool, why: Option<&NotOpened>) -> Markup {
    html! {
        div.title { h1 { "Search" } }
        section.panel { div.empty {
            @match (why, keys) {
                (Some(why), _) => {
                    p { strong { "Stripe could not be asked whose address this is: " (why) "." } }
                    p { "E-mail addresses are not stored here, so only Stripe can say it." }
                }
                (None, []) => {
                    p { strong { "No customer at Stripe has the address " span.id { (email) } "." } }
                    p { "Stripe compares letter by letter, capitals too." }
                }
                (None, keys) => {
                    p { strong { (capitalised(&super::values::counted(keys.len(), "customer"))) " at Stripe " @if keys.len() == 1 { "has" } @else { "have" } " this address." } }
                    ul { @for key in keys {
                        li { @if is_known(key) { (object(Customer::NAME, &key.id)) } @else { span.id { (key.id) } ", of whom no event has arrived" } }
                    } }
                }
            }
        } }
    }
}
