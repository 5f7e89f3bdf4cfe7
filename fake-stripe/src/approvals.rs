//! Requests that wait at Stripe for one of the merchant's own people.

use crate::call::{Call, Reply};
use crate::error::Refusal;

#[derive(Default)]
pub(crate) struct Approvals(Vec<Waiting>);

pub(crate) struct Waiting {
    id: String,
    pub(crate) call: Call,
    pub(crate) livemode: bool,
}

impl Approvals {
    /// What waits is told by an error that names it.
    pub(crate) fn ask(&mut self, call: &Call, livemode: bool) -> Reply {
        let id = format!("areq_{}", call.id.trim_start_matches("req_"));
        self.0.push(Waiting { id: id.clone(), call: call.clone(), livemode });
        let words = format!(
            "This request needs an approval before it is executed. The approval request {id} was created."
        );
        Refusal::new(words).code("approval_required").with("approval_request", id).reply()
    }

    pub(crate) fn take(&mut self, id: &str) -> Option<Waiting> {
        let place = self.0.iter().position(|waiting| waiting.id == id)?;
        Some(self.0.remove(place))
    }

    pub(crate) fn ids(&self) -> Vec<&str> {
        self.0.iter().map(|waiting| waiting.id.as_str()).collect()
    }
}
