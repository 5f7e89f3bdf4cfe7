//! The options of `tidegate staff` and `tidegate tokens`.

use clap::{Args, Subcommand};
use domain::permissions::{Role, Roles};

use super::{ByOptions, Shape};

#[derive(Subcommand)]
pub enum StaffCommand {
    /// Add a person
    Add(AddOptions),
    /// List everybody: roles, whether they can act, when they last did
    List(Shape),
    /// Show one person: permissions, tokens, history
    Show(StaffShowOptions),
    /// Give a person exactly these roles
    Roles(RolesOptions),
    /// End all that a person can do, at once; their tokens end for good
    Disable(StaffReasonOptions),
    /// Let a person act again; their tokens stay ended
    Enable(StaffReasonOptions),
    /// Make a one-time code by which a person sets a password and a second factor
    Invite(InviteOptions),
    /// Use such a code: reads it, the password and a code of the authenticator app from standard input
    Accept(AcceptOptions),
    /// List who is logged in to the console
    Sessions(Shape),
    /// End a session at once
    Logout(LogoutOptions),
    /// List changes that wait for a second administrator
    Pending(Shape),
    /// Approve a change that another administrator asked for
    Approve(ApproveOptions),
    /// Reject a change that waits, or take back your own
    Reject(RejectOptions),
}

#[derive(Subcommand)]
pub enum TokensCommand {
    /// Make a token; its secret is shown once
    Create(CreateOptions),
    /// List tokens: whose, which roles, when they were last used
    List(TokensListOptions),
    /// End a token at once
    Revoke(RevokeOptions),
}

#[derive(Args)]
pub struct RoleOptions {
    /// `support`, `billing_manager`, `super_user` or `auditor`; may be given several times
    #[arg(long = "role", value_name = "ROLE", required = true, value_delimiter = ',', value_parser = role)]
    pub roles: Vec<Role>,
}

impl RoleOptions {
    pub fn read(&self) -> Roles {
        Roles(self.roles.iter().copied().collect())
    }
}

fn role(text: &str) -> Result<Role, String> {
    let words = Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    Role::try_from(text.trim().to_owned()).map_err(|_| format!("the roles are {words}"))
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate staff add jane --role super_user
  tidegate staff add joe --role support
  tidegate tokens create --for jane --role super_user

Until an administrator (super_user) has a token or a password, whoever holds DATABASE_URL may add people. From then \
on TIDEGATE_TOKEN must be an administrator's. A role that approves money waits for a second administrator where \
there is one.")]
pub struct AddOptions {
    /// The name: letters, digits and . _ - ; it is never given to another person
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub roles: RoleOptions,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct StaffShowOptions {
    /// The person
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Example
  tidegate staff roles joe --role support --role auditor --reason 'helps with the audit'")]
pub struct RolesOptions {
    /// The person
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub roles: RoleOptions,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", default_value = NO_REASON, hide_default_value = true)]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

const NO_REASON: &str = "no reason was given";

#[derive(Args)]
pub struct StaffReasonOptions {
    /// The person
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", default_value = NO_REASON, hide_default_value = true)]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct InviteOptions {
    /// The person
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Example
  tidegate staff accept --name jane          the first administrator, with the code that `tidegate up` prints

Nothing secret is an argument: the code and the password are asked for, one line each.")]
pub struct AcceptOptions {
    /// The name that the first administrator chooses; whoever was invited has one
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Args)]
pub struct LogoutOptions {
    /// The session: ses_…, from `tidegate staff sessions`
    #[arg(value_name = "SESSION")]
    pub id: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct ApproveOptions {
    /// The change: chg_…, from `tidegate staff pending`
    #[arg(value_name = "CHANGE")]
    pub id: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct RejectOptions {
    /// The change: chg_…, from `tidegate staff pending`
    #[arg(value_name = "CHANGE")]
    pub id: String,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate tokens create --for jane --role billing_manager --expires 90d
  tidegate tokens create --for shop --role support --program --json | jq -r .token

The secret stands on standard output, once; the ledger keeps its hash. Put it into TIDEGATE_TOKEN, or into a file for \
TIDEGATE_TOKEN_FILE; over HTTP it is `Authorization: Bearer tdg_…`. A token never has more permissions than its \
person, and ends with them.")]
pub struct CreateOptions {
    /// The member of staff for whom it acts, or who answers for the program
    #[arg(long = "for", value_name = "NAME")]
    pub staff: String,
    #[command(flatten)]
    pub roles: RoleOptions,
    /// It acts for a program: policies may approve what it asks for, and it approves nothing
    #[arg(long)]
    pub program: bool,
    /// It ends after so long: 90d, 12h [default: when it is revoked]
    #[arg(long, value_name = "SPAN")]
    pub expires: Option<String>,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct TokensListOptions {
    /// Only those for this person
    #[arg(long = "for", value_name = "NAME")]
    pub staff: Option<String>,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct RevokeOptions {
    /// The token's id: tok_…, from `tidegate tokens list`
    #[arg(value_name = "TOKEN")]
    pub id: String,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", default_value = NO_REASON, hide_default_value = true)]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}
