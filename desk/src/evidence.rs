//! The answer to a dispute as it would be stored at Stripe now: what the ledger fills in, what staff wrote instead, what
//! is read from Stripe when it is sent, and the files.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::Key;
use domain::charges::Charge;
use domain::disputes::Dispute;
use domain::evidence::{EvidenceField, Filled, Form, Goods, Known, Testimony, fill};
use domain::fulfilments::goods_of;
use domain::operations::parameters::{EvidenceFile, EvidenceStage};
use domain::payments::Payment;
use domain::refunds::Refund;
use ledger::graph::related::read_above_disputes;
use ledger::tables::evidence::{AttachedFile, StoredField};
use ledger::views::lists::PaymentFilter;
use ledger::views::page::Part;
use ledger::views::search::Whose;
use ledger::{LedgerError, Transaction};

/// So many of the customer's other payments are looked at.
const OTHERS_LIMIT: i64 = 50;

/// What staff wrote: a text, or that a field is to stay empty.
pub type Texts = BTreeMap<EvidenceField, Option<String>>;

#[derive(Debug)]
pub struct Draft {
    pub known: Known,
    pub goods: Goods,
    /// Whether somebody said so; else it is assumed.
    pub goods_chosen: bool,
    pub texts: Texts,
    pub changed: Option<(String, DateTime<Utc>)>,
    pub filled: BTreeMap<EvidenceField, Filled>,
    pub files: Vec<AttachedFile>,
}

impl Draft {
    /// The draft of a dispute; `None` where nobody has heard of it.
    #[shared::built_once]
    pub async fn read(tx: &mut Transaction, dispute: &Key) -> Result<Option<Self>, LedgerError> {
        let Some(row) = tx.look_up::<Dispute>(std::slice::from_ref(dispute)).await?.pop() else {
            return Ok(None);
        };
        let known = known(tx, row).await?;
        let draft = tx.evidence_draft(dispute).await?;
        let texts = draft.as_ref().map(|draft| read_texts(&draft.texts)).unwrap_or_default();
        Ok(Some(Self {
            goods: draft.as_ref().map_or_else(Goods::default, |draft| draft.goods),
            goods_chosen: draft.is_some(),
            changed: draft.map(|draft| (draft.changed_by, draft.changed_at)),
            texts,
            filled: fill(&known),
            files: tx.evidence_files(dispute).await?,
            known,
        }))
    }

    pub fn reason(&self) -> Option<&str> {
        self.known.dispute.state.reason.as_deref()
    }

    /// The text of a field as it would be sent.
    pub fn text(&self, field: EvidenceField) -> Option<&str> {
        match self.texts.get(&field) {
            Some(written) => written.as_deref(),
            None => self.filled.get(&field).map(|filled| filled.text.as_str()),
        }
    }

    /// Fields that are read from Stripe when it is sent.
    pub fn from_stripe(&self) -> impl Iterator<Item = EvidenceField> + '_ {
        let personal = EvidenceField::ALL.iter().copied().filter(|field| field.form() == Form::Personal);
        personal
            .filter(|field| !self.texts.contains_key(field))
            .filter(|field| *field != EvidenceField::ShippingAddress || self.goods == Goods::Physical)
    }

    /// Everything that would have a value, as far as anybody knows before Stripe is asked.
    pub fn present(&self) -> BTreeSet<EvidenceField> {
        let texts = EvidenceField::ALL.iter().copied().filter(|field| self.text(*field).is_some());
        let files = self.files.iter().filter_map(|file| EvidenceField::named(&file.field));
        texts.chain(files).chain(self.from_stripe()).collect()
    }

    /// What a person wants Stripe not to have.
    fn left_out(&self) -> impl Iterator<Item = EvidenceField> {
        let is_attached = |field: &EvidenceField| self.files.iter().any(|file| file.field == field.as_str());
        let left_out = self.texts.iter().filter(|(_, text)| text.is_none()).map(|(field, _)| *field);
        left_out.filter(move |field| !is_attached(field))
    }

    /// Exactly what would be sent.
    pub fn stage(&self) -> EvidenceStage {
        let text = |field: &EvidenceField| Some((field.to_string(), self.text(*field)?.to_owned()));
        let file = |file: &AttachedFile| {
            let AttachedFile { id, name, sha256, .. } = file.clone();
            (file.field.clone(), EvidenceFile { id, name, sha256 })
        };
        EvidenceStage {
            dispute: self.known.dispute.key.id.clone(),
            evidence: EvidenceField::ALL.iter().filter_map(text).collect(),
            from_stripe: self.from_stripe().map(|field| field.to_string()).collect(),
            files: self.files.iter().map(file).collect(),
            left_out: self.left_out().map(|field| field.to_string()).collect(),
        }
    }
}

