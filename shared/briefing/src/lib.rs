//! A briefing as a page that people read and print, in Chinese and in English, and as JSON for programs.
//!
//! Data in, text out. The page stands for itself: its style is inline, its charts are inline SVG, it has no script, and
//! its policy forbids it to fetch anything. Whatever comes from a district's lists is escaped by the template, which
//! is compiled: there is no place that could leave it out but for the style, which has nothing of the lists in it.
//!
//! | to change … | go to |
//! |---|---|
//! | what the page shows, and in which order | `templates/briefing.html`, [`view`] |
//! | how it looks on a screen, on a phone and on paper | `templates/style.css` |
//! | its words | [`words`] |
//! | how charts are drawn | [`chart`] |
//! | what a briefing says at all | `shared/domain/src/briefing.rs` |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod chart;
mod view;
mod words;

#[cfg(test)]
mod tests;

use askama::Template as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pingan_domain::{
    briefing::{Briefing, Language},
    error::Error,
};
use sha2::{Digest as _, Sha256};

/// The policy with which a page is to be answered. The page itself names the one style that it allows.
pub const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page, complete in one file.
pub fn page(briefing: &Briefing, language: Language) -> Result<String, Error> {
    let page = view::Page::new(briefing, language)?;
    page.render().map_err(|error| Error::Internal(format!("a briefing cannot be rendered: {error}")))
}

/// What it says, for programs.
pub fn json(briefing: &Briefing) -> Result<Vec<u8>, Error> {
    serde_json::to_vec_pretty(briefing).map_err(|error| Error::Internal(error.to_string()))
}

/// The style, with what stands at the head of each printed page. Code and days alone: a name of the lists could not be
/// escaped here.
fn style(briefing: &Briefing) -> String {
    let (id, from, to) = (briefing.id, briefing.period.from, briefing.period.to);
    let pages = format!(
        "@page {{ size: A4; margin: 20mm 15mm 17mm; @top-right {{ content: \"{id} · {from} – {to}\"; font-size: 8.5pt; color: \
         #4a5666; }} @bottom-right {{ content: counter(page) \" / \" counter(pages); font-size: 8.5pt; color: #4a5666; }} }}\n"
    );
    format!("\n{pages}{}", include_str!("../templates/style.css"))
}

/// The policy that a page carries itself: nothing but this very style.
fn own_policy(style: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}
