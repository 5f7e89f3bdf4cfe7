//! A row of the table of endpoints: the router, the matrix of permissions and the OpenAPI document are made from it.

use domain::permissions::Permission;
use hyper::Method;
use shared::Pending;

use crate::answer::Answer;
use crate::call::Call;
use crate::fields::Field;
use crate::problem::{Code, Problem};

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
        self.method == Method::POST
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
