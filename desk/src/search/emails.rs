//! An e-mail address is in no column, not even as a hash. So Stripe is asked whose it is, and nothing of it is kept.

use serde::Deserialize;
use stripe_api::StripeError;

use crate::till::{NotOpened, Till};

/// So many customers of one address are shown.
pub const CUSTOMERS_LIMIT: usize = 50;
const ADDRESS_LIMIT_BYTES: usize = 254;

#[derive(Deserialize)]
struct Customer {
    id: String,
}

/// Whether a name reads like an address: something before and after one `@`, and no space.
pub fn is_email(name: &str) -> bool {
    let halves = name.split_once('@');
    name.len() <= ADDRESS_LIMIT_BYTES
        && name.bytes().all(|byte| byte.is_ascii_graphic() || !byte.is_ascii())
        && halves.is_some_and(|(person, host)| {
            !person.is_empty() && host.contains('.') && !host.contains('@') && !host.starts_with('.')
        })
}

/// The customers that have exactly this address at Stripe, the newest first.
#[shared::built_once]
pub async fn customers_of(till: &Till, email: &str, livemode: bool) -> Result<Vec<String>, NotOpened> {
    let listed = till.api(livemode)?.customers_by_email(email, "").await.map_err(NotOpened::Unavailable)?;
    let ids = listed.objects.iter().take(CUSTOMERS_LIMIT).map(|object| Ok(object.read::<Customer>()?.id));
    ids.collect::<Result<_, StripeError>>().map_err(NotOpened::Unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_names_and_numbers() {
        for email in ["jane@shop.example", "j.o'hara+x@mail.shop.example", "jürgen@shop.example"] {
            assert!(is_email(email), "{email}");
        }
        for other in
            ["user@host", "@shop.example", "jane@", "jane doe@shop.example", "a@b@c.d", "19.99 eur", "cus_1"]
        {
            assert!(!is_email(other), "{other}");
        }
        assert!(!is_email(&format!("{}@shop.example", "a".repeat(300))));
    }
}
