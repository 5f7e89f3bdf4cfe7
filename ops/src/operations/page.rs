//! One operation as text, or as the data of its page.

use std::process::ExitCode;

use desk::views::operation::OperationView;
use domain::operations::{NAME, Operation, OperationState};
use ledger::Ledger;
use shared::clock;

use crate::show::history;
use crate::table::{Table, clean};
use crate::{events, money, open, output, when};

pub struct Page(OperationView);

impl Page {
    pub async fn read(ledger: &Ledger, id: &str) -> anyhow::Result<Self> {
        let now = clock::now();
        let read = async { OperationView::read(&mut ledger.read().await?, id.trim(), now).await };
        match open::answer(ledger, read).await? {
            Some(view) => Ok(Self(view)),
            None => super::none_of(id, ledger),
        }
    }
}

/// What became of an act: the operation's page, and an exit code.
pub async fn shown(ledger: &Ledger, operation: Operation, json: bool) -> anyhow::Result<ExitCode> {
    let page = Page::read(ledger, operation.id()).await?;
    ledger.close().await;
    print(&page, json)?;
    Ok(super::code(&operation))
}

pub fn print(page: &Page, json: bool) -> anyhow::Result<()> {
    if json { output::print_json(&page.0) } else { output::print(&text(&page.0)) }
}

/// How to do what was only shown.
pub fn remark_yes(act: &str) {
    output::remark(&format!("nothing was done; to {act}, add --yes"));
}

fn text(view: &OperationView) -> String {
    let operation = &view.operation;
    let owner = events::belongs_to(&operation.key.account, operation.key.livemode);
    let mut text = format!(
        "{NAME} {}  {}  ({})\n{}: {}\n",
        clean(operation.id()),
        operation.state,
        clean(&owner),
        clean(&view.words.does),
        clean(&view.words.says)
    );
    if let Some(next) = &view.words.next {
        text.extend([&*clean(next), "\n"]);
    }
    if let Some(warning) = &operation.warning {
        text.extend(["Heed: ", &*clean(warning), "\n"]);
    }
    if let Some(words) = view.words.tell_customer {
        text.extend(["To the customer: ", words, "\n"]);
    }
    text.push('\n');
    text + &details(view) + &decisions(view) + &calls(view) + &history((NAME, &operation.key), &view.story())
}

fn details(view: &OperationView) -> String {
    let operation = &view.operation;
    let mut table = Table::default().text("").prose("", 200);
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            table.row([name.to_owned(), value]);
        }
    };
    let asked_by = format!("{} ({})", operation.requested_by, operation.known_by);
    let amount = || money::shown(operation.amount, &operation.currency);
    line("amount", (!operation.currency.is_empty() && !operation.asks_for_the_rest()).then(amount));
    line("subject", Some(format!("{} {}", operation.subject_kind, operation.subject_id)));
    line("reason", Some(operation.reason.as_str().replace('_', " ")));
    line("note", operation.note.clone());
    line("asked for by", Some(asked_by));
    line("caused by", operation.caused_by.clone());
    line("asked for", Some(when::whole(operation.requested_at)));
    line("approved by", operation.approved_by.clone());
    line("approved", operation.approved_at.map(when::whole));
    line("lapses", operation.expires_at.map(when::whole));
    line("customer", operation.customer.clone());
    line("parameters", Some(operation.parameters_hash.clone()));
    line("attempt", (operation.attempt > 0).then(|| operation.attempt.to_string()));
    line("key", operation.idempotency_key.clone());
    line("first sent", operation.first_sent_at.map(when::whole));
    line("paid with", operation.payment_method.clone());
    let again = match operation.state {
        OperationState::Unknown => "looked up again",
        OperationState::Approved if operation.is_planned() => "planned for",
        OperationState::Approved => "tried again",
        _ if operation.sent_again_at().is_some() => "tried again",
        _ => "looked at again",
    };
    line(again, operation.look_again_at.map(when::whole));
    line("made", operation.stripe_id.clone());
    line("status at Stripe", view.refund_status.clone().or_else(|| operation.stripe_status.clone()));
    line("request of Stripe's", operation.request_id.clone());
    line("error", operation.error_code.clone().or_else(|| operation.error_class.clone()));
    line("batch", view.batch.clone());
    line("retry of", operation.retry_of.clone());
    line("tried again by", Some(view.retried_by.join(", ")));
    table.render_bare()
}

fn decisions(view: &OperationView) -> String {
    let mut table =
        Table::default().text("DECIDED").text("WHAT").text("BY").text("KNOWN BY").prose("REASON", 80);
    for decided in &view.decisions {
        table.row([
            when::whole(decided.decided_at),
            decided.decision.as_str().to_owned(),
            decided.decided_by.clone(),
            decided.known_by.clone(),
            decided.reason.clone().unwrap_or_default(),
        ]);
    }
    if view.decisions.is_empty() { String::new() } else { format!("\n{}", table.render()) }
}

fn calls(view: &OperationView) -> String {
    let mut table = Table::default()
        .text("CALLED")
        .number("ATTEMPT")
        .text("CALL")
        .text("ANSWER")
        .number("STATUS")
        .text("CODE")
        .text("REPLAYED")
        .number("TOOK")
        .text("REQUEST");
    for call in &view.calls {
        table.row([
            when::whole(call.called_at),
            call.attempt.to_string(),
            format!("{} {}", call.method, call.path),
            call.class.clone(),
            call.http_status.map(|status| status.to_string()).unwrap_or_default(),
            call.stripe_code.clone().unwrap_or_default(),
            if call.replayed { "yes".to_owned() } else { String::new() },
            format!("{} ms", call.duration_ms),
            call.request_id.clone().unwrap_or_default(),
        ]);
    }
    if view.calls.is_empty() { String::new() } else { format!("\n{}", table.render()) }
}
