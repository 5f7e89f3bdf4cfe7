//! Lists of objects, all pages, each object as it came.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::Answer;
use super::events::List;
use super::{Api, StripeError};

pub(super) const PAGE_OBJECTS: &str = "100";
/// A list that is longer is refused: an answer made from a part of it would be wrong.
const PAGES_LIMIT: usize = 500;

/// What a list is of, by Stripe's names.
pub(super) type Filter = BTreeMap<&'static str, String>;

/// Objects that were created from one moment until before another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreatedBetween {
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// A whole list, each object as it came.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    pub objects: Vec<Answer>,
    /// When Stripe told its last page, by its own clock.
    pub at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

impl CreatedBetween {
    pub(super) fn narrow(self, filter: &mut Filter) {
        let stamp = |moment: DateTime<Utc>| moment.timestamp().to_string();
        filter.extend(self.from.map(|from| ("created[gte]", stamp(from))));
        filter.extend(self.until.map(|until| ("created[lt]", stamp(until))));
    }
}

impl Api {
    /// Every object of a list, the newest first.
    pub(super) async fn list(
        &self,
        path: &str,
        mut filter: Filter,
        account: &str,
    ) -> Result<Listed, StripeError> {
        filter.insert("limit", PAGE_OBJECTS.to_owned());
        let mut listed = Listed::default();
        for _ in 0..PAGES_LIMIT {
            let request = RequestBuilder::new(StripeMethod::Get, path).query(&filter);
            let page = self.read(request, account, page).await?;
            listed.objects.extend(page.objects);
            listed.at = page.at;
            let Some(last) = page.next_after else { return Ok(listed) };
            filter.insert("starting_after", last);
        }
        Err(StripeError::Malformed("its list does not end"))
    }
}

/// One page of a list.
pub(super) struct Page {
    pub(super) objects: Vec<Answer>,
    /// After which object the next page begins; `None` after the last page.
    pub(super) next_after: Option<String>,
    at: Option<DateTime<Utc>>,
}

pub(super) fn page(answer: &Answer) -> Result<Page, StripeError> {
    let page: List<'_> =
        serde_json::from_slice(&answer.body).map_err(|_| StripeError::Malformed("it is no list"))?;
    let objects: Vec<Answer> = page.data.iter().map(|object| answer.part(object.get())).collect();
    let last = objects.last().map(Answer::read::<Id>).transpose()?;
    let next_after = last.map(|last| last.id).filter(|_| page.has_more);
    Ok(Page { objects, next_after, at: answer.at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_page_gives_its_objects_and_where_the_next_begins() {
        let of = |body: &str| Answer { body: Bytes::copy_from_slice(body.as_bytes()), ..Answer::default() };
        let first = page(&of(r#"{"data": [{"id": "re_2"}, {"id":"re_1" }], "has_more": true}"#)).unwrap();
        assert_eq!(&first.objects[1].body[..], br#"{"id":"re_1" }"#);
        assert_eq!(first.next_after.as_deref(), Some("re_1"));
        assert_eq!(page(&of(r#"{"data": [{"id": "re_2"}], "has_more": false}"#)).unwrap().next_after, None);
        assert!(page(&of(r#"{"data": [{}], "has_more": false}"#)).is_err());
    }
}
