//! The options of `tidegate note` and `tidegate assign`.

use clap::Args;

use super::{ByOptions, Shape, WhoseOptions};

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate note pi_3PgafuB7WZ01zgkW 'the customer called: paid twice'
  tidegate note op_0d6f6a3b1c5e4f72 - < note.txt

Notes stand on payments, refunds, disputes, invoices, customers and operations. They are shown on the object's page and \
never changed.")]
pub struct NoteOptions {
    /// Whatever has a page: a payment, refund, dispute, invoice, customer or operation
    #[arg(value_name = "ID")]
    pub id: String,
    /// What to note; `-` reads it from standard input, where no list of processes shows it
    #[arg(value_name = "TEXT")]
    pub text: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate assign du_1PgafuB7WZ01zgkW jane
  tidegate assign du_1PgafuB7WZ01zgkW --nobody")]
pub struct AssignOptions {
    /// A payment, refund, dispute, invoice, customer or operation
    #[arg(value_name = "ID")]
    pub id: String,
    /// The member of staff who takes care of it
    #[arg(value_name = "NAME", required_unless_present = "nobody")]
    pub assignee: Option<String>,
    /// Nobody takes care of it any more
    #[arg(long, conflicts_with = "assignee")]
    pub nobody: bool,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}
