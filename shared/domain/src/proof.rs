//! The proof of the money: whether the ledgers, the funds, the rewards and the payouts say the same.
//!
//! [`prove`] is handed every record and asks three things that do not lean on each other: whether each
//! chain is whole up to the hash of its newest event; whether the entries of a ledger, replayed, come to
//! the fund as it stands; and whether what the entries have moved for each reward is what the reward, its
//! shares and its payouts say of themselves. So a record that was altered, removed or cut off at the end
//! is contradicted by another one.
//!
//! What is found names a fund, an entry, a reward or a share by its number or its code, and nobody.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    code::Code,
    event::BrokenChain,
    handover::{self, Handover, HandoverEvent, HandoverId},
    hash::Digest,
    ledger::{Account, Entry, Fund, FundId, Movement},
    named::Named as _,
    payout::{self, Payout, PayoutEvent, PayoutId, PayoutState},
    reward::{self, Reward, RewardAction, RewardEvent, RewardId, RewardState, Share, ShareState},
    territory::NodeId,
};

/// Of which of the records the proof is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Of {
    /// Those of a district; of every one when nothing is said.
    pub district: Option<NodeId>,
    /// The fund of this year, and the rewards that are paid from it; of every one when nothing is said.
    pub year: Option<i16>,
}

/// The records of a fund. What is missing is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FundRecords {
    /// The fund as it stands.
    pub fund: Option<Fund>,
    /// Its entries, in the order of their keys.
    pub entries: Vec<Entry>,
}

/// The records of a reward.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RewardRecords {
    /// The reward as it stands.
    pub reward: Option<Reward>,
    /// Its events.
    pub events: Vec<RewardEvent>,
    /// The shares as the statements of people show them, by number.
    pub shares: BTreeMap<u8, Share>,
    /// The payouts as they stand, by share.
    pub payouts: BTreeMap<u8, Payout>,
    /// The events of the payouts, by share.
    pub payout_events: BTreeMap<u8, Vec<PayoutEvent>>,
}

/// The records of a hand-over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandoverRecords {
    /// The hand-over as it stands.
    pub handover: Option<Handover>,
    /// Its events.
    pub events: Vec<HandoverEvent>,
}

/// Every record that the proof goes by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// The funds.
    pub funds: BTreeMap<FundId, FundRecords>,
    /// The rewards.
    pub rewards: BTreeMap<RewardId, RewardRecords>,
    /// Which reward each matter is said to have.
    pub matters: BTreeMap<Code, RewardId>,
    /// The hand-overs.
    pub handovers: BTreeMap<HandoverId, HandoverRecords>,
}

/// What a difference is found on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A fund as it stands.
    Fund(FundId),
    /// An entry of its ledger.
    Entry(FundId, u64),
    /// A reward.
    Reward(RewardId),
    /// A share of it, or how it is paid.
    Share(PayoutId),
    /// A hand-over.
    Handover(HandoverId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fund(fund) => write!(f, "fund {} {}", fund.district, fund.year),
            Self::Entry(fund, seq) => write!(f, "fund {} {} entry {seq}", fund.district, fund.year),
            Self::Reward(reward) => write!(f, "reward {reward}"),
            Self::Share(share) => write!(f, "reward {} share {}", share.reward, share.share),
            Self::Handover(handover) => write!(f, "hand-over {handover}"),
        }
    }
}

/// Something that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Where.
    pub subject: Subject,
    /// What.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.what)
    }
}

/// What was looked at, and what is not as it has to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// How many funds there are.
    pub funds: u64,
    /// How many entries their ledgers have.
    pub entries: u64,
    /// How many rewards there are.
    pub rewards: u64,
    /// How many events they have.
    pub reward_events: u64,
    /// How many payouts have begun.
    pub payouts: u64,
    /// How many events they have.
    pub payout_events: u64,
    /// How many hand-overs there are.
    pub handovers: u64,
    /// How many events they have.
    pub handover_events: u64,
    /// What is not as it has to be.
    pub differences: Vec<Difference>,
    /// The records that cannot be read, each with the reason. The differences are without them.
    pub unreadable: Vec<String>,
}

impl Proof {
    /// Whether everything is as it has to be.
    pub fn is_right(&self) -> bool {
        self.differences.is_empty() && self.unreadable.is_empty()
    }

