//! What the files for spreadsheets have in common: how they say that they are UTF-8, how an amount
//! stands in them, and the guard against formulas.

/// What tells spreadsheets that a file is UTF-8: without it they show Chinese as noise.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// With what a spreadsheet begins a formula, or what it strips before it looks for one; and the
/// apostrophe of the guard itself, so that [`unguarded`] gives back what was given.
const RUN: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '\''];

/// An amount in yuan, with two decimals.
pub fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// A text that no spreadsheet takes for a formula. [`unguarded`] gives it back.
pub fn guarded(text: &str) -> String {
    if text.starts_with(RUN) { format!("'{text}") } else { text.to_owned() }
}

/// What [`guarded`] was given.
pub fn unguarded(text: &str) -> &str {
    text.strip_prefix('\'').unwrap_or(text)
}
