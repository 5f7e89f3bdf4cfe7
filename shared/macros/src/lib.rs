//! `#[built_once]`, for an `async fn` that other crates call. The machine code of an `async fn` is made again in every
//! crate that waits for it, and most of a build was that. The attribute returns the same future boxed, so that its
//! code is made in its own library, at the price of one allocation a call.

use std::iter;

use proc_macro::{Delimiter, Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};

/// Turns `async fn f(x: &T) -> R { … }` into `fn f<'call>(x: &'call T) -> Pending<'call, R> { Box::pin(async move { … }) }`.
/// Everything borrowed is borrowed for as long as the call takes. Type parameters need bounds that the attribute does not
/// write: such a function is made anew for each type anyway.
#[proc_macro_attribute]
pub fn built_once(_: TokenStream, item: TokenStream) -> TokenStream {
    let mut rest = item.into_iter().peekable();
    let mut made = TokenStream::new();
    // Attributes, visibility, `async`, `fn` and the name.
    for token in rest.by_ref() {
        let is_fn = is_word(&token, "fn");
        if !is_word(&token, "async") {
            made.extend([token]);
        }
        if is_fn {
            break;
        }
    }
    made.extend(rest.next());
    let has_lifetimes = rest.next_if(|token| is_punct(token, '<')).is_some();
    made.extend([punct('<', Spacing::Alone)]);
    made.extend(call());
    made.extend([punct(if has_lifetimes { ',' } else { '>' }, Spacing::Alone)]);
    let mut result = TokenStream::new();
    let mut has_result = false;
    for token in rest {
        match token {
            TokenTree::Group(ref group) if group.delimiter() == Delimiter::Brace => {
                let result = if result.is_empty() { quoted("()") } else { named(result) };
                made.extend(returning(result));
                made.extend([braced(boxed(group))]);
                return made;
            }
            TokenTree::Punct(ref arrow) if !has_result && arrow.as_char() == '-' => has_result = true,
            TokenTree::Punct(ref arrow) if has_result && result.is_empty() && arrow.as_char() == '>' => {}
            other if has_result => result.extend([other]),
            other => made.extend(named(other.into())),
        }
    }
    made
}

/// With the lifetime of the call wherever none is written.
fn named(tokens: TokenStream) -> TokenStream {
    let mut made = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), named(group.stream()));
                inner.set_span(group.span());
                made.extend([TokenTree::Group(inner)]);
            }
            TokenTree::Punct(ref sign) if sign.as_char() == '&' => {
                made.extend([token]);
                if !tokens.peek().is_some_and(|next| is_punct(next, '\'')) {
                    made.extend(call());
                }
            }
            TokenTree::Punct(ref sign) if sign.as_char() == '\'' => {
                if tokens.next_if(|next| is_word(next, "_")).is_some() {
                    made.extend(call());
                } else {
                    made.extend([token]);
                }
            }
            other => made.extend([other]),
        }
    }
    made
}

fn returning(result: TokenStream) -> TokenStream {
    let mut made = quoted("-> ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output =");
    made.extend(result);
    made.extend(quoted("> + ::std::marker::Send +"));
    made.extend(call());
    made.extend(quoted(">>"));
    made
}

fn boxed(body: &Group) -> TokenStream {
    let mut work = quoted("async move");
    work.extend([TokenTree::Group(body.clone())]);
    let mut made = quoted("::std::boxed::Box::pin");
    made.extend([TokenTree::Group(Group::new(Delimiter::Parenthesis, work))]);
    made
}

fn braced(content: TokenStream) -> TokenTree {
    Group::new(Delimiter::Brace, content).into()
}

fn call() -> impl Iterator<Item = TokenTree> {
    let name = Ident::new("call", Span::mixed_site());
    iter::once(punct('\'', Spacing::Joint)).chain([name.into()])
}

fn punct(sign: char, spacing: Spacing) -> TokenTree {
    Punct::new(sign, spacing).into()
}

fn quoted(text: &str) -> TokenStream {
    text.parse().expect("it is Rust")
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(name) if name.to_string() == word)
}

fn is_punct(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}
