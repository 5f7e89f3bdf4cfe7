//! A row of the table of endpoints: the router, the matrix of permissions and the OpenAPI document are made from it.

use domain::permissions::Permission;
use hyper::Method;
use shared::Pending;

use crate::answer::Answer;
use crate::call::Call;
use crate::fields::{Field, Kind};
use crate::problem::{Code, Problem};

/// Nothing but files and the texts of evidence is longer.
pub const BODY_LIMIT_BYTES: usize = 65_536;
/// A file as large as Stripe takes it, and the fields beside it.
pub const FILE_BODY_LIMIT_BYTES: usize = domain::evidence::files::SUM_LIMIT_BYTES + BODY_LIMIT_BYTES;
/// So many of these are read at once.
pub const FILES_AT_ONCE: usize = 4;

pub type Answered = Result<Answer, Problem>;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Anybody,
    Needs(Permission),
}

/// The form of an answer, by the name of its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One object, with an ETag.
    Object(&'static str),
    /// A page of a list.
    Page(&'static str),
    /// What came of an act.
    Done(u16, &'static str),
}

pub struct Endpoint {
    /// In the document, in metrics and in the log.
    pub name: &'static str,
    pub method: Method,
    /// `{id}` stands for one part.
    pub path: &'static str,
    pub access: Access,
    pub summary: &'static str,
    pub query: &'static [&'static [Field]],
    /// `None`: it takes no body.
    pub body: Option<&'static [Field]>,
    pub answer: Shape,
    /// Besides those that every endpoint may give.
    pub errors: &'static [Code],
    pub run: fn(Call) -> Pending<'static, Answered>,
}

impl Endpoint {
    pub fn is_act(&self) -> bool {
        self.method != Method::GET
    }

    /// Whether its answer may be kept for a repetition of the request. One with a secret in it never is: it is the same
    /// however often it is asked for.
    pub fn keeps_answers(&self) -> bool {
        self.is_act() && self.answer != Shape::Done(200, "to_pay")
    }

    /// Whether it takes a file, and so `multipart/form-data`.
    pub fn takes_file(&self) -> bool {
        self.has(|kind| matches!(kind, Kind::File))
    }

    /// As long as its body may be.
    pub fn body_limit_bytes(&self) -> usize {
        if self.takes_file() || self.has(|kind| matches!(kind, Kind::LongText)) {
            FILE_BODY_LIMIT_BYTES
        } else {
            BODY_LIMIT_BYTES
        }
    }

    fn has(&self, is_it: impl Fn(Kind) -> bool) -> bool {
        self.body.unwrap_or_default().iter().any(|field| is_it(field.kind))
    }

    /// Every error that it may answer with, each once.
    pub fn all_errors(&self) -> Vec<Code> {
        let mut codes = vec![
            Code::MalformedRequest,
            Code::InvalidParameter,
            Code::RateLimited,
            Code::Internal,
            Code::UnknownCoding,
            Code::Unavailable,
        ];
        if self.access != Access::Anybody {
            codes.extend([Code::Unauthenticated, Code::Forbidden]);
        }
        if self.is_act() {
            codes.extend([
                Code::InvalidBody,
                Code::SlowBody,
                Code::BodyTooLarge,
                Code::UnsupportedMediaType,
                Code::KeyInUse,
                Code::KeyReused,
                Code::OutcomeUnknown,
            ]);
        }
        codes.extend(self.errors);
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

/// A row whose work is an async function.
macro_rules! run {
    ($work:expr) => {
        |call| Box::pin($work(call))
    };
}
pub(crate) use run;
