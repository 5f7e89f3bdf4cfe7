//! Targets: where notices go, and which of them.

use chrono::{DateTime, Utc};

use super::{Audience, Notice, NoticeKind};
use crate::Severity;
use crate::row::{row, words};

/// The address of an e-mail target that writes to the customer of each notice.
pub const CUSTOMER: &str = "customer";

/// The topic exchange of the channel `rabbitmq`.
pub const EXCHANGE: &str = "tidegate.notices";

words! {
    pub enum Channel {
        Webhook = "webhook",
        Slack = "slack",
        Email = "email",
        Rabbitmq = "rabbitmq",
    }
}

words! {
    pub enum TargetState {
        Enabled = "enabled",
        Disabled = "disabled",
    }
}

row! {
    pub struct Target {
        pub name: String,
        pub channel: Channel,
        /// Where it is: an address that is no secret.
        pub address: String,
        /// What must not be read: secrets that sign, one a line, or the whole address; encrypted under `STAFF_KEY`.
        #[serde(skip)]
        pub secret: Vec<u8>,
        /// Patterns such as `dispute.*`, with commas.
        pub kinds: String,
        pub least_severity: Severity,
        /// One notice after the other: one that cannot be delivered holds up those behind it.
        pub is_ordered: bool,
        /// Whether it may be in a private network.
        pub allows_private: bool,
        pub state: TargetState,
        /// Failures in a row, and until when it is left alone.
        pub failures: i64,
        pub open_until: Option<DateTime<Utc>>,
        pub message: Option<String>,
        pub delivered_at: Option<DateTime<Utc>>,
        pub changed_by: String,
        pub changed_at: DateTime<Utc>,
    }
}

/// A target as somebody wants it.
#[derive(Clone, Debug)]
pub struct NewTarget {
    pub name: String,
    pub channel: Channel,
    pub address: String,
    pub kinds: Vec<String>,
    pub least_severity: Severity,
    pub is_ordered: bool,
    pub allows_private: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    #[error("the name `{0}` is not 1 to 40 letters, digits, - or _")]
    Name(String),
    #[error("`{0}` fits no kind of notice: use a kind such as refund.made, dispute.* or *")]
    Kind(String),
    #[error("a webhook's address begins with https:// (or http:// with --allow-private) and has a host")]
    Url,
    #[error("an e-mail target's address is `customer`, or an address such as oncall@example.com")]
    Mail,
    #[error(
        "notices of `{0}` are for staff and programs: the target `customer` takes refund.*, invoice.dunning and card.expires"
    )]
    NotForCustomers(String),
}

impl Target {
    /// Whether it wants a notice.
    pub fn wants(&self, notice: &Notice) -> bool {
        self.takes(notice.kind) && (notice.severity >= self.least_severity || notice.kind == NoticeKind::Test)
    }

    /// A test goes to the target that it names, whatever else that wants.
    fn takes(&self, kind: NoticeKind) -> bool {
        let is_for_customer = self.channel == Channel::Email && self.address == CUSTOMER;
        (!is_for_customer || kind.audience() == Audience::Customers)
            && kind != NoticeKind::Test
            && self.kinds.split(',').any(|pattern| fits(pattern, kind))
    }
}

fn fits(pattern: &str, kind: NoticeKind) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => kind.as_str().starts_with(beginning),
        None => kind.as_str() == pattern,
    }
}

/// The kinds that a channel takes where nobody says more.
fn usual_kinds(channel: Channel, address: &str) -> &'static [&'static str] {
    const STAFF: &[&str] = &[
        "operation.approval_wanted",
        "dispute.opened",
        "dispute.evidence_*",
        "payment.fraud_warning",
        "incident.*",
    ];
    const CUSTOMERS: &[&str] = &["invoice.dunning", "refund.*", "card.expires"];
    match channel {
        Channel::Webhook | Channel::Rabbitmq => &["*"],
        Channel::Email if address == CUSTOMER => CUSTOMERS,
        Channel::Slack | Channel::Email => STAFF,
    }
}

/// Judges a target before it is kept, and gives it with all that nobody said.
pub fn checked(wanted: &NewTarget, by: &str, now: DateTime<Utc>) -> Result<Target, BadTarget> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if wanted.name.is_empty() || wanted.name.len() > 40 || !wanted.name.bytes().all(is_name) {
        return Err(BadTarget::Name(wanted.name.clone()));
    }
    let mut kinds: Vec<&str> = wanted.kinds.iter().map(|kind| kind.trim()).collect();
    if kinds.is_empty() {
        kinds = usual_kinds(wanted.channel, &wanted.address).to_vec();
    }
    if let Some(odd) = kinds.iter().find(|pattern| !NoticeKind::ALL.iter().any(|kind| fits(pattern, *kind))) {
        return Err(BadTarget::Kind((*odd).to_owned()));
    }
    match wanted.channel {
        Channel::Webhook | Channel::Slack if !is_url(&wanted.address, wanted.allows_private) => {
            return Err(BadTarget::Url);
        }
        Channel::Email if wanted.address == CUSTOMER => {
            let is_for_customers = |pattern: &&str| {
                NoticeKind::ALL
                    .iter()
                    .any(|kind| fits(pattern, *kind) && kind.audience() == Audience::Customers)
            };
            if let Some(odd) = kinds.iter().find(|pattern| !is_for_customers(pattern)) {
                return Err(BadTarget::NotForCustomers((*odd).to_owned()));
            }
        }
        Channel::Email if !is_mail_address(&wanted.address) => return Err(BadTarget::Mail),
        _ => {}
    }
    Ok(Target {
        name: wanted.name.clone(),
        channel: wanted.channel,
        address: wanted.address.clone(),
        kinds: kinds.join(","),
        least_severity: wanted.least_severity,
        is_ordered: wanted.is_ordered,
        allows_private: wanted.allows_private,
        changed_by: by.to_owned(),
        changed_at: now,
        ..Target::default()
    })
}

fn is_url(address: &str, allows_plain: bool) -> bool {
    let rest = match address.split_once("://") {
        Some(("https", rest)) => rest,
        Some(("http", rest)) if allows_plain => rest,
        _ => return false,
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty() && !host.contains('@') && address.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Enough to keep a header whole; whether somebody is there, the mail server says.
pub fn is_mail_address(address: &str) -> bool {
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>,;:\"()[]\\@".contains(&byte))
    };
    address.len() <= 254 && address.split_once('@').is_some_and(|(name, host)| plain(name) && plain(host))
}
