//! One object of Stripe's, as `tidegate show` tells of it.

use desk::views::cards::Cards;
use desk::views::object::{ObjectPages, ObjectView};
use domain::Object;

use crate::answer::Answer;
use crate::call::{Call, nothing, the_one};
use crate::endpoint::Answered;

/// The page of the object of this id. Dead letters that tell of it belong to it; they alone are no object.
pub(super) async fn page<V: ObjectView>(call: Call) -> Answered {
    let kind = V::Object::NAME;
    let pages = {
        let mut tx = call.read().await?;
        let cards = Cards::of(call.actor()?);
        ObjectPages::<V>::read(call.ledger(), &mut tx, call.id(), &call.whose(), cards, call.now).await?
    };
    if let ([], [letters, ..]) = (&pages.known[..], &pages.unapplied[..]) {
        let ids: Vec<&str> = letters.dead_letters.iter().map(|letter| letter.id.as_str()).collect();
        return Err(nothing(kind, call.id()).with("dead_letters", ids));
    }
    Ok(Answer::object(&the_one(kind, call.id(), pages.known)?))
}
