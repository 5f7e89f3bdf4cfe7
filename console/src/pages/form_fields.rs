//! The fields of a form, as a browser sends them.

use domain::operations::batch::ITEMS_LIMIT;
use secrecy::SecretString;

use super::address::{PARAMETERS_LIMIT, parameters};

/// As many as the longest list that a form brings has, and what stands beside it.
pub(super) const FIELDS_LIMIT: usize = ITEMS_LIMIT + PARAMETERS_LIMIT;

/// Where to go afterwards: the page of the form, which says there what was done.
pub(super) const BACK: &str = "back";

/// The same page, where nothing was done.
pub(super) fn undone(back: &str) -> String {
    back.replace("done=", "was=")
}

#[derive(Default)]
pub(super) struct FormFields(pub(super) Vec<(String, String)>);

impl FormFields {
    /// Of the body of a form; `None` where one is no text, or where there are too many.
    pub(super) fn of(text: &str) -> Option<Self> {
        parameters(text, FIELDS_LIMIT).map(Self)
    }

    /// What was typed into the field, if it is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.trim().is_empty())
    }

    /// What was typed into each field of this name, where anything was.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.0.iter().filter(move |(given, _)| given == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The same of a password: every space counts.
    pub(super) fn secret(&self, name: &str) -> SecretString {
        let found = self.0.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default().into()
    }

    /// Takes a field out.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(given, _)| given == name)?;
        Some(self.0.remove(place).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_list_keeps_every_field_and_a_longer_one_none() {
        let form =
            |items: usize| format!("once=form_1&confirm=true&{}hash=h", "payments=pi_1&".repeat(items));
        let fields = FormFields::of(&form(ITEMS_LIMIT)).unwrap();
        assert_eq!((fields.get("confirm"), fields.get("hash")), (Some("true"), Some("h")));
        assert_eq!(fields.0.iter().filter(|(name, _)| name == "payments").count(), ITEMS_LIMIT);
        assert!(FormFields::of(&form(FIELDS_LIMIT)).is_none());
    }
}
