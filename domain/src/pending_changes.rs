//! Changes that loosen a rule wait for a second administrator: what they change, and how they end.

use super::row::words;

words! {
    /// What the subject of a change is: a person who gets roles, or may act again; a token or an invitation that begins
    /// to work; a policy, or a term of goods, that gets a value.
    pub enum ChangeKind {
        Roles = "roles",
        Enable = "enable",
        Token = "token",
        Invitation = "invitation",
        Policy = "policy",
        Term = "term",
    }
}

words! {
    pub enum ChangeState {
        Waiting = "waiting",
        Approved = "approved",
        Rejected = "rejected",
        Lapsed = "lapsed",
    }
}
