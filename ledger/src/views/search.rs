//! Builds a list query with only the requested conditions: one that always holds would prevent the use of an
//! index.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use domain::row::Read;
use sqlx::AssertSqlSafe;

use crate::engine::query::{Query, Value, query};
use crate::views::page::{POSITION, Page, Part, Place, Placed};
use crate::{LedgerError, Transaction};
use domain::{Key, Object};

/// Whose objects: of one account, of one mode, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whose {
    pub account: Option<String>,
    pub livemode: Option<bool>,
}

impl Whose {
    pub fn admits(&self, key: &Key) -> bool {
        self.account.as_ref().is_none_or(|account| *account == key.account)
            && self.livemode.is_none_or(|livemode| livemode == key.livemode)
    }
}

/// From a moment on, and until before another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// How a list is ordered by a moment. Keys decide between equal moments, so that the order is one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// Every row has the moment.
    Newest,
    /// The same of one mode. Named in the order, the mode would keep Postgres from an index that begins with it.
    NewestOfMode,
    /// Rows without the moment come last.
    NewestKnown,
    /// The same way, the soonest first.
    Soonest,
    /// Of events, whose keys have a hash more; a place keeps it beside the key.
    NewestEvents,
    /// Of lines of the audit, which are told apart by kind and revision; a place keeps them beside the key.
    NewestLines,
    /// As `NewestKnown`, of objects of several kinds, which may share a key; a place keeps the kind beside it.
    NewestOfAnyKind,
}

/// Later than whatever happened.
const END_OF_TIME: DateTime<Utc> = DateTime::from_timestamp(253_402_300_799, 0).expect("the year 9999");

/// A statement that grows with its conditions.
pub(crate) struct Search {
    sql: String,
    values: Vec<Value>,
}

impl Search {
    /// Begins with a SELECT and the condition that always holds.
    pub(crate) fn of(select: impl Into<String>) -> Self {
        Self { sql: select.into(), values: Vec::new() }
    }

    /// Goes on with the statement.
    pub(crate) fn then(mut self, text: &str) -> Self {
        self.sql.push_str(text);
        self
    }

