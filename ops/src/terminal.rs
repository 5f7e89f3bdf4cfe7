//! What standard output is: how wide, and whether colours mean anything there. Looked at once, at the start.

use std::io::IsTerminal;
use std::sync::OnceLock;

use shared::env::Env;

/// Text is filled to this width where no terminal is narrower.
const LINE_LIMIT: usize = 100;
const WIDTH_MIN: usize = 40;

#[derive(Clone, Copy, Debug, Default)]
struct Terminal {
    width: Option<usize>,
    has_colour: bool,
}

static TERMINAL: OnceLock<Terminal> = OnceLock::new();

/// Looks at standard output. Colours are left out where `NO_COLOR` is set or the terminal is `dumb`.
pub fn look(env: &Env) {
    let out = std::io::stdout();
    let is_terminal = out.is_terminal();
    let size = if is_terminal { rustix::termios::tcgetwinsize(&out).ok() } else { None };
    let width = size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
    TERMINAL.get_or_init(|| Terminal {
        width: width.map(|width| width.max(WIDTH_MIN)),
        has_colour: is_terminal && wants_colour(env),
    });
}

/// Columns of the terminal; `None` where output goes to a file or a pipe.
pub fn width() -> Option<usize> {
    TERMINAL.get().and_then(|terminal| terminal.width)
}

/// How wide running text may be.
pub fn line_limit() -> usize {
    width().unwrap_or(LINE_LIMIT).min(LINE_LIMIT)
}

pub fn has_colour() -> bool {
    TERMINAL.get().is_some_and(|terminal| terminal.has_colour)
}

fn wants_colour(env: &Env) -> bool {
    env.given("NO_COLOR").is_none() && env.given("TERM") != Some("dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_can_be_refused() {
        assert!(wants_colour(&Env::of(&[("TERM", "xterm")])));
        assert!(!wants_colour(&Env::of(&[("NO_COLOR", "1")])));
        assert!(!wants_colour(&Env::of(&[("TERM", "dumb")])));
    }
}
