//! The source's year, played with few of everything: `cargo dev -- replay-year` plays all of it.

use pingan_local::replay::{Scale, replay};

#[tokio::test]
async fn a_small_year_ends_with_exactly_what_was_played() {
    let scale = Scale { recruited: 60, registered: 36, one_of: 30 };
    let replayed = replay(scale).await.unwrap();
    assert!(replayed.is_exact(), "{}", replayed.tables());
    let figure = |name: &str| replayed.figures.iter().find(|figure| figure.0 == name).unwrap();
    assert_eq!((figure("recruited").2, figure("registered").2), (Some(60), Some(36)));
    assert_eq!((figure("rewarded").3, figure("paid_fen").3), (5, 262_500));
    assert_eq!((replayed.fund.granted_fen, replayed.fund.paid_fen), (4_000_000, 262_500));
    assert!(replayed.requests > 300 && replayed.operations.len() > 20, "{}", replayed.tables());
}
