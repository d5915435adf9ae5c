//! Killed in the middle of everything while reports come in: each is counted once.

use serde_json::json;
use tokio::task::JoinSet;

use super::{KILLS, LOAD, Server, program, run};
use crate::harness::{DEMO, eventually};
use crate::races::Dice;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_makes_a_report_count_twice_or_not_at_all() {
    let mut dice = Dice::from_seed();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("state");
    for _ in 0..KILLS {
        let mut server = Server::start(&data, &[]).await;
        let mut calls = JoinSet::new();
        for _ in 0..LOAD.0 + dice.below(LOAD.1 - LOAD.0) {
            let reporter = server.person(dice.pick(&["reporter-ferry-1", "reporter-lantern-2"])).await;
            let body = json!({ "category": "hazard", "text": "Loose paving." });
            let key = dice.key();
            calls.spawn(async move { reporter.post("/reports", key, None, &body).await });
        }
        for _ in 0..dice.below(calls.len()) {
            calls.join_next().await;
        }
        server.kill();
        calls.abort_all();
    }
    // Whatever was taken is in the list of the district; once all of it is counted, a recount agrees.
    let mut server = Server::start(&data, &[]).await;
    let district = server.person("district-police").await;
    let mut sent = 0;
    let mut page = Some("/district-review/reports?limit=100".to_owned());
    for _ in 0..20 {
        let Some(path) = page else { break };
        let answer = district.get(&path).await.unwrap();
        sent += answer.body["items"].as_array().unwrap_or_else(|| panic!("{}", answer.body)).len();
        let next = answer.body["next"].as_str().map(str::to_owned);
        page = next.map(|next| format!("/district-review/reports?limit=100&cursor={next}"));
    }
    assert!(sent > 0);
    eventually("all of them are counted", async || {
        let answer = district.get(&format!("{DEMO}/statistics?by=year")).await.unwrap();
        (answer.body["rows"][0]["figures"]["submitted"]["hazard"] == sent).then_some(())
    })
    .await;
    // No bundle may run on the folder that is counted.
    let refused = run(program(&data, &["recount"])).await;
    assert!(!refused.status.success(), "{refused:?}");
    server.kill();
    let recount = run(program(&data, &["recount"])).await;
    let said = String::from_utf8_lossy(&recount.stdout);
    assert!(recount.status.success() && said.ends_with("The statistics are as the records say.\n"), "{recount:?}");
}
