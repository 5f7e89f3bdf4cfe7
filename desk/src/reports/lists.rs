//! The lists of a report, each streamed into a file, a page at a time: what happened to money, what staff decided and
//! what was said to Stripe, who may act, and what was compared.

use chrono::{DateTime, TimeDelta, Utc};
use ledger::views::audit_list::AuditFilter;
use ledger::views::kpi::{Scope, Stretch};
use ledger::views::lists::{
    DisputeFilter, FailureFilter, FindingFilter, InvoiceFilter, OperationFilter, PaymentFilter, RefundFilter,
};
use ledger::views::page::{Page, Part};
use ledger::views::search::{Whose, Window};
use ledger::views::stored_events::EventFilter;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::ReportError;
use super::folder::Folder;
use super::period::ReportKind;
use crate::csv::{self, Column};
use crate::sheets::{self, desk_records};
use crate::views::dispute_list::{DisputeQuery, read_list};
use crate::views::failed_attempts;

/// So many rows are in memory at a time.
const ROWS_AT_ONCE: i64 = 500;

/// What the lists of a report have in common.
pub(super) struct Lists<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) scope: &'a Scope,
    pub(super) stretch: Stretch,
}

/// The blocks of the audit that were sealed within the period, beside what `tidegate audit verify` compares.
#[derive(Serialize)]
struct AuditProof {
    first_block: Option<i64>,
    last_block: Option<i64>,
    blocks: i64,
    lines: i64,
    events: i64,
    /// The hash of the last of them: kept elsewhere, it shows later that nothing before it was changed.
    head: Option<String>,
    check: &'static str,
}