    /// A condition with a `?` where the value stands; none where nobody asked for it.
    pub(crate) fn and(mut self, condition: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            let place = self.place(value.into());
            write!(self.sql, " AND {}", condition.replace('?', &place)).expect("a String takes every write");
        }
        self
    }

    pub(crate) fn when(mut self, condition: &str, wanted: bool) -> Self {
        if wanted {
            write!(self.sql, " AND {condition}").expect("a String takes every write");
        }
        self
    }

    /// The mode stands in the text: an index may be of one mode alone.
    pub(crate) fn whose(self, whose: &Whose) -> Self {
        self.and("account = ?", whose.account.as_ref())
            .when("livemode = TRUE", whose.livemode == Some(true))
            .when("livemode = FALSE", whose.livemode == Some(false))
    }

    /// How many rows there are, up to a limit.
    pub(crate) fn counted(mut self, limit: i64) -> Self {
        let place = self.place(Value::from(limit));
        self.sql = format!("SELECT COUNT(*) FROM ({} LIMIT {place}) counted", self.sql);
        self
    }

    /// By the moment that an expression tells.
    pub(crate) fn within(self, moment: &str, window: &Window) -> Self {
        self.and(&format!("{moment} >= ?"), window.since).and(&format!("{moment} < ?"), window.until)
    }

    /// A condition with one text, or another one with any of several; none of them is no objection.
    pub(crate) fn or(mut self, (one, text): (&str, &str), (other, texts): (&str, &[String])) -> Self {
        let text = self.place(Value::from(text));
        let texts: Vec<String> = texts.iter().map(|text| self.place(Value::from(text))).collect();
        let other =
            if texts.is_empty() { String::new() } else { format!(" OR ({other} IN ({}))", texts.join(", ")) };
        write!(self.sql, " AND ({one}{text}{other})").expect("a String takes every write");
        self
    }

    /// Only these objects, where any are named.
    pub(crate) fn among(mut self, keys: Option<&[Key]>) -> Self {
        let Some(keys) = keys else { return self };
        let mut named = vec!["FALSE".to_owned()];
        for key in keys {
            let id = self.place(Value::from(&key.id));
            let account = self.place(Value::from(&key.account));
            let livemode = self.place(Value::from(key.livemode));
            named.push(format!("(id = {id} AND account = {account} AND livemode = {livemode})"));
        }
        write!(self.sql, " AND ({})", named.join(" OR ")).expect("a String takes every write");
        self
    }

    /// One page of objects, ordered by a moment that is selected as `position`.
    pub(crate) async fn page<R: Read + Object>(
        self,
        tx: &mut Transaction,
        order: (&str, Order),
        part: &Part,
    ) -> Result<Page<R>, LedgerError> {
        let rows = self.placed(tx, order, &part.and_one()).await?;
        Ok(Page::of_objects(rows, part))
    }

    /// The rows of a part, each with its moment.
    pub(crate) async fn placed<R: Read>(
        self,
        tx: &mut Transaction,
        (moment, order): (&str, Order),
        part: &Part,
    ) -> Result<Vec<Placed<R>>, LedgerError> {
        let search = match &part.after {
            Some(place) => self.behind(moment, order, place),
            None => self.by_time_backwards(moment, order),
        };
        search.fetch(tx, &order.by(moment), part.limit).await
    }

    /// One page of what has an id and no account, the oldest first, by the moment that is selected as `position`.
    pub(crate) async fn page_of_ids<R: Read>(
        mut self,
        tx: &mut Transaction,
        (moment, id): (&str, &str),
        part: &Part,
        get: fn(&R) -> &str,
    ) -> Result<Page<R>, LedgerError> {
        if let Some(place) = &part.after {
            let (at, after) = (self.place(Value::from(place.at)), self.place(Value::from(&place.key.id)));
            write!(self.sql, " AND ({moment}, {id}) > ({at}, {after})").expect("a String takes every write");
        }
        let rows = self.fetch(tx, &format!("{moment}, {id}"), part.and_one().limit).await?;
        Ok(Page::of(rows, part, |row| (Key { id: get(row).to_owned(), ..Key::default() }, String::new())))
    }

    /// The newest of all. SQLite takes an index for its order alone only where a comparison leads to it: else it reads the
    /// whole table and sorts it.
    fn by_time_backwards(self, moment: &str, order: Order) -> Self {
        let end = order.is_of_every_row().then_some(END_OF_TIME);
        self.and(&format!("{moment} <= ?"), end)
    }

    /// Only what comes behind a place. The first comparison alone lets both databases begin at that place of an index.
    fn behind(mut self, moment: &str, order: Order, place: &Place) -> Self {
        let Key { id, account, livemode } = &place.key;
        let mut names: Vec<String> = ["id", "account", "livemode"].map(str::to_owned).into();
        let mut values = vec![
            self.place(Value::from(id)),
            self.place(Value::from(account)),
            self.place(Value::from(*livemode)),
        ];
        let sign = if matches!(order, Order::Soonest) { '>' } else { '<' };
        let mut first = String::new();
        let more = match order {
            Order::NewestEvents => Some("content_hash"),
            Order::NewestLines | Order::NewestOfAnyKind => Some("kind"),
            Order::Newest | Order::NewestOfMode | Order::NewestKnown | Order::Soonest => None,
        };
        if let Some(more) = more {
            names.push(more.to_owned());
            values.push(self.place(Value::from(&place.more)));
        }
        if let Some(at) = place.at {
            let at = self.place(Value::from(at));
            first = format!("{moment} {sign}= {at} AND ");
            names.insert(0, moment.to_owned());
            values.insert(0, at);
        }
        let later = format!("({}) {sign} ({})", names.join(", "), values.join(", "));
        let condition = match place.at {
            _ if order.is_of_every_row() => format!("{first}{later}"),
            Some(_) => format!("({moment} IS NULL OR ({first}{later}))"),
            None => format!("{moment} IS NULL AND {later}"),
        };
        write!(self.sql, " AND {condition}").expect("a String takes every write");
        self
    }

    /// At most so many, in this order.
    pub(crate) async fn fetch<R: Read>(
        mut self,
        tx: &mut Transaction,
        order: &str,
        limit: i64,
    ) -> Result<Vec<R>, LedgerError> {
        let place = self.place(Value::from(limit));
        let text = format!("{} ORDER BY {order} LIMIT {place}", self.sql);
        self.values.into_iter().fold(query(AssertSqlSafe(text)), Query::bind).all(tx).await
    }

    fn place(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }
}

