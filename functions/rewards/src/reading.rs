//! Listing and reading rewards.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    error::Error,
    reward::{RewardState, may_see},
};
use pingan_http::{DistrictPath, Problem, Query, RewardPath, Subject, Versioned, page, schema};
use pingan_store::{Key, rewards::RewardList};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    READERS, Rewards,
    views::{RewardEntry, RewardHistoryView, RewardsPage},
};

/// Which rewards.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RewardsQuery {
    /// In this state
    #[param(schema_with = schema::reward_state, required = false)]
    state: Option<RewardState>,
    /// How many, from 1 to 100; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u16>,
    /// Where the list goes on: `next` of the page before.
    cursor: Option<String>,
}

/// The rewards of your territory: newest first, or with a state oldest first. A page can have
/// fewer than `limit`, and still be followed by another.
#[utoipa::path(
    get,
    path = "/districts/{district}/rewards",
    params(("district" = String, Path, description = "The district"), RewardsQuery),
    responses(
        (status = 200, description = "A page of rewards; `Link: rel=\"next\"` names the next", body = RewardsPage),
        (status = 404, description = "This is not your district"),
    ),
)]
pub(crate) async fn list_rewards(
    State(rewards): State<Rewards>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<RewardsQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let (_, reader, _) = rewards.load(&reader, &district, &READERS, []).await?;
    let list = match query.state {
        Some(state) => RewardList::InState(&district, state),
        None => RewardList::District(&district),
    };
    let (items, next) = rewards.store.rewards(list, &reader.id, limit, query.cursor.as_deref()).await?;
    let items = items.iter().filter(|reward| may_see(&reader, &reward.node, reward.concerns));
    let view =
        RewardsPage { items: items.map(|reward| RewardEntry::new(reward, &reader)).collect(), next: next.clone() };
    let state = query.state.map(|state| format!("state={state}&")).unwrap_or_default();
    Ok(page::respond(view, next.as_deref(), &format!("{state}limit={limit}")))
}

/// A reward: what it is for, its arithmetic, who has agreed, and its history. A treasurer sees the
/// code and the amount.
#[utoipa::path(
    get,
    path = "/districts/{district}/rewards/{reward_id}",
    params(
        ("district" = String, Path, description = "The district"),
        ("reward_id" = String, Path, description = "The reward's code"),
    ),
    responses(
        (status = 200, description = "The reward, with its version as `ETag`", body = RewardHistoryView),
        (status = 404, description = "Your territory has no reward with this code"),
    ),
)]
pub(crate) async fn read_reward(
    State(rewards): State<Rewards>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    RewardPath(id): RewardPath,
) -> Result<Response, Problem> {
    // The two reads do not depend on each other.
    let (loaded, history) =
        futures::join!(rewards.load(&reader, &district, &READERS, [Key::Reward(id)]), rewards.store.reward_history(id));
    let (_, reader, _) = loaded?;
    let history = history?.filter(|history| history.reward.is_seen_by(&reader)).ok_or(Error::NotFound)?;
    let version = history.reward.version;
    Ok(Versioned(version, RewardHistoryView::new(&history, &reader)).into_response())
}