    fn finds(&mut self, subject: Subject, what: impl Into<String>) {
        self.differences.push(Difference { subject, what: what.into() });
    }

    /// Says so where two amounts differ.
    fn compares(&mut self, subject: &Subject, what: &str, (says, says_fen): (&str, u64), (other, fen): (&str, u64)) {
        if says_fen != fen {
            self.finds(subject.clone(), format!("{what}: {says} {says_fen} fen, {other} {fen} fen"));
        }
    }
}

/// What the entries of a ledger have moved for a reward, or what a reward says that they have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Moved {
    reserved_fen: u64,
    /// Went back to what can be promised, or for good.
    back_fen: u64,
    paid_fen: u64,
    payments: u64,
    recovered_fen: u64,
}

impl Moved {
    fn takes(&mut self, entry: &Entry) {
        let sum = match entry.movement {
            Movement::Reserve => &mut self.reserved_fen,
            Movement::Release | Movement::LapseReserved => &mut self.back_fen,
            Movement::Pay => {
                self.payments += 1;
                &mut self.paid_fen
            }
            Movement::Recover => &mut self.recovered_fen,
            Movement::Grant | Movement::Return | Movement::Lapse => return,
        };
        *sum = sum.saturating_add(entry.amount_fen);
    }

    /// What a reward that has this fund says of itself.
    fn of(reward: &Reward) -> Self {
        let mut moved = Self::default();
        for Share { amount_fen, state, .. } in &reward.shares {
            moved.reserved_fen = moved.reserved_fen.saturating_add(*amount_fen);
            match state {
                ShareState::Proposed | ShareState::Reserved => {}
                ShareState::Lapsed | ShareState::Ended => moved.back_fen = moved.back_fen.saturating_add(*amount_fen),
                ShareState::Paid | ShareState::Recovered => {
                    moved.payments += 1;
                    moved.paid_fen = moved.paid_fen.saturating_add(*amount_fen);
                    if *state == ShareState::Recovered {
                        moved.recovered_fen = moved.recovered_fen.saturating_add(*amount_fen);
                    }
                }
            }
        }
        moved
    }

    /// What is still promised.
    fn open_fen(&self) -> u64 {
        self.reserved_fen.saturating_sub(self.back_fen).saturating_sub(self.paid_fen)
    }
}

/// Proves the records of whichever are asked for.
pub fn prove(records: &Records, of: &Of) -> Proof {
    let mut proof = Proof::default();
    let of_fund = |fund: &FundId| {
        of.district.as_ref().is_none_or(|district| *district == fund.district)
            && of.year.is_none_or(|year| year == fund.year)
    };
    let mut moved = BTreeMap::<(FundId, RewardId), Moved>::new();
    for (id, fund) in records.funds.iter().filter(|(id, _)| of_fund(id)) {
        prove_fund(&mut proof, id, fund);
        for entry in &fund.entries {
            if let Some(reward) = entry.reward {
                moved.entry((id.clone(), reward)).or_default().takes(entry);
            }
        }
    }
    let mut said = BTreeMap::<FundId, Moved>::new();
    for (id, found) in &records.rewards {
        let Some(reward) = &found.reward else {
            // Whose it was nobody can say any more.
            proof.finds(Subject::Reward(*id), "there is no reward, and there are records of it");
            continue;
        };
        let asked = match reward.fund() {
            Some(fund) => of_fund(&fund),
            None => of.year.is_none() && of.district.as_ref().is_none_or(|asked| *asked == reward.district()),
        };
        if asked {
            prove_reward(&mut proof, *id, reward, found, records);
            let Some(fund) = reward.fund() else { continue };
            let says = Moved::of(reward);
            let entries = moved.remove(&(fund.clone(), *id)).unwrap_or_default();
            prove_movements(&mut proof, *id, says, entries);
            let sum = said.entry(fund).or_default();
            sum.reserved_fen = sum.reserved_fen.saturating_add(says.open_fen());
            sum.paid_fen = sum.paid_fen.saturating_add(says.paid_fen.saturating_sub(says.recovered_fen));
        }
    }
    for ((fund, reward), _) in moved {
        let what = if records.rewards.contains_key(&reward) {
            format!("its ledger moves money for reward {reward}, which is not paid from it")
        } else {
            format!("its ledger moves money for reward {reward}, which there is not")
        };
        proof.finds(Subject::Fund(fund), what);
    }
    for (id, found) in records.funds.iter().filter(|(id, _)| of_fund(id)) {
        let (Some(fund), says) = (&found.fund, said.remove(id).unwrap_or_default()) else { continue };
        let subject = Subject::Fund(id.clone());
        proof.compares(
            &subject,
            "reserved",
            ("it stands at", fund.reserved_fen),
            ("the rewards say", says.reserved_fen),
        );
        proof.compares(&subject, "paid", ("it stands at", fund.paid_fen), ("the rewards say", says.paid_fen));
    }
    for fund in said.into_keys() {
        proof.finds(Subject::Fund(fund), "rewards are paid from it, and there is no record of it");
    }
    prove_matters(&mut proof, records, of);
    if of.year.is_none() {
        prove_handovers(&mut proof, records, of);
    }
    proof.differences.sort_unstable();
    proof
}

