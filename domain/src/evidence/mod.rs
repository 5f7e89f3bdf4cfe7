//! The answer to a dispute: Stripe's fields, which of them a reason calls for, what the ledger fills in, and the files.

use chrono::TimeDelta;

pub mod fields;
pub mod files;
mod record;
pub mod template;
mod testimony;

pub use self::fields::{EvidenceField, FieldFault, Form, check_sum, check_text, check_texts};
pub use self::files::{CheckedFile, FileFault, FileKind, check_file, check_together, sha256};
pub use self::record::{Filled, Known, fill};
pub use self::template::{Goods, Need, missing, needs};
pub use self::testimony::Testimony;

/// How long after a dispute's end what tells of it is kept: banks may take it up again.
pub const KEPT_AFTER_DISPUTE: TimeDelta = TimeDelta::days(90);