impl Lists<'_> {
    pub(super) async fn write(
        &self,
        tx: &mut Transaction,
        kind: ReportKind,
        folder: &mut Folder,
    ) -> Result<(), ReportError> {
        if kind == ReportKind::Kpi {
            return Ok(());
        }
        if kind == ReportKind::Support {
            return self.for_stripe(tx, folder).await;
        }
        self.money(tx, kind, folder).await?;
        match kind {
            ReportKind::Month => self.decisions(tx, folder).await?,
            ReportKind::Incident => {
                self.decisions(tx, folder).await?;
                self.calls(tx, folder).await?;
                self.acts(tx, folder).await?;
            }
            ReportKind::Soc2 => {
                self.decisions(tx, folder).await?;
                self.acts(tx, folder).await?;
                self.access(tx, folder).await?;
                self.proof(tx, folder).await?;
            }
            ReportKind::Day | ReportKind::Week | ReportKind::Kpi | ReportKind::Support => {}
        }
        if kind == ReportKind::Incident { Ok(()) } else { self.compared(tx, folder).await }
    }

    async fn money(
        &self,
        tx: &mut Transaction,
        kind: ReportKind,
        folder: &mut Folder,
    ) -> Result<(), ReportError> {
        let (whose, window) = (self.whose(), self.window());
        if kind == ReportKind::Incident {
            let events = self.events();
            let read = async |tx: &mut Transaction, part: &Part| tx.events(&events, part).await;
            sheet(tx, folder, "events.csv", sheets::events::COLUMNS, read).await?;
        }
        if !matches!(kind, ReportKind::Month | ReportKind::Soc2) {
            let payments = PaymentFilter { window, whose: whose.clone(), ..PaymentFilter::default() };
            let read = async |tx: &mut Transaction, part: &Part| tx.payments(&payments, part).await;
            sheet(tx, folder, "payments.csv", sheets::payments::COLUMNS, read).await?;
            let failures = FailureFilter { window, whose: whose.clone(), ..FailureFilter::default() };
            let read = async |tx: &mut Transaction, part: &Part| {
                failed_attempts::read_page(tx, &failures, part).await
            };
            sheet(tx, folder, "failures.csv", sheets::failures::COLUMNS, read).await?;
        }
        let invoices = InvoiceFilter { window, whose: whose.clone(), ..InvoiceFilter::default() };
        let read = async |tx: &mut Transaction, part: &Part| tx.invoices(&invoices, part).await;
        sheet(tx, folder, "invoices.csv", sheets::invoices::COLUMNS, read).await?;
        let refunds = RefundFilter { window, whose: whose.clone(), ..RefundFilter::default() };
        let read = async |tx: &mut Transaction, part: &Part| tx.refunds(&refunds, part).await;
        sheet(tx, folder, "refunds.csv", sheets::refunds::COLUMNS, read).await?;
        let filter = DisputeFilter { resolved_too: true, window, whose, ..DisputeFilter::default() };
        let disputes = DisputeQuery { filter, invoice: None, user: None };
        // What is overdue is judged at the end of the period, not at the moment of printing.
        let read = async |tx: &mut Transaction, part: &Part| {
            read_list(self.ledger, tx, &disputes, part, self.stretch.until).await
        };
        sheet(tx, folder, "disputes.csv", sheets::disputes::COLUMNS, read).await
    }

    /// What Stripe's support can look up: events, operations and calls by Stripe's own ids, and nobody's name.
    async fn for_stripe(&self, tx: &mut Transaction, folder: &mut Folder) -> Result<(), ReportError> {
        let events = self.events();
        let read = async |tx: &mut Transaction, part: &Part| tx.events(&events, part).await;
        sheet(tx, folder, "events.csv", sheets::events::FOR_STRIPE, read).await?;
        let operations =
            OperationFilter { window: self.window(), whose: self.whose(), ..OperationFilter::default() };
        let read = async |tx: &mut Transaction, part: &Part| tx.operations(&operations, part).await;
        sheet(tx, folder, "operations.csv", desk_records::FOR_STRIPE, read).await?;
        self.calls(tx, folder).await
    }

    fn events(&self) -> EventFilter {
        let Stretch { from, until } = self.stretch;
        let whose = self.whose();
        EventFilter {
            since: Some(from),
            until: Some(until),
            account: whose.account,
            livemode: whose.livemode,
            ..EventFilter::default()
        }
    }

    /// Operations with who asked and on whose word, and every decision with its reason.
    async fn decisions(&self, tx: &mut Transaction, folder: &mut Folder) -> Result<(), ReportError> {
        let (whose, window) = (self.whose(), self.window());
        let operations = OperationFilter { window, whose: whose.clone(), ..OperationFilter::default() };
        let read = async |tx: &mut Transaction, part: &Part| tx.operations(&operations, part).await;
        sheet(tx, folder, "operations.csv", desk_records::OPERATIONS, read).await?;
        let read = async |tx: &mut Transaction, part: &Part| tx.decisions(&window, &whose, part).await;
        sheet(tx, folder, "decisions.csv", desk_records::DECISIONS, read).await
    }

    /// What was said to Stripe, with its request ids.
    async fn calls(&self, tx: &mut Transaction, folder: &mut Folder) -> Result<(), ReportError> {
        let (whose, window) = (self.whose(), self.window());
        let read = async |tx: &mut Transaction, part: &Part| tx.calls(&window, &whose, part).await;
        sheet(tx, folder, "calls.csv", desk_records::CALLS, read).await
    }

    /// What people and programs did, as the audit has it.
    async fn acts(&self, tx: &mut Transaction, folder: &mut Folder) -> Result<(), ReportError> {
        // People, policies and tokens are of no mode.
        let acts = AuditFilter { window: self.window(), ..AuditFilter::default() };
        let read = async |tx: &mut Transaction, part: &Part| tx.audit_lines(&acts, part).await;
        sheet(tx, folder, "acts.csv", desk_records::ACTS, read).await
    }

    /// Who may act, with which tokens, and which policies changed.
    async fn access(&self, tx: &mut Transaction, folder: &mut Folder) -> Result<(), ReportError> {
        let Stretch { from, until } = self.stretch;
        let mut members = tx.members().await?;
        members.retain(|member| member.added_at < until);
        members.sort_by(|a, b| a.name.cmp(&b.name));
        whole(folder, "access.csv", desk_records::MEMBERS, &members)?;
        let mut tokens = tx.all_tokens().await?;
        let lasted = |ended: Option<DateTime<Utc>>| ended.is_none_or(|ended| ended >= from);
        tokens.retain(|token| token.created_at < until && lasted(token.ended_at));
        tokens.sort_by(|a, b| a.id.cmp(&b.id));
        whole(folder, "tokens.csv", desk_records::TOKENS, &tokens)?;
        let policies = tx.policies_set_within(from, until).await?;
        whole(folder, "policy-changes.csv", desk_records::POLICIES, &policies)
    }

    async fn proof(&self, tx: &mut Transaction, folder: &mut Folder) -> Result<(), ReportError> {
        let proof = tx.seals_within(self.stretch.from, self.stretch.until).await?;
        let head = match proof.last_block {
            Some(last) => tx.seals_after(last - 1, 1).await?.pop(),
            None => None,
        };
        let proof = AuditProof {
            first_block: proof.first_block,
            last_block: proof.last_block,
            blocks: proof.blocks,
            lines: proof.lines,
            events: proof.events,
            head: head.map(|seal| envelope::hex::hex(&seal.hash)),
            check: "tidegate audit verify --since-head compares the ledger with a head that was kept",
        };
        folder.json("audit-proof.json", &proof)
    }

    /// The days that were compared with Stripe's balance, and what was found.
    async fn compared(&self, tx: &mut Transaction, folder: &mut Folder) -> Result<(), ReportError> {
        let whose = self.whose();
        let last = self.stretch.until - TimeDelta::microseconds(1);
        let [first, last] = [self.stretch.from, last].map(|moment| moment.date_naive().to_string());
        let days = tx.reconciliations_of((&first, &last), &whose).await?;
        whole(folder, "reconciliation.csv", desk_records::COMPARED_DAYS, &days)?;
        let filter =
            FindingFilter { resolved_too: true, window: self.window(), whose, ..FindingFilter::default() };
        let until = self.stretch.until;
        let read = async |tx: &mut Transaction, part: &Part| tx.findings(&filter, part, until).await;
        sheet(tx, folder, "findings.csv", sheets::findings::COLUMNS, read).await
    }

    fn whose(&self) -> Whose {
        Whose { account: self.scope.account.clone(), livemode: Some(self.scope.livemode) }
    }

    fn window(&self) -> Window {
        Window { since: Some(self.stretch.from), until: Some(self.stretch.until) }
    }
}

/// Streams a list into a file, a page at a time.
async fn sheet<T>(
    tx: &mut Transaction,
    folder: &mut Folder,
    name: &'static str,
    columns: &[Column<T>],
    read: impl AsyncFn(&mut Transaction, &Part) -> Result<Page<T>, LedgerError>,
) -> Result<(), ReportError> {
    let mut file = folder.begin_list(name)?;
    file.write(&csv::head(columns))?;
    let mut part = Part { after: None, limit: ROWS_AT_ONCE };
    loop {
        let page = read(tx, &part).await?;
        for row in &page.rows {
            file.write_row(&csv::row(columns, row))?;
        }
        let Some(next) = page.next else { break };
        part.after = Some(next);
    }
    let entry = file.end()?;
    folder.add(entry);
    Ok(())
}

/// The same of a few rows.
fn whole<T>(
    folder: &mut Folder,
    name: &'static str,
    columns: &[Column<T>],
    rows: &[T],
) -> Result<(), ReportError> {
    let mut file = folder.begin_list(name)?;
    file.write(&csv::head(columns))?;
    for row in rows {
        file.write_row(&csv::row(columns, row))?;
    }
    let entry = file.end()?;
    folder.add(entry);
    Ok(())
}
