//! Who may act, by what they prove it, and what waits for a second administrator.

use chrono::{DateTime, Utc};
use domain::permissions::Permission;
use ledger::tables::audit::AuditRow;
use ledger::tables::pending_changes::PendingChange;
use ledger::tables::staff::Member;
use ledger::tables::tokens::Token;
use ledger::{Ledger, LedgerError};
use serde::Serialize;

use crate::acts::staff::KIND;
use crate::audit_line::key_of;

/// One person in a list.
#[derive(Clone, Debug, Serialize)]
pub struct ListedMember {
    #[serde(flatten)]
    pub member: Member,
    /// Whether they can prove who they are: with a password, or a token that works.
    pub can_act: bool,
    /// How many tokens for them work now.
    pub tokens: usize,
    /// When one of these was used last.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// All about one person.
#[derive(Clone, Debug, Serialize)]
pub struct StaffPage {
    #[serde(flatten)]
    pub listed: ListedMember,
    pub permissions: Vec<&'static str>,
    pub all_tokens: Vec<ListedToken>,
    pub history: Vec<AuditRow>,
}

/// A token, with how it stands at this moment.
#[derive(Clone, Debug, Serialize)]
pub struct ListedToken {
    #[serde(flatten)]
    pub token: Token,
    pub state: TokenState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    Works,
    /// For a second administrator.
    Waits,
    Expired,
    Ended,
}

impl TokenState {
    pub fn of(token: &Token, now: DateTime<Utc>) -> Self {
        match token {
            _ if token.ended_at.is_some() => Self::Ended,
            _ if token.expires_at.is_some_and(|end| end <= now) => Self::Expired,
            _ if token.approved_at.is_none() => Self::Waits,
            _ => Self::Works,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Waits => "waits",
            Self::Expired => "expired",
            Self::Ended => "ended",
        }
    }
}

fn listed(member: Member, tokens: &[Token], able: &[Member], now: DateTime<Utc>) -> ListedMember {
    let own = || tokens.iter().filter(|token| token.staff == member.name);
    ListedMember {
        can_act: member.disabled_at.is_none() && able.iter().any(|able| able.name == member.name),
        tokens: own().filter(|token| TokenState::of(token, now) == TokenState::Works).count(),
        last_used_at: own().filter_map(|token| token.last_used_at).max(),
        member,
    }
}

fn listed_token(token: Token, now: DateTime<Utc>) -> ListedToken {
    ListedToken { state: TokenState::of(&token, now), token }
}

#[shared::built_once]
pub async fn list(ledger: &Ledger, now: DateTime<Utc>) -> Result<Vec<ListedMember>, LedgerError> {
    let mut tx = ledger.read().await?;
    let (members, tokens) = (tx.members().await?, tx.all_tokens().await?);
    let able = tx.members_with_credentials(now).await?;
    Ok(members.into_iter().map(|member| listed(member, &tokens, &able, now)).collect())
}

/// `None` where nobody has that name.
#[shared::built_once]
pub async fn page(ledger: &Ledger, name: &str, now: DateTime<Utc>) -> Result<Option<StaffPage>, LedgerError> {
    let mut tx = ledger.read().await?;
    let Some(member) = tx.member(name).await? else { return Ok(None) };
    let (tokens, able) = (tx.tokens_of(name).await?, tx.members_with_credentials(now).await?);
    drop(tx);
    let history = ledger.audit_of(KIND, &key_of(name)).await?;
    let permissions = member.roles.permissions().into_iter().map(Permission::as_str).collect();
    let listed = listed(member, &tokens, &able, now);
    let all_tokens = tokens.into_iter().map(|token| listed_token(token, now)).collect();
    Ok(Some(StaffPage { listed, permissions, all_tokens, history }))
}

/// Tokens of everybody, or of one person.
#[shared::built_once]
pub async fn tokens(
    ledger: &Ledger,
    staff: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Vec<ListedToken>, LedgerError> {
    let mut tx = ledger.read().await?;
    let tokens = match staff {
        Some(staff) => tx.tokens_of(staff).await?,
        None => tx.all_tokens().await?,
    };
    Ok(tokens.into_iter().map(|token| listed_token(token, now)).collect())
}

/// What waits for a second administrator.
#[shared::built_once]
pub async fn pending(ledger: &Ledger, now: DateTime<Utc>) -> Result<Vec<PendingChange>, LedgerError> {
    let mut waiting = ledger.read().await?.waiting_changes().await?;
    waiting.retain(|change| change.ends_at > now);
    Ok(waiting)
}
