//! How fast the bundle is, and what it costs: `cargo bench-bundle`.
//!
//! | to change … | go to |
//! |---|---|
//! | what a function takes beside what people would use instead | [`functions`] |
//! | the same submission in Python and in Node | [`peers`] |
//! | how the whole chain holds under load, and with 100 times the records | [`load`] |
//! | what the bundle costs, and which key gets hot first | [`cost`] |
//! | what can be asked for | [`cli`] |
//! | `BENCHMARKS.md` | [`report`] |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod cli;
pub mod cost;
pub mod functions;
pub mod load;
pub mod peers;
pub mod report;
