//! Stripe's lists of objects, page by page, each object as an event of our own: what is left of a past whose events
//! Stripe lists no more.

use chrono::{DateTime, Utc};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::lists::{CreatedBetween, Filter, PAGE_OBJECTS, page};
use super::objects::{ListedObject, listed};
use super::sending::sound;
use super::{Api, StripeError};
use domain::Kind;

/// Which objects to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectListing {
    pub kind: Kind,
    /// A connected account, or `""` for our own.
    pub account: String,
    /// Created at this moment or later.
    pub since: DateTime<Utc>,
    /// Created before this one; up to the newest where it is `None`.
    pub until: Option<DateTime<Utc>>,
}

/// Some objects, the newest first.
#[derive(Clone, Debug, Default)]
pub struct ObjectPage {
    pub objects: Vec<ListedObject>,
    /// After which object the next page begins; `None` after the last page.
    pub next_after: Option<String>,
}

impl Api {
    /// The page that follows an object, or the first one.
    #[shared::built_once]
    pub async fn object_page(
        &self,
        listing: &ObjectListing,
        after: Option<&str>,
    ) -> Result<ObjectPage, StripeError> {
        let Some(at) = listing.kind.at_stripe() else {
            return Err(StripeError::Unsendable("Stripe has no list of such objects"));
        };
        let mut filter = Filter::from([("limit", PAGE_OBJECTS.to_owned())]);
        if let Some(after) = after {
            filter.insert("starting_after", sound(after)?.to_owned());
        }
        match listing.kind {
            Kind::InvoicePayment => {} // cannot be narrowed by time everywhere: `within` does
            Kind::Subscription => {
                // Otherwise Stripe leaves out those that were canceled.
                filter.insert("status", "all".to_owned());
                listing.created().narrow(&mut filter);
            }
            _ => listing.created().narrow(&mut filter),
        }
        let request = RequestBuilder::new(StripeMethod::Get, format!("/{}", at.path)).query(&filter);
        let page = self.read(request, &listing.account, page).await?;
        let read = |object| listed(listing.kind, &listing.account, self.livemode(), object);
        let objects = page.objects.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(within(listing, ObjectPage { objects, next_after: page.next_after }))
    }
}

impl ObjectListing {
    fn created(&self) -> CreatedBetween {
        CreatedBetween { from: Some(self.since), until: self.until }
    }
}

/// What of a page was asked for. Pages go from the newest to the oldest: one with an object of before is the last.
fn within(listing: &ObjectListing, page: ObjectPage) -> ObjectPage {
    let since = listing.since.timestamp();
    let is_last = page.objects.last().is_some_and(|object| object.created < since);
    let next_after = page.next_after.filter(|_| !is_last);
    let mut objects = page.objects;
    objects.retain(|object| {
        object.created >= since && listing.until.is_none_or(|until| object.created < until.timestamp())
    });
    ObjectPage { objects, next_after }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Answer;
    use bytes::Bytes;
    use envelope::Source;

    fn object(created: i64) -> ListedObject {
        let body = format!(r#"{{"id":"inpay_{created}","object":"invoice_payment","created":{created}}}"#);
        let at = DateTime::from_timestamp(1_780_000_000, 0);
        let answer = Answer { body: Bytes::from(body), at, ..Answer::default() };
        listed(Kind::InvoicePayment, "acct_1", false, &answer).unwrap()
    }

    #[test]
    fn a_listed_object_is_an_event_with_the_stamp_of_the_answer() {
        let listed = object(5);
        let head = &listed.event.header;
        assert_eq!((head.id.as_str(), head.source), ("object_inpay_5_1780000000", Source::Object));
        assert_eq!((head.kind.as_str(), head.account.as_str()), ("invoice_payment.updated", "acct_1"));
        assert_eq!((listed.key.id.as_str(), head.created), ("inpay_5", 1_780_000_000));
    }

    #[test]
    fn a_page_ends_where_older_objects_begin() {
        let moment = |secs| DateTime::from_timestamp(secs, 0).unwrap();
        let listing = ObjectListing {
            kind: Kind::InvoicePayment,
            account: String::new(),
            since: moment(3),
            until: Some(moment(7)),
        };
        let page = |stamps: &[i64]| {
            let objects = stamps.iter().map(|created| object(*created)).collect();
            let page = within(&listing, ObjectPage { objects, next_after: Some("inpay_0".to_owned()) });
            let created: Vec<i64> = page.objects.iter().map(|object| object.created).collect();
            (created, page.next_after.is_some())
        };
        assert_eq!(page(&[8, 7, 6, 5]), (vec![6, 5], true));
        assert_eq!(page(&[5, 3]), (vec![5, 3], true));
        assert_eq!(page(&[4, 2]), (vec![4], false));
    }
}
