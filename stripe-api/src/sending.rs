//! Sends what has an effect: once, under an idempotency key that its caller stored before.

use std::collections::BTreeMap;

use envelope::is_identifier;
use serde::{Deserialize, Serialize};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::{Answer, ErrorAnswer};
use super::transport::{Outgoing, Sender};
use super::{Api, StripeError};

/// As long as Stripe lets a key be.
const KEY_LIMIT_CHARS: usize = 255;

/// What the merchant, and we, write on an object.
pub type Metadata = BTreeMap<String, String>;

/// For which account, ours where it is `""`, and under which idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    pub account: &'a str,
    pub key: &'a str,
}

/// What every answered object says.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    id: Option<String>,
    object: String,
}

impl Api {
    /// Sends a form. The answer's class, not this function, says whether it may be sent again.
    pub(super) async fn post<F: Serialize>(
        &self,
        path: String,
        form: &F,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Post, path).form(form);
        self.send(&Outgoing::from(request), sending).await
    }

    pub(super) async fn send(&self, request: &Outgoing, sending: Sending<'_>) -> Result<Answer, StripeError> {
        if !(1..=KEY_LIMIT_CHARS).contains(&sending.key.len()) {
            return Err(StripeError::Unsendable("its idempotency key is empty or too long"));
        }
        let sender = Sender { account: sending.account, idempotency_key: Some(sending.key) };
        let answer = self.unless_stopped(self.exchange(request, sender)).await?;
        object_of(answer)
    }

    /// Reads one object, without retries beyond those of its `Api`.
    pub(super) async fn get(&self, path: String, account: &str) -> Result<Answer, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, path);
        self.read(request, account, |answer| object_of(answer.clone())).await
    }
}

/// A success carries an object. One that only waits for the merchant's approval is none.
fn object_of(answer: Answer) -> Result<Answer, StripeError> {
    let head: Head = answer.read()?;
    if head.object.ends_with("approval_request") {
        return Err(StripeError::Answered(Box::new(ErrorAnswer {
            status: answer.status,
            is_readable: true,
            code: Some("approval_required".to_owned()),
            approval_request: head.id.filter(|id| is_identifier(id)),
            request_id: answer.request_id,
            is_replayed: answer.is_replayed,
            original_request: answer.original_request,
            ..ErrorAnswer::default()
        })));
    }
    Ok(answer)
}

/// An id as part of a path.
pub(super) fn sound(id: &str) -> Result<&str, StripeError> {
    if is_identifier(id) {
        Ok(id)
    } else {
        Err(StripeError::Unsendable("an id has characters that ids do not have"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AnswerClass;
    use bytes::Bytes;

    #[test]
    fn a_success_that_only_waits_for_approval_is_none() {
        let answer = |body: &'static str| Answer {
            status: 200,
            body: Bytes::from_static(body.as_bytes()),
            ..Answer::default()
        };
        let waits =
            object_of(answer(r#"{"id": "areq_1", "object": "v2.core.approval_request"}"#)).unwrap_err();
        assert_eq!(waits.class(), AnswerClass::ApprovalRequired);
        assert_eq!(waits.answer().unwrap().approval_request.as_deref(), Some("areq_1"));
        assert!(object_of(answer(r#"{"id": "re_1", "object": "refund"}"#)).is_ok());
        assert_eq!(object_of(answer("{\"id\": \"re")).unwrap_err().class(), AnswerClass::Unknown, "cut off");
    }
}
