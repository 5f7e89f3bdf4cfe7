//! Errors as RFC 9457 problems. The code is what programs compare; it never changes its meaning. The detail is for
//! people: what happened, why, and what to do.

use desk::actor::Forbidden;
use desk::acts::evidence::EvidenceRefusal;
use desk::acts::notices::NoticeRefusal;
use desk::acts::operations::NotDone;
use desk::acts::{Refusal, StaffRefusal};
use hyper::StatusCode;
use ledger::LedgerError;
use serde_json::{Map, Value, json};

macro_rules! codes {
    ($($name:ident = $word:literal, $status:ident, $title:literal;)*) => {
        /// Why a request is not answered as it was meant.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($name,)* }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    MalformedRequest = "malformed_request", BAD_REQUEST, "The request is not valid HTTP";
    InvalidParameter = "invalid_parameter", BAD_REQUEST, "A parameter is unknown, missing or invalid";
    InvalidBody = "invalid_body", BAD_REQUEST, "The body is not one JSON object";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "No valid token";
    Forbidden = "forbidden", FORBIDDEN, "A permission is missing";
    NotFound = "not_found", NOT_FOUND, "Nothing goes by this name";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "This address does not take this method";
    SlowBody = "slow_body", REQUEST_TIMEOUT, "The body did not arrive in time";
    Ambiguous = "ambiguous", CONFLICT, "The id exists in several accounts or modes";
    Conflict = "conflict", CONFLICT, "The state no longer allows it";
    KeyInUse = "idempotency_key_in_use", CONFLICT, "A request with this key is in progress";
    KeyReused = "idempotency_key_reused", CONFLICT, "The key was used for another request";
    OutcomeUnknown = "idempotency_outcome_unknown", CONFLICT, "Whether the first request was done is not known";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be application/json";
    Refused = "refused", UNPROCESSABLE_ENTITY, "A rule refuses it";
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    Internal = "internal", INTERNAL_SERVER_ERROR, "An error of the program";
    UnknownCoding = "unknown_transfer_coding", NOT_IMPLEMENTED, "The transfer coding is not supported";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Temporarily not possible";
}

#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub code: Code,
    pub detail: String,
    /// Further members of the problem, for programs.
    pub more: Map<String, Value>,
    /// For the log alone: what must not be told outside.
    pub cause: Option<String>,
    /// The process must end: what the ledger was told is committed may not be.
    pub is_fatal: bool,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), more: Map::new(), cause: None, is_fatal: false }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    pub fn invalid(parameter: &str, fault: impl std::fmt::Display) -> Self {
        Self::new(Code::InvalidParameter, format!("{parameter}: {fault}")).with("parameter", parameter)
    }

    /// The database, the queue or the time that is left does not allow it now.
    pub fn unavailable(detail: &str, cause: impl std::fmt::Display) -> Self {
        let problem = Self::new(Code::Unavailable, detail);
        Self { cause: Some(cause.to_string()), ..problem }
    }

    /// As it is kept for a repetition of the request; `None` where a repetition is to be tried anew.
    pub fn kept(&self) -> Option<Value> {
        (self.code == Code::Refused).then(|| json!({"refused": self.detail, "more": self.more}))
    }

    /// What was kept.
    pub fn of_kept(kept: &Value) -> Option<Self> {
        let mut problem = Self::new(Code::Refused, kept["refused"].as_str()?);
        problem.more.clone_from(kept["more"].as_object()?);
        Some(problem)
    }

    pub fn document(&self, request_id: &str) -> Value {
        let mut document = json!({
            "type": "about:blank",
            "title": self.code.title(),
            "status": self.code.status().as_u16(),
            "code": self.code.as_str(),
            "detail": self.detail,
            "request_id": request_id,
        });
        for (name, value) in &self.more {
            document[name] = value.clone();
        }
        document
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        let cause = shared::telemetry::told(&error);
        match error {
            LedgerError::Data(_) => {
                let problem =
                    Self::new(Code::InvalidParameter, "the ledger cannot compare with one of the values");
                Self { cause: Some(cause), ..problem }
            }
            error => {
                let problem =
                    Self::unavailable("the ledger does not answer: try again in a few seconds", cause);
                Self { is_fatal: error.is_fatal(), ..problem }
            }
        }
    }
}

impl From<NotDone> for Problem {
    fn from(refused: NotDone) -> Self {
        let code = match refused {
            NotDone::Ledger(error) => return error.into(),
            NotDone::Forbidden(forbidden) => return forbidden.into(),
            NotDone::Text(refusal) => return refusal.into(),
            NotDone::NoSuchOperation { .. } => Code::NotFound,
            NotDone::ItemRefused { .. } | NotDone::SameList { .. } => Code::Refused,
            NotDone::ItemsLimit { .. }
            | NotDone::OneAccount
            | NotDone::NoId { .. }
            | NotDone::NoCustomerId { .. } => Code::InvalidParameter,
            NotDone::Ambiguous { .. } => Code::Ambiguous,
            NotDone::OwnRequest { .. }
            | NotDone::OwnCause { .. }
            | NotDone::OthersRequest { .. }
            | NotDone::Program { .. } => Code::Forbidden,
            NotDone::State { .. }
            | NotDone::OutOfPlace(_)
            | NotDone::Expired
            | NotDone::ClockBehind
            | NotDone::OtherParameters { .. }
            | NotDone::Unsendable(_)
            | NotDone::Held
            | NotDone::StillRuns
            | NotDone::MayBePaid
            | NotDone::OtherList
            | NotDone::NotIts(_)
            | NotDone::Unreadable(_)
            | NotDone::TriedAgain { .. } => Code::Conflict,
        };
        Self::new(code, refused.to_string()).with("reason", refused.code())
    }
}