fn prove_fund(proof: &mut Proof, id: &FundId, FundRecords { fund, entries }: &FundRecords) {
    proof.funds += 1;
    proof.entries += entries.len() as u64;
    let subject = Subject::Fund(id.clone());
    let replayed = match Fund::replay(id.clone(), entries) {
        Ok(replayed) => replayed,
        Err(broken) => {
            proof.finds(Subject::Entry(id.clone(), broken.seq), broken.why);
            return;
        }
    };
    let Some(fund) = fund else {
        proof.finds(subject, format!("there is no record of how it stands, and there are {} entries", entries.len()));
        return;
    };
    if fund.id != *id {
        proof.finds(subject.clone(), "its record says that it is another");
    }
    if fund.version > replayed.version {
        let what = format!("its ledger ends at entry {}, and it has {}", replayed.version, fund.version);
        proof.finds(subject.clone(), what);
    } else if (fund.version, fund.head) != (replayed.version, replayed.head) {
        proof.finds(subject.clone(), format!("its newest entry is another than entry {}", replayed.version));
    }
    for &account in Account::ALL {
        let (stands, entries) = (fund.balance_fen(account), replayed.balance_fen(account));
        proof.compares(&subject, account.name(), ("it stands at", stands), ("its entries come to", entries));
    }
    if fund.closed != replayed.closed {
        proof.finds(subject.clone(), "whether its year is closed, its entries say otherwise");
    }
    if !fund.is_balanced() {
        proof.finds(subject, "its accounts do not come to what was granted");
    }
}

fn prove_reward(proof: &mut Proof, id: RewardId, reward: &Reward, found: &RewardRecords, records: &Records) {
    proof.rewards += 1;
    proof.reward_events += found.events.len() as u64;
    let subject = Subject::Reward(id);
    let chain = chain_of(reward::verify_chain(&found.events, reward.head), reward.version, found.events.len());
    if let Some(broken) = chain {
        proof.finds(subject.clone(), broken);
    } else if found.events.last().is_some_and(|event| event.state != reward.state) {
        proof.finds(subject.clone(), format!("it is {}, and its newest event says otherwise", reward.state));
    }
    if reward.id != id {
        proof.finds(subject.clone(), "its record says that it is another");
    }
    let shares = reward.shares.iter().fold(0_u64, |sum, share| sum.saturating_add(share.amount_fen));
    proof.compares(&subject, "amount", ("it says", reward.amount_fen), ("its shares come to", shares));
    let is_approved = matches!(reward.state, RewardState::Approved | RewardState::Reversed | RewardState::Settled);
    if is_approved != reward.fund_year.is_some() {
        proof.finds(subject.clone(), format!("it is {}, and its fund says otherwise", reward.state));
    }
    if reward.merit.is_some() && records.matters.get(&reward.matter) != Some(&id) {
        proof.finds(subject.clone(), "its matter does not say that it has this reward");
    }
    for (number, share) in (0_u8..).zip(&reward.shares) {
        let subject = Subject::Share(PayoutId { reward: id, share: number });
        if found.shares.get(&number) != Some(share) {
            proof.finds(subject.clone(), "the statement of its reporter shows another share, or none");
        }
        let settles = |action| {
            let of_share = found.events.iter().filter(|event| event.share == Some(number));
            of_share.filter(|event| event.action == action).count()
        };
        if settles(RewardAction::Pay) > 1 || settles(RewardAction::Recover) > 1 || settles(RewardAction::Lapse) > 1 {
            proof.finds(subject.clone(), "it was paid, recovered or lapsed more than once");
        }
        prove_payout(proof, &subject, share, found.payouts.get(&number), found.payout_events.get(&number));
    }
    let numbers: BTreeSet<u8> = found.payouts.keys().chain(found.payout_events.keys()).copied().collect();
    for number in numbers.into_iter().filter(|number| usize::from(*number) >= reward.shares.len()) {
        proof.finds(Subject::Share(PayoutId { reward: id, share: number }), "there is a payout, and no share");
    }
}