impl Order {
    /// Whether every row has the moment.
    fn is_of_every_row(self) -> bool {
        matches!(self, Self::Newest | Self::NewestOfMode | Self::NewestEvents | Self::NewestLines)
    }

    fn by(self, moment: &str) -> String {
        match self {
            Self::Newest => format!("{moment} DESC, id DESC, account DESC, livemode DESC"),
            Self::NewestOfMode => format!("{moment} DESC, id DESC, account DESC"),
            Self::NewestKnown => {
                format!("{moment} IS NULL, {moment} DESC, id DESC, account DESC, livemode DESC")
            }
            Self::NewestEvents => {
                format!("{moment} DESC, id DESC, account DESC, livemode DESC, content_hash DESC")
            }
            Self::NewestLines => format!("{moment} DESC, id DESC, account DESC, livemode DESC, kind DESC"),
            Self::NewestOfAnyKind => {
                format!("{moment} IS NULL, {moment} DESC, id DESC, account DESC, livemode DESC, kind DESC")
            }
            Self::Soonest => format!("{moment} IS NULL, {moment}, id, account, livemode"),
        }
    }
}

/// A SELECT of a table with the moment that a list is ordered by.
pub(crate) fn select(table: &str, moment: &str) -> String {
    format!("SELECT {table}.*, {moment} AS {POSITION} FROM {table}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_behind_the_place_where_the_last_one_ended() {
        let at = DateTime::from_timestamp(1, 0);
        let key = Key { id: "in_1".to_owned(), account: String::new(), livemode: true };
        let place = Place { at, key, more: String::new() };
        let sql = |order, place| Search::of("S").behind("created_at", order, place).sql;
        assert_eq!(
            sql(Order::Newest, &place),
            "S AND created_at <= $4 AND (created_at, id, account, livemode) < ($4, $1, $2, $3)"
        );
        assert_eq!(
            sql(Order::Soonest, &place),
            "S AND (created_at IS NULL OR (created_at >= $4 AND (created_at, id, account, livemode) > ($4, $1, $2, $3)))"
        );
        let last = Place { at: None, ..place.clone() };
        assert_eq!(
            sql(Order::NewestKnown, &last),
            "S AND created_at IS NULL AND (id, account, livemode) < ($1, $2, $3)"
        );
    }

    #[test]
    fn a_list_of_which_every_row_has_the_moment_begins_at_the_end_of_its_index() {
        let sql = |order| Search::of("S").by_time_backwards("created_at", order).sql;
        for order in [Order::Newest, Order::NewestEvents, Order::NewestLines] {
            assert_eq!(sql(order), "S AND created_at <= $1");
        }
        for order in [Order::NewestKnown, Order::Soonest, Order::NewestOfAnyKind] {
            assert_eq!(sql(order), "S", "rows without the moment are in the list");
        }
        assert_eq!(END_OF_TIME.to_rfc3339(), "9999-12-31T23:59:59+00:00");
    }

    #[test]
    fn only_what_was_asked_for_is_a_condition() {
        let search = Search::of("SELECT * FROM payments WHERE TRUE")
            .and("status = ?", Some(&"succeeded".to_owned()))
            .and("customer = ?", None::<&String>)
            .whose(&Whose { account: None, livemode: Some(true) })
            .when("needs_refetch", false);
        assert_eq!(search.sql, "SELECT * FROM payments WHERE TRUE AND status = $1 AND livemode = TRUE");
        assert_eq!(search.values.len(), 1);
    }

    #[test]
    fn no_key_at_all_is_no_object_and_not_every_object() {
        assert_eq!(Search::of("S").among(None).sql, "S");
        assert_eq!(Search::of("S").among(Some(&[])).sql, "S AND (FALSE)");
    }
}