impl From<EvidenceRefusal> for Problem {
    fn from(refused: EvidenceRefusal) -> Self {
        let code = match refused {
            EvidenceRefusal::Ledger(error) => return error.into(),
            EvidenceRefusal::Forbidden(forbidden) => return forbidden.into(),
            EvidenceRefusal::NoSuchDispute { .. } => Code::NotFound,
            EvidenceRefusal::Busy { .. }
            | EvidenceRefusal::Unanswerable { .. }
            | EvidenceRefusal::Taken { .. }
            | EvidenceRefusal::Nothing { .. } => Code::Conflict,
            EvidenceRefusal::Field(_) | EvidenceRefusal::File(_) => Code::InvalidParameter,
        };
        Self::new(code, refused.to_string())
    }
}

impl From<desk::acts::findings::NotDone> for Problem {
    fn from(refused: desk::acts::findings::NotDone) -> Self {
        use desk::acts::findings::NotDone as N;
        match refused {
            N::Ledger(error) => error.into(),
            N::Forbidden(forbidden) => forbidden.into(),
            N::Text(refusal) => refusal.into(),
            refused @ N::NoSuchFinding { .. } => Self::new(Code::NotFound, refused.to_string()),
            refused @ N::NoSuchMember { .. } => Self::new(Code::InvalidParameter, refused.to_string()),
            refused @ N::OutOfPlace(_) => Self::new(Code::Conflict, refused.to_string()),
        }
    }
}

impl From<Forbidden> for Problem {
    fn from(forbidden: Forbidden) -> Self {
        Self::new(Code::Forbidden, forbidden.to_string()).with("permission", forbidden.permission.as_str())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Ledger(error) => return error.into(),
            Refusal::Forbidden(forbidden) => return forbidden.into(),
            Refusal::Staff(ref refusal) => of_staff(refusal),
            Refusal::NoSuchObject { .. } => Code::NotFound,
            Refusal::Notice(ref refusal) => of_notice(refusal),
            Refusal::NothingToClear | Refusal::NotResolved | Refusal::StillWaiting { .. } => Code::Conflict,
            Refusal::Nameless(_) | Refusal::Text { .. } | Refusal::EndHasPassed => Code::InvalidParameter,
        };
        Self::new(code, refusal.to_string())
    }
}

fn of_notice(refusal: &NoticeRefusal) -> Code {
    use NoticeRefusal as R;
    match refusal {
        R::NoSuchTarget(_) | R::NoSuchNotice(_) | R::NotSuppressed => Code::NotFound,
        R::NameTaken(_) | R::SameState(..) | R::Disabled(_) => Code::Conflict,
        R::Target(_) | R::BadSecret | R::EmptySpan => Code::InvalidParameter,
        R::NoStaffKey | R::NoSecret => Code::Refused,
    }
}

fn of_staff(refusal: &StaffRefusal) -> Code {
    use StaffRefusal as R;
    match refusal {
        R::NoSuchMember(_)
        | R::NoSuchToken(_)
        | R::NoSuchChange(_)
        | R::NoSuchPolicy(_)
        | R::NoSuchSession(_)
        | R::NoSuchInvitation => Code::NotFound,
        R::BadName { .. }
        | R::NoRole
        | R::BadPolicy { .. }
        | R::BadPassword(_)
        | R::SecondFactorMissing
        | R::WrongCode => Code::InvalidParameter,
        R::LastAdministrator(_)
        | R::MoreThanTheirs { .. }
        | R::OwnChange(_)
        | R::Program
        | R::WithoutFactor(_)
        | R::Alone { .. }
        | R::NoStaffKey => Code::Refused,
        R::NameTaken(_)
        | R::IsDisabled(_)
        | R::IsEnabled(_)
        | R::SameRoles(_)
        | R::SamePolicy(_)
        | R::TokenHasEnded(_)
        | R::SessionHasEnded(_)
        | R::NotWaiting(_)
        | R::WaitsAlready(_)
        | R::HasLapsed(_)
        | R::HasMoved(_) => Code::Conflict,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_one_word_of_its_own_and_an_error() {
        let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| code.status().as_u16() >= 400));
    }

    #[test]
    fn what_only_the_log_may_know_is_not_in_the_document() {
        let problem = Problem::unavailable("try again", "password of db.example");
        assert!(!problem.document("req_1").to_string().contains("db.example"));
        let problem = Problem::invalid("limit", "not a number");
        let document = problem.document("req_1");
        assert_eq!(
            (&document["code"], &document["parameter"]),
            (&json!("invalid_parameter"), &json!("limit"))
        );
        assert_eq!((&document["status"], &document["request_id"]), (&json!(400), &json!("req_1")));
    }
}
