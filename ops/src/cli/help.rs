//! What `tidegate --help` says before and after the options: the commands by who needs them, and examples.

pub(super) const HELP: &str = "\
{about}

Usage: tidegate [COMMAND]

Run
  up            Gateway, worker and console in one process; what `tidegate` alone does
  gateway       Only the gateway: takes webhooks in, makes them durable, answers
  worker        Only the worker: turns queued events into the ledger; also pauses and resumes them all
  console       Only the console: web pages and HTTP API for people and programs
  migrate       Bring the ledger's schema up to date
  rebuild       Compute every row again from stored events, and compare
  topology      Declare RabbitMQ's queues and exchanges, or check them

Look
  events        List stored events, follow them, show or erase one, or name the types that Stripe should send
  trace         What became of one event: received, applied, what it changed
  show          Whatever an id names: an invoice, a payment, a user, …; how it stands, and why
  search        Payments by status, amount, user, card, day, …; or whatever goes by a name or reason
  queue         How much waits in the queue; recover what a damaged queue.db holds
  env           Every environment variable, and what is set now

On call
  status        One screen: intake, queue, latency, dead letters, clocks; what to do about them
  doctor        Check settings, servers, Stripe, secrets, files and clocks; what to do about them
  healthcheck   Whether gateway and worker on this machine are ready, for containers and scripts
  dead-letters  What could not be applied, by cause, with the money at risk
  replay        Run events again: plan, see what would change, run
  backfill      Ask Stripe for events that the ledger lacks, and queue them
  audit         Check that nothing has disappeared and the figures add up
  backup        Copy ledger and queue while they are in use; verify the copy
  restore       Make ledger and queue from a backup, or check one
  bodies        Seal what Stripe sent by the newest key: which key seals how much, reseal
  hold          Keep bodies of events beyond their retention: add, lift, list

Staff
  charge        Charge a customer
  subscribe     Subscribe a customer to prices
  unsubscribe   End a subscription
  checkout      Whether charges are made: close, open
  invoices      List invoices: overdue ones, a customer's, …; try one again
  payments      List payments by time, status, failure, amount, customer, user; capture, cancel
  charges       List charges: every attempt of a payment
  listings      Listings of the marketplace: list, show; what they are sold on
  failures      List failed attempts by time and code
  refunds       List refunds by their own time; see what may be refunded, ask for it
  operations    What Stripe is asked to do: list, show, confirm, cancel, retry, settle
  approvals     What waits for a second person: list, approve, reject
  note          Write a note about a payment, refund, dispute, invoice, customer or operation
  assign        Say who takes care of one
  disputes      List disputes, overdue ones first; sum up, note, resolve, answer, accept
  customers     List customers: whose a user is; credit one
  bans          Who is banned and why; ban, lift, ask
  fraud         What the rules of the fraud desk find: velocity, value, cards, warnings, losses
  block         Refuse charges of a customer or a user until it is lifted: add, lift, list
  anomalies     Figures that contradict each other, and objects that are uncertain
  kpi           Success, refunds, disputes, latency: key figures beside their targets
  reconcile     Compare a day of Stripe's balance with the ledger; what differs
  notices       What people and programs were told; where it goes; send it again
  findings      What checks turned up: list, show, note, assign, acknowledge, snooze, resolve, accept
  report        A day, week, month, span or incident as CSV and a page to print; what Stripe's support asks for

People
  staff         Who may act: add, roles, disable; changes that wait for a second administrator
  tokens        What programs and the command line prove themselves by: create, list, revoke
  policy        Thresholds and other rules of the business: list, rehearse and set, history

Try
  send          Send signed sample events to a gateway on this machine
  fake-stripe   Start a Stripe on this machine, to try everything without an account

Set up
  completions   Print the completions of a shell
  man           Write manual pages into a folder

Options
  -h, --help     Print help; `tidegate help COMMAND` says more
  -V, --version  Print version{after-help}";

pub(super) const EXAMPLES: &str = "\
Examples
  tidegate                                   everything, in this folder's data/
  tidegate send dispute-lost                 an invoice that is paid, disputed and lost
  tidegate events list --type 'invoice.*' --since 1h
  tidegate trace evt_1PgafuB7WZ01zgkWXYmPNZs8
  tidegate show in_1PgafuB7WZ01zgkWXYmPNZs8
  tidegate status --watch
  tidegate worker pause --reason 'the ledger is being moved'
  tidegate disputes list --due-within 7d
  tidegate bans explain user_4711

Configuration comes from the environment, and from .env in the current folder for what the \
environment does not set; `tidegate env` lists it. Colours are used at a terminal only, and never \
where NO_COLOR is set.

Exit codes
  0  done
  1  failed, not found, or something needs a person (`status`, `doctor`, `rebuild`, `audit verify`)
  2  called or configured wrongly: to try again changes nothing
  3  `bans check`: the user is banned";

pub(super) const COMPLETIONS: &str = "\
Examples
  tidegate completions bash > ~/.local/share/bash-completion/completions/tidegate
  tidegate completions zsh > ~/.zfunc/_tidegate           a folder in your fpath
  tidegate completions fish > ~/.config/fish/completions/tidegate.fish";

pub(super) const MANUAL: &str = "\
Example
  tidegate man ~/.local/share/man/man1 && man tidegate-send";
