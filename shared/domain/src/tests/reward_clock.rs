//! What the clock does with rewards that wait to be claimed.

use jiff::{SignedDuration, Timestamp};

use super::{
    district_manager,
    payout::{approved, fund_of},
};
use crate::{
    error::Error,
    ledger::{Fund, Movement},
    payout::Payout,
    reward::{Context, Decided, Reward, RewardAction, RewardState, ShareState},
    reward_clock::REMIND_DAYS,
};

fn payouts(reward: &Reward) -> Vec<Payout> {
    (0..).map_while(|share| Payout::of(reward, share)).collect()
}

fn comes(reward: &Reward, payouts: &[Payout], fund: &Fund, now: Timestamp) -> Result<Option<Decided>, Error> {
    let command = crate::command::CommandId::of_clock(reward.id, reward.version);
    reward.come(payouts, fund, Context { command, now, today: jiff::civil::date(2026, 8, 12) })
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

#[test]
fn people_are_reminded_once_and_then_the_money_goes_back_share_by_share() {
    let reward = approved(1, &[5_000, 0, 7_000]);
    let (fund, _) = fund_of(std::slice::from_ref(&reward));
    let until = reward.claim_until.unwrap();
    let remind_at = until - days(REMIND_DAYS);
    assert_eq!(reward.clock_at(), Some(remind_at));
    let second = SignedDuration::from_secs(1);
    assert_eq!(comes(&reward, &payouts(&reward), &fund, remind_at - second), Ok(None));
    let reminded = comes(&reward, &payouts(&reward), &fund, remind_at).unwrap().unwrap();
    assert_eq!((reminded.event.action, reminded.event.state), (RewardAction::Remind, RewardState::Approved));
    assert_eq!(reminded.fund, None, "no money moves");
    let told = crate::notice::of_reward(&reminded);
    assert_eq!(told.len(), 2, "whoever has nothing to claim is not told");
    let reward = reminded.reward;
    assert_eq!(reward.clock_at(), Some(until));
    assert_eq!(comes(&reward, &payouts(&reward), &fund, until - second), Ok(None));

    let first = comes(&reward, &payouts(&reward), &fund, until).unwrap().unwrap();
    let (fund, entry) = first.fund.unwrap();
    assert_eq!((first.event.share, entry.amount_fen, entry.movement), (Some(0), 5_000, Movement::Release));
    let second = comes(&first.reward, &payouts(&first.reward), &fund, until).unwrap().unwrap();
    let (fund, entry) = second.fund.unwrap();
    assert_eq!((second.event.share, entry.amount_fen), (Some(2), 7_000));
    let states: Vec<ShareState> = second.reward.shares.iter().map(|share| share.state).collect();
    assert_eq!(states, [ShareState::Lapsed, ShareState::Ended, ShareState::Lapsed]);
    assert_eq!((second.reward.state, second.reward.clock_at()), (RewardState::Settled, None));
    assert_eq!((fund.reserved_fen, fund.is_balanced()), (0, true));
    assert_eq!(comes(&second.reward, &payouts(&second.reward), &fund, until), Ok(None));
}

#[test]
fn a_clock_that_was_late_lets_lapse_at_once_and_who_was_told_lately_is_not_reminded() {
    let reward = approved(1, &[5_000]);
    let (fund, _) = fund_of(std::slice::from_ref(&reward));
    let until = reward.claim_until.unwrap();
    let late = comes(&reward, &payouts(&reward), &fund, until + days(400)).unwrap().unwrap();
    assert_eq!(late.event.action, RewardAction::Lapse);
    let lately = Reward { approved_at: Some(until - days(REMIND_DAYS)), ..reward };
    assert_eq!(lately.clock_at(), Some(until));
    assert_eq!(comes(&lately, &payouts(&lately), &fund, until - days(1)), Ok(None));
}

#[test]
fn what_is_on_its_way_does_not_lapse_and_all_else_does() {
    let reward = approved(1, &[5_000, 7_000]);
    let (fund, _) = fund_of(std::slice::from_ref(&reward));
    let until = reward.claim_until.unwrap();
    let mut on_its_way = payouts(&reward);
    on_its_way[0].kept_until = Some(until + days(30));
    let lapsed = comes(&reward, &on_its_way, &fund, until).unwrap().unwrap();
    assert_eq!(lapsed.event.share, Some(1));
    let (fund, _) = lapsed.fund.unwrap();
    assert_eq!(comes(&lapsed.reward, &on_its_way, &fund, until + days(29)), Ok(None));
    let after = comes(&lapsed.reward, &on_its_way, &fund, until + days(30)).unwrap().unwrap();
    assert_eq!((after.event.share, after.reward.state), (Some(0), RewardState::Settled));
}

#[test]
fn after_the_end_of_the_year_it_goes_back_for_good() {
    let reward = approved(1, &[5_000]);
    let (fund, _) = fund_of(std::slice::from_ref(&reward));
    let manager = district_manager();
    let closes = crate::ledger::Posting {
        movement: Movement::Lapse,
        amount_fen: fund.available_fen,
        reward: None,
        reason: None,
        by: (&manager.id, manager.role),
        command: crate::command::CommandId::of_clock(reward.id, 99),
        at: super::wednesday(),
    };
    let (closed, _) = fund.post(closes).unwrap();
    let until = reward.claim_until.unwrap();
    let lapsed = comes(&reward, &payouts(&reward), &closed, until).unwrap().unwrap();
    let (after, entry) = lapsed.fund.unwrap();
    assert_eq!((entry.movement, after.reserved_fen, after.available_fen), (Movement::LapseReserved, 0, 0));
    assert_eq!(after.lapsed_fen, after.granted_fen);
}

#[test]
fn nothing_is_on_the_clock_that_does_not_wait_to_be_claimed() {
    let reward = approved(1, &[5_000]);
    for state in [RewardState::Proposed, RewardState::Declined, RewardState::Reversed, RewardState::Settled] {
        assert_eq!(Reward { state, ..reward.clone() }.clock_at(), None, "{state}");
    }
}
