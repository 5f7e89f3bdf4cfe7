//! Lists of objects, all pages, each object as it came.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::Answer;
use super::events::List;
use super::{Api, StripeError};

const PAGE_OBJECTS: &str = "100";
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
            let (page, last, at) = self.read(request, account, page).await?;
            listed.objects.extend(page);
            listed.at = at;
            let Some(last) = last else { return Ok(listed) };
            filter.insert("starting_after", last);
        }
        Err(StripeError::Malformed("its list does not end"))
    }
}

/// The objects of a page, and after which one the next begins.
fn page(answer: &Answer) -> Result<(Vec<Answer>, Option<String>, Option<DateTime<Utc>>), StripeError> {
    let page: List<'_> =
        serde_json::from_slice(&answer.body).map_err(|_| StripeError::Malformed("it is no list"))?;
    let objects: Vec<Answer> = page.data.iter().map(|object| answer.part(object.get())).collect();
    let last = objects.last().map(Answer::read::<Id>).transpose()?;
    Ok((objects, last.map(|last| last.id).filter(|_| page.has_more), answer.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_page_gives_its_objects_and_where_the_next_begins() {
        let of = |body: &str| Answer { body: Bytes::copy_from_slice(body.as_bytes()), ..Answer::default() };
        let (objects, last, _) =
            page(&of(r#"{"data": [{"id": "re_2"}, {"id":"re_1" }], "has_more": true}"#)).unwrap();
        assert_eq!((&objects[1].body[..], last.as_deref()), (&br#"{"id":"re_1" }"#[..], Some("re_1")));
        assert_eq!(page(&of(r#"{"data": [{"id": "re_2"}], "has_more": false}"#)).unwrap().1, None);
        assert!(page(&of(r#"{"data": [{}], "has_more": false}"#)).is_err());
    }
}
