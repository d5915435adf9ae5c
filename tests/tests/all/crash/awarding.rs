//! The job of period awards, killed wherever it is, again and again.

use std::fs;

use pingan_local::{
    bundle::{Bundle, Options},
    clock::Clock,
};

use super::*;
use crate::awards::{Crowd, Left};

/// How many people have points.
const PEOPLE: usize = 1_100;
/// How often the job is killed.
const JOB_KILLS: usize = 8;
/// The longest that it works before a kill: this part of what an undisturbed run takes. So the kills are spread over
/// all of its steps, on a slow machine as on a fast one.
const LONGEST_PART: u32 = 3;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[expect(clippy::print_stdout, reason = "whoever sees this test fail wants to know how far it came")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_award_run_that_is_killed_again_and_again_ends_as_one_that_is_not() {
    let mut dice = Dice::from_seed();
    let folder = tempfile::tempdir().unwrap();
    let (data, undisturbed) = (folder.path().join("state"), folder.path().join("undisturbed"));
    let bundle = Bundle::start(Options::new(&data, 0, Clock::real())).await.unwrap();
    let crowd = Crowd::gathers(&bundle, PEOPLE).await;
    bundle.stop().await;
    copy(&data, &undisturbed);

    let bundle = Bundle::start(Options::new(&undisturbed, 0, Clock::real())).await.unwrap();
    let begun = Instant::now();
    bundle.run_awards().await.unwrap();
    let longest = usize::try_from((begun.elapsed() / LONGEST_PART).as_millis()).unwrap().max(1);
    let expected = Left::by(&bundle, &crowd).await;
    expected.check(&crowd);
    bundle.stop().await;

    // The job begins with the bundle, and is killed wherever it is.
    for _ in 0..JOB_KILLS {
        let mut server = Server::start(&data, &[]).await;
        tokio::time::sleep(Duration::from_millis(u64::try_from(dice.below(longest)).unwrap())).await;
        server.kill();
    }
    let bundle = Bundle::start(Options::new(&data, 0, Clock::real())).await.unwrap();
    let run = bundle.store.award_run(&crowd.id).await.unwrap().unwrap();
    println!("After {JOB_KILLS} kills within {longest} ms each the run is {} at step {}.", run.stage(), run.version);
    bundle.run_awards().await.unwrap();
    assert!(Left::by(&bundle, &crowd).await == expected, "what is left is not what an undisturbed run leaves");
    bundle.stop().await;
}
