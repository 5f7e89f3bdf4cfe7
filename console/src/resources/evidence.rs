//! The answer to a dispute: the draft, its texts and its files. It is stored at Stripe, and submitted, by operations.

use desk::acts::evidence::{Change, Upload, attach as attach_file, change};
use desk::views::evidence::EvidenceView;
use domain::disputes::Dispute;
use domain::evidence::{EvidenceField, Form, Goods};
use domain::permissions::Permission;
use domain::{Key, Object};
use hyper::{Method, StatusCode};

use crate::answer::Answer;
use crate::call::{Call, nothing, the_one};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, WHOSE, optional, required};
use crate::problem::{Code, Problem};

const ONE: &[Code] = &[Code::NotFound, Code::Ambiguous];
const CHANGED: &[Code] = &[Code::NotFound, Code::Ambiguous, Code::Conflict];
const ANY_FIELD: Field = required("field", Kind::Word(all), "Stripe's name of the field.");

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "get_evidence",
        method: Method::GET,
        path: "/api/v1/disputes/{id}/evidence",
        access: Access::Needs(Permission::Read),
        summary: "The answer to a dispute: each value with where it comes from, what is required and missing, the files, and what is stored at Stripe.",
        query: &[WHOSE],
        body: None,
        answer: Shape::Object("evidence"),
        errors: ONE,
        run: run!(get),
    },
    Endpoint {
        name: "write_evidence",
        method: Method::POST,
        path: "/api/v1/disputes/{id}/evidence",
        access: Access::Needs(Permission::Request),
        summary: "Write a text of the answer, or say what was sold. Nothing is sent to Stripe.",
        query: &[WHOSE],
        body: Some(&[
            optional("field", Kind::Word(texts), "Stripe's name of the field."),
            optional("text", Kind::LongText, "What it says, in place of what the ledger fills in."),
            optional("goods", Kind::Word(goods), "What was sold."),
        ]),
        answer: Shape::Done(200, "evidence"),
        errors: CHANGED,
        run: run!(write),
    },
    Endpoint {
        name: "attach_evidence",
        method: Method::POST,
        path: "/api/v1/disputes/{id}/evidence/files",
        access: Access::Needs(Permission::Request),
        summary: "Attach a PDF, JPEG or PNG. It is uploaded to Stripe when the evidence is stored there.",
        query: &[WHOSE],
        body: Some(&[
            required(
                "field",
                Kind::Word(files),
                "Stripe's name of the field. Stripe takes one file for each.",
            ),
            required("file", Kind::File, "At most 4.5 MB, as all files of an answer together."),
            optional("replace", Kind::Flag, "`true`: in the place of the file that the field has."),
        ]),
        answer: Shape::Done(201, "evidence"),
        errors: CHANGED,
        run: run!(attach),
    },
    Endpoint {
        name: "leave_out_evidence",
        method: Method::POST,
        path: "/api/v1/disputes/{id}/evidence/leave-out",
        access: Access::Needs(Permission::Request),
        summary: "Leave a field of the answer empty, or take its file back.",
        query: &[WHOSE],
        body: Some(&[ANY_FIELD]),
        answer: Shape::Done(200, "evidence"),
        errors: CHANGED,
        run: run!(leave_out),
    },
    Endpoint {
        name: "restore_evidence",
        method: Method::POST,
        path: "/api/v1/disputes/{id}/evidence/restore",
        access: Access::Needs(Permission::Request),
        summary: "Let the ledger, or Stripe, fill a field of the answer in again.",
        query: &[WHOSE],
        body: Some(&[ANY_FIELD]),
        answer: Shape::Done(200, "evidence"),
        errors: CHANGED,
        run: run!(restore),
    },
];

fn all() -> Vec<&'static str> {
    EvidenceField::WORDS.to_vec()
}

fn texts() -> Vec<&'static str> {
    of_form(|form| matches!(form, Form::Text | Form::Line))
}

fn files() -> Vec<&'static str> {
    of_form(|form| form == Form::File)
}

fn of_form(is_it: impl Fn(Form) -> bool) -> Vec<&'static str> {
    EvidenceField::ALL.iter().filter(|field| is_it(field.form())).map(|field| field.as_str()).collect()
}

fn goods() -> Vec<&'static str> {
    Goods::WORDS.to_vec()
}

async fn get(call: Call) -> Answered {
    let dispute = dispute(&call).await?;
    Ok(Answer::object(&view(&call, &dispute).await?))
}

async fn write(call: Call) -> Answered {
    let dispute = dispute(&call).await?;
    let (field, text, goods) = (call.body.text("field"), call.body.text("text"), call.body.text("goods"));
    // The text first: it may be refused.
    let goods = goods.and_then(|goods| Goods::try_from(goods).ok());
    let mut changes = Vec::new();
    match (field, text) {
        (Some(field), Some(text)) => changes.push(Change::Text { field, text }),
        (None, None) if goods.is_some() => {}
        (Some(_), None) => return Err(Problem::invalid("text", "it is required beside field")),
        (None, _) => return Err(Problem::invalid("field", "it is required beside text")),
    }
    changes.extend(goods.map(Change::Goods));
    for wanted in &changes {
        change(call.ledger(), &dispute, wanted, call.actor()?, call.now).await?;
    }
    Ok(Answer::done(StatusCode::OK, &view(&call, &dispute).await?))
}

async fn attach(call: Call) -> Answered {
    let dispute = dispute(&call).await?;
    let content = call.file.clone().ok_or_else(|| Problem::invalid("file", "it is required"))?;
    let upload = Upload {
        field: call.body.given("field")?,
        name: call.body.given("file")?,
        content: content.to_vec(),
        replaces: call.body.flag("replace") == Some(true),
    };
    attach_file(call.ledger(), &dispute, upload, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::CREATED, &view(&call, &dispute).await?))
}

async fn leave_out(call: Call) -> Answered {
    changed(&call, Change::LeaveOut { field: call.body.given("field")? }).await
}

async fn restore(call: Call) -> Answered {
    changed(&call, Change::Restore { field: call.body.given("field")? }).await
}

async fn changed(call: &Call, wanted: Change) -> Answered {
    let dispute = dispute(call).await?;
    change(call.ledger(), &dispute, &wanted, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &view(call, &dispute).await?))
}

async fn dispute(call: &Call) -> Result<Key, Problem> {
    the_dispute(call, call.id()).await
}

/// The dispute that an id names.
pub(super) async fn the_dispute(call: &Call, id: &str) -> Result<Key, Problem> {
    let whose = call.whose();
    let mut found = call.ledger().find::<Dispute>(id).await?;
    found.retain(|dispute: &Dispute| whose.admits(&dispute.key));
    Ok(the_one(Dispute::NAME, id, found)?.key)
}

async fn view(call: &Call, dispute: &Key) -> Result<EvidenceView, Problem> {
    let view = EvidenceView::read(&mut call.read().await?, dispute, call.now).await?;
    view.ok_or_else(|| nothing(Dispute::NAME, &dispute.id))
}