fn prove_payout(
    proof: &mut Proof,
    subject: &Subject,
    share: &Share,
    payout: Option<&Payout>,
    events: Option<&Vec<PayoutEvent>>,
) {
    let events = events.map_or(&[][..], Vec::as_slice);
    proof.payouts += u64::from(payout.is_some());
    proof.payout_events += events.len() as u64;
    let was_paid = matches!(share.state, ShareState::Paid | ShareState::Recovered);
    let says_paid = payout.is_some_and(|payout| payout.state == PayoutState::Paid);
    if was_paid != says_paid {
        proof.finds(subject.clone(), format!("it is {}, and its payout says otherwise", share.state));
    }
    let (head, version) = payout.map_or((Digest::ZERO, 0), |payout| (payout.head, payout.version));
    if let Some(broken) = chain_of(payout::verify_chain(events, head), version, events.len()) {
        proof.finds(subject.clone(), format!("payout: {broken}"));
    } else if let (Some(payout), Some(event)) = (payout, events.last())
        && payout.state != event.state
    {
        proof.finds(subject.clone(), format!("its payout is {}, and its newest event says otherwise", payout.state));
    }
    if let Some(payout) = payout {
        proof.compares(subject, "amount", ("it says", share.amount_fen), ("its payout says", payout.amount_fen));
    }
}

/// Compares what a reward says of itself with what the entries have moved for it.
fn prove_movements(proof: &mut Proof, id: RewardId, says: Moved, entries: Moved) {
    let subject = Subject::Reward(id);
    let all = [
        ("reserved", says.reserved_fen, entries.reserved_fen),
        ("returned or lapsed", says.back_fen, entries.back_fen),
        ("paid", says.paid_fen, entries.paid_fen),
        ("recovered", says.recovered_fen, entries.recovered_fen),
    ];
    for (what, says_fen, entries_fen) in all {
        proof.compares(&subject, what, ("it says", says_fen), ("the ledger has moved", entries_fen));
    }
    if says.payments != entries.payments {
        let what =
            format!("{} of its shares were paid, and the ledger has {} payments", says.payments, entries.payments);
        proof.finds(subject, what);
    }
}

/// One matter has one reward, which there is.
fn prove_matters(proof: &mut Proof, records: &Records, of: &Of) {
    if *of != Of::default() {
        return;
    }
    for reward in records.matters.values().filter(|reward| !records.rewards.contains_key(*reward)) {
        proof.finds(Subject::Reward(*reward), "a matter says that it has it, and there is none");
    }
}

fn prove_handovers(proof: &mut Proof, records: &Records, of: &Of) {
    for (id, HandoverRecords { handover, events }) in &records.handovers {
        let district = handover.as_ref().map(|handover| &handover.district);
        let district = district.or_else(|| events.first().map(|event| &event.district));
        if of.district.as_ref().is_some_and(|asked| district.is_some_and(|district| district != asked)) {
            continue;
        }
        proof.handovers += 1;
        proof.handover_events += events.len() as u64;
        let (head, version) = handover.as_ref().map_or((Digest::ZERO, 0), |handover| (handover.head, handover.version));
        if let Some(broken) = chain_of(handover::verify_chain(events, head), version, events.len()) {
            proof.finds(Subject::Handover(*id), broken);
        }
    }
}

/// What is wrong with a chain whose record has this version.
fn chain_of(verified: Result<(), BrokenChain>, version: u64, events: usize) -> Option<String> {
    match verified {
        Err(broken) => Some(broken.to_string()),
        Ok(()) if version != events as u64 => Some(format!("it has version {version} and {events} events")),
        Ok(()) => None,
    }
}
