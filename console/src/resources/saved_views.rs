//! Views: filters that whoever asks keeps under a name.

use desk::acts::saved_views;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::tables::saved_views::SavedView;

use crate::answer::Answer;
use crate::call::{Call, nothing};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Kind, optional, required};
use crate::problem::Code;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_views",
        method: Method::GET,
        path: "/api/v1/views",
        access: Access::Needs(Permission::Read),
        summary: "List the filters that you keep under names.",
        query: &[],
        body: None,
        answer: Shape::Page("saved_view"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "save_view",
        method: Method::POST,
        path: "/api/v1/views",
        access: Access::Needs(Permission::Read),
        summary: "Keep the filters of a page of the console under a name; another view of this name and page is replaced.",
        query: &[],
        body: Some(&[
            required("name", Kind::Id, "At most 60 characters."),
            required("path", Kind::Id, "The page, as in `/payments/history`."),
            optional("query", Kind::Text, "What its address says behind the question mark."),
        ]),
        answer: Shape::Done(201, "saved_view"),
        errors: &[],
        run: run!(save),
    },
    Endpoint {
        name: "delete_view",
        method: Method::POST,
        path: "/api/v1/views/{id}/delete",
        access: Access::Needs(Permission::Read),
        summary: "Delete a view of yours.",
        query: &[],
        body: Some(&[]),
        answer: Shape::Done(200, "saved_view"),
        errors: &[Code::NotFound],
        run: run!(delete),
    },
];

async fn list(call: Call) -> Answered {
    let staff = call.actor()?.staff().to_owned();
    Ok(Answer::whole_list(&call.read().await?.saved_views_of(&staff, None).await?))
}

async fn save(call: Call) -> Answered {
    let view = SavedView {
        id: format!("view_{}", shared::trace::random_hex::<12>()),
        staff: String::new(),
        name: call.body.given("name")?,
        path: call.body.given("path")?,
        query: call.body.text("query").unwrap_or_default(),
        saved_at: call.now,
    };
    let kept = saved_views::keep(call.ledger(), view, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::CREATED, &kept))
}

async fn delete(call: Call) -> Answered {
    let deleted = saved_views::delete(call.ledger(), call.id(), call.actor()?, call.now).await?;
    let deleted = deleted.ok_or_else(|| nothing("view", call.id()))?;
    Ok(Answer::done(StatusCode::OK, &deleted))
}
