//! Whether a page is HTML as the standard wants it: every element is closed where it was opened, nothing stands where it may
//! not, ids are unique, and what refers to an id finds it.

use std::collections::BTreeSet;

const VOID: [&str; 6] = ["br", "hr", "img", "input", "link", "meta"];
/// Elements that end a paragraph, so that none of them stands in one, nor in a heading or a term.
const BLOCKS: [&str; 14] =
    ["div", "p", "ul", "ol", "dl", "table", "form", "section", "details", "pre", "h1", "h2", "nav", "main"];
const OF_WORDS: [&str; 7] = ["p", "h1", "h2", "h3", "dt", "summary", "label"];
const INTERACTIVE: [&str; 5] = ["a", "button", "select", "input", "textarea"];
/// What refers to an element by its id.
const REFERENCES: [&str; 4] = ["for", "aria-labelledby", "aria-describedby", "data-copy"];

pub(super) fn check(path: &str, page: &str) {
    let body = page.strip_prefix("<!DOCTYPE html>").unwrap_or_else(|| panic!("{path} says what it is"));
    let (mut open, mut ids, mut wanted) = (Vec::<&str>::new(), BTreeSet::new(), BTreeSet::new());
    for part in body.split('<').skip(1) {
        let tag = part.split('>').next().unwrap();
        assert!(
            part.contains('>') && !part.split_once('>').unwrap().1.contains('>'),
            "{path}: a bare > in <{part}"
        );
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{path}: </{name}> closes another element");
            continue;
        }
        let name = tag.split([' ', '\n']).next().unwrap();
        let inside = |of: &[&str]| open.iter().rev().find(|element| of.contains(element));
        if BLOCKS.contains(&name) {
            assert_eq!(inside(&OF_WORDS), None, "{path}: <{name}> stands in it");
        }
        if INTERACTIVE.contains(&name) {
            assert_eq!(inside(&["a", "button"]), None, "{path}: <{name}> stands in it");
        }
        assert!(name != "form" || inside(&["form"]).is_none(), "{path}: a form stands in a form");
        let parent = open.last().copied();
        match name {
            "li" => assert!(matches!(parent, Some("ul" | "ol")), "{path}: li in {parent:?}"),
            "tr" => assert!(matches!(parent, Some("thead" | "tbody" | "tfoot")), "{path}: tr in {parent:?}"),
            "td" | "th" => assert_eq!(parent, Some("tr"), "{path}: {name}"),
            "summary" => assert_eq!(parent, Some("details"), "{path}: {name}"),
            "option" => assert_eq!(parent, Some("select"), "{path}: {name}"),
            _ => {}
        }
        for (attribute, value) in attributes(tag) {
            if attribute == "id" {
                assert!(ids.insert(value), "{path}: two elements are #{value}");
            } else if REFERENCES.contains(&attribute) {
                wanted.insert(value);
            }
        }
        if !VOID.contains(&name) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{path}: {open:?} stay open");
    let lost: Vec<_> = wanted.difference(&ids).collect();
    assert!(lost.is_empty(), "{path}: nothing is {lost:?}");
}

fn attributes(tag: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = tag.split("=\"").zip(tag.split("=\"").skip(1));
    pairs.map(|(before, after)| {
        (before.rsplit([' ', '"', '\n']).next().unwrap(), after.split('"').next().unwrap())
    })
}
