//! Key figures of a span of time, as `tidegate report kpi` has them: rates, failures by code, money by currency.

use desk::views::kpi::{self, KpiQuery, SPAN_LIMIT_HOURS, Step};
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::views::kpi::Scope;

use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, optional};
use crate::problem::Problem;

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    name: "get_metrics",
    method: Method::GET,
    path: "/api/v1/metrics",
    access: Access::Needs(Permission::Read),
    summary: "Key figures up to now, by the time of the events: rates beside their targets, failures by code, money by currency.",
    query: &[SPAN],
    body: None,
    answer: Shape::Done(200, "figures"),
    errors: &[],
    run: run!(read),
}];

pub(super) const SPAN: &[Field] = &[
    optional("hours", Kind::Whole(1, SPAN_LIMIT_HOURS), "How many hours back; 24 if not given."),
    optional("by", Kind::Word(steps), "Also cut into hours or days."),
    optional("livemode", Kind::Flag, "`false`: of test mode; live if not given."),
    optional("account", Kind::Id, "Only of this connected account; empty is your own."),
];

const HOURS_DEFAULT: i64 = 24;

fn steps() -> Vec<&'static str> {
    vec!["hour", "day"]
}

pub(super) async fn read(call: Call) -> Answered {
    let query = &call.query;
    let step = match query.text("by").as_deref() {
        Some("hour") => Step::Hour,
        Some(_) => Step::Day,
        None => Step::Whole,
    };
    let scope = Scope { livemode: query.flag("livemode").unwrap_or(true), account: query.text("account") };
    let hours = query.whole("hours").unwrap_or(HOURS_DEFAULT);
    let wanted = KpiQuery::of_hours(hours, step, scope, call.now);
    let wanted = wanted.map_err(|fault| Problem::invalid("hours", fault))?;
    let figures = kpi::read_soon(call.ledger(), &wanted).await?;
    Ok(Answer::done(StatusCode::OK, &figures))
}
