//! Addresses that other programs know: the same work as under /api/v1, and what may be refunded.

use desk::acts::operations::plan::{self, Plan};
use desk::acts::operations::request::{Ask, Wanted};
use domain::operations::Reason;
use domain::permissions::Permission;
use hyper::Method;
use ledger::views::lists::PaymentFilter;
use ledger::views::page::{Page, Part};
use serde_json::json;

use super::figures::{self, SPAN};
use super::{disputes, payments};
use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Kind, PAGE, WHOSE, WINDOW, optional};
use crate::problem::Code;

/// Each payment is decided about by itself.
const JUDGED_LIMIT: i64 = 50;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "payment_history",
        method: Method::GET,
        path: "/api/payments/history",
        access: Access::Needs(Permission::Read),
        summary: "The same as list_payments.",
        query: &[payments::FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("payment"),
        errors: &[],
        run: run!(payments::list),
    },
    Endpoint {
        name: "payment_disputes",
        method: Method::GET,
        path: "/api/payments/disputes",
        access: Access::Needs(Permission::Read),
        summary: "The same as list_disputes.",
        query: &[disputes::FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("listed_dispute"),
        errors: &[],
        run: run!(disputes::list),
    },
    Endpoint {
        name: "resolve_payment_dispute",
        method: Method::POST,
        path: "/api/payments/disputes/{id}/resolve",
        access: Access::Needs(Permission::Manage),
        summary: "The same as resolve_dispute.",
        query: &[WHOSE],
        body: Some(disputes::REASON),
        answer: Shape::Done(201, "dispute_note"),
        errors: &[Code::NotFound, Code::Ambiguous, Code::Conflict],
        run: run!(disputes::resolve),
    },
    Endpoint {
        name: "refund_eligible",
        method: Method::GET,
        path: "/api/payments/refund-eligible",
        access: Access::Needs(Permission::Read),
        summary: "Of succeeded payments, the newest first, those that you may ask a refund for: how much is left, and whether it would need a confirmation or an approval. A page judges at most 50 payments, and may show fewer.",
        query: &[
            &[
                optional(
                    "payment",
                    Kind::Id,
                    "Only this payment, also where it may not be refunded, with the reason.",
                ),
                optional("customer", Kind::Id, "Only of this customer."),
                optional("user", Kind::Id, "Only of this user."),
            ],
            WINDOW,
            WHOSE,
            PAGE,
        ],
        body: None,
        answer: Shape::Page("eligible_payment"),
        errors: &[],
        run: run!(eligible),
    },
    Endpoint {
        name: "payment_metrics",
        method: Method::GET,
        path: "/api/payments/metrics",
        access: Access::Needs(Permission::Read),
        summary: "The same as get_metrics.",
        query: &[SPAN],
        body: None,
        answer: Shape::Done(200, "figures"),
        errors: &[],
        run: run!(figures::read),
    },
    Endpoint {
        name: "payments_api_metrics",
        method: Method::GET,
        path: "/payments/api/metrics/",
        access: Access::Needs(Permission::Read),
        summary: "The same as get_metrics.",
        query: &[SPAN],
        body: None,
        answer: Shape::Done(200, "figures"),
        errors: &[],
        run: run!(figures::read),
    },
];

async fn eligible(call: Call) -> Answered {
    let (query, whose) = (&call.query, call.whose());
    let wanted = query.text("payment");
    let page = if let Some(id) = &wanted {
        let mut rows = call.ledger().find::<domain::payments::Payment>(id).await?;
        rows.retain(|payment| whose.admits(&payment.key));
        Page { rows, next: None }
    } else {
        let filter = PaymentFilter {
            status: Some("succeeded".to_owned()),
            customer: query.text("customer"),
            user: query.text("user"),
            window: query.window()?,
            whose,
            ..PaymentFilter::default()
        };
        let part = query.part();
        let part = Part { limit: part.limit.min(JUDGED_LIMIT), ..part };
        call.read().await?.payments(&filter, &part).await?
    };
    let mut items = Vec::new();
    for payment in page.rows {
        let refund = Wanted::Refund { payment: payment.key.clone(), amount: None, currency: None };
        let mut ask = Ask { wanted: refund, reason: Reason::Other, note: None, confirmed: false };
        let plan: Plan = plan::plan(call.ledger(), &ask, call.actor()?, call.now).await?;
        let mut needs_approval = plan.needs_approval;
        if plan.needs_confirmation {
            // What is confirmed may need a second person, too.
            ask.confirmed = true;
            needs_approval = plan::plan(call.ledger(), &ask, call.actor()?, call.now).await?.needs_approval;
        }
        if plan.eligible || wanted.is_some() {
            items.push(json!({
                "payment": payment,
                "eligible": plan.eligible,
                "code": plan.code,
                "message": plan.message,
                "warning": plan.warning,
                "requires_confirmation": plan.needs_confirmation,
                "requires_approval": needs_approval,
                "money": plan.money,
            }));
        }
    }
    Ok(Answer::list(&Page { rows: items, next: page.next }))
}
