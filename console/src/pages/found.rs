//! What became of looking for a page: the page itself, another place, or a file; or why there is none.

use desk::replay::ReplayError;
use ledger::LedgerError;
use maud::Markup;

use super::exports::Sheet;
use super::faults::PageFault;
use super::reports;

/// A title and what stands below it; or where to look instead.
pub(super) enum Found {
    Page(String, Markup),
    Elsewhere(String),
    Csv(Box<Sheet>),
    Report(Box<reports::ReportRequest>),
}

/// Why there is no page: the ledger failed, or what was asked for cannot be shown.
pub(super) enum Failed {
    Ledger(LedgerError),
    Fault(PageFault),
}

impl From<LedgerError> for Failed {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<PageFault> for Failed {
    fn from(fault: PageFault) -> Self {
        Self::Fault(fault)
    }
}

/// A parameter that is not what it should be.
impl From<String> for Failed {
    fn from(why: String) -> Self {
        Self::Fault(PageFault::Wrong(why))
    }
}

impl From<ReplayError> for Failed {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Ledger(error) => Self::Ledger(error),
            other => Self::Fault(PageFault::Wrong(other.to_string())),
        }
    }
}
