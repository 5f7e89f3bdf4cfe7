//! Lists of objects, whole or page by page, each object as it came.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::Answer;
use super::events::List;
use super::{Api, StripeError};

pub(super) const PAGE_OBJECTS: &str = "100";
/// A list that is longer is not held in memory: it is refused, because an answer made from a part of it would be wrong.
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
        filter: Filter,
        account: &str,
    ) -> Result<Listed, StripeError> {
        let (mut listed, mut after) = (Listed::default(), None);
        for _ in 0..PAGES_LIMIT {
            let page = self.list_page(path, filter.clone(), after, account).await?;
            listed.objects.extend(page.objects);
            listed.at = page.at;
            after = page.next_after;
            if after.is_none() {
                return Ok(listed);
            }
        }
        Err(StripeError::Malformed("its list does not end"))
    }

    /// The page of a list that follows an object, or the first one.
    pub(super) async fn list_page(
        &self,
        path: &str,
        mut filter: Filter,
        after: Option<String>,
        account: &str,
    ) -> Result<ListPage, StripeError> {
        filter.insert("limit", PAGE_OBJECTS.to_owned());
        filter.extend(after.map(|after| ("starting_after", after)));
        let request = RequestBuilder::new(StripeMethod::Get, path).query(&filter);
        self.read(request, account, page).await
    }
}

/// One page of a list, each object as it came.
#[derive(Clone, Debug, Default)]
pub struct ListPage {
    pub objects: Vec<Answer>,
    /// After which object the next page begins; `None` after the last page.
    pub next_after: Option<String>,
    at: Option<DateTime<Utc>>,
}

pub(super) fn page(answer: &Answer) -> Result<ListPage, StripeError> {
    let page: List<'_> =
        serde_json::from_slice(&answer.body).map_err(|_| StripeError::Malformed("it is no list"))?;
    let objects: Vec<Answer> = page.data.iter().map(|object| answer.part(object.get())).collect();
    let last = objects.last().map(Answer::read::<Id>).transpose()?;
    let next_after = last.map(|last| last.id).filter(|_| page.has_more);
    Ok(ListPage { objects, next_after, at: answer.at })
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