/// The fields that had a value at Stripe when it was stored there.
pub fn stored(fields: &[StoredField]) -> BTreeSet<EvidenceField> {
    fields.iter().filter_map(|kept| EvidenceField::named(&kept.field)).collect()
}

/// What this version does not know is left out.
fn read_texts(text: &str) -> Texts {
    let kept: BTreeMap<String, Option<String>> = serde_json::from_str(text).unwrap_or_default();
    kept.into_iter().filter_map(|(name, text)| Some((EvidenceField::named(&name)?, text))).collect()
}

pub(crate) fn write_texts(texts: &Texts) -> String {
    let kept: BTreeMap<&str, &Option<String>> =
        texts.iter().map(|(field, text)| (field.as_str(), text)).collect();
    serde_json::to_string(&kept).expect("texts are plain data")
}

async fn known(tx: &mut Transaction, dispute: Dispute) -> Result<Known, LedgerError> {
    let mut graph = domain::object_graph::ObjectGraph::default();
    read_above_disputes(tx, std::slice::from_ref(&dispute), &mut graph).await?;
    let charge = dispute.owner().and_then(|key| graph.charges.get(&key)).cloned();
    let payment = charge.as_ref().and_then(Charge::owner).and_then(|key| graph.payments.get(&key)).cloned();
    let Some(paid) = &payment else {
        return Ok(Known { dispute, charge, ..Known::default() });
    };
    let user = graph.user_of(&paid.key).map(|user| user.id);
    let mut refunds: Vec<Refund> = Vec::new();
    if let Some(charge) = &charge {
        refunds = tx.children("charge", std::slice::from_ref(&charge.key)).await?;
        refunds.sort_by(|a, b| (a.state.created_at, &a.key).cmp(&(b.state.created_at, &b.key)));
    }
    let testimony = testimony(tx, paid).await?;
    let others = others(tx, paid, user.clone()).await?;
    let keys: BTreeSet<Key> = others.iter().map(|other| other.key.clone()).collect();
    let charges = tx.charges_of_payments(&keys.into_iter().collect::<Vec<_>>()).await?;
    let charges_of_others = charges
        .into_iter()
        .filter(|charge| charge.state.amount_captured > 0)
        .filter_map(|charge| Some((charge.owner()?.id, charge.key.id)))
        .collect();
    Ok(Known { dispute, charge, payment, user, refunds, others, charges_of_others, testimony })
}

/// What the goods say that were paid for.
async fn testimony(
    tx: &mut Transaction,
    payment: &Payment,
) -> Result<BTreeMap<EvidenceField, Filled>, LedgerError> {
    let Some(key) = goods_of(payment) else { return Ok(BTreeMap::new()) };
    let Some(goods) = tx.goods(&key).await? else { return Ok(BTreeMap::new()) };
    let sources = [format!("{} {}", goods.kind, key.id), format!("payment {}", payment.key.id)];
    let told = Testimony::read(&goods.testimony, &payment.key.id);
    Ok(told.into_iter().map(|(field, text)| (field, Filled::of(text, sources.clone()))).collect())
}

/// Other payments of the same customer, or of the same user where the payment names none.
async fn others(
    tx: &mut Transaction,
    payment: &Payment,
    user: Option<String>,
) -> Result<Vec<Payment>, LedgerError> {
    let customer = payment.customer.id().map(str::to_owned);
    if customer.is_none() && user.is_none() {
        return Ok(Vec::new());
    }
    let whose = Whose { account: Some(payment.key.account.clone()), livemode: Some(payment.key.livemode) };
    let user = user.filter(|_| customer.is_none());
    let status = Some("succeeded".to_owned());
    let filter = PaymentFilter { status, customer, user, whose, ..PaymentFilter::default() };
    let page = tx.payments(&filter, &Part { after: None, limit: OTHERS_LIMIT }).await?;
    Ok(page.rows.into_iter().filter(|other| other.key != payment.key).collect())
}
