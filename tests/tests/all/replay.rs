//! The source's year, played with few of everything: `cargo dev -- replay-year` plays all of it.

use pingan_local::replay::{Scale, replay};

#[tokio::test]
async fn a_small_year_ends_with_exactly_what_was_played() {
    let scale = Scale { recruited: 60, registered: 36, one_of: 60 };
    let replayed = replay(scale).await.unwrap();
    assert!(replayed.is_exact(), "{}", replayed.tables());
    let figure = |name: &str| replayed.figures.iter().find(|figure| figure.0 == name).unwrap().2;
    assert_eq!((figure("recruited"), figure("registered")), (60, 36));
    assert!(replayed.requests > 300 && replayed.operations.len() > 20, "{}", replayed.tables());
}
