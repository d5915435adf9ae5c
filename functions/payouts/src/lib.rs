//! Pays rewards, always by two people.
//!
//! At the counter, a reporter shows a one-time code, a treasurer checks it, a second person confirms,
//! and the money is handed over; nobody asks who it is. Or a treasurer puts shares into a batch of
//! transfers, a second person releases it, the bank is given a file, and its answer is read back.
//!
//! | to change … | go to |
//! |---|---|
//! | how a reporter makes a code, or asks for a transfer | [`mine`] |
//! | how a code is checked, confirmed, cancelled, unlocked | [`counter`] |
//! | how a batch is made, released, cancelled, and its file fetched | [`batches`] |
//! | how the bank's answer is taken | [`answers`] |
//! | what the API shows | [`views`] |
//! | what the steps are, by whom and when | `shared/domain/src/payout.rs`, `payout_counter.rs`, `payout_transfer.rs` |
//! | how the bank's files look | `shared/bankfile` |

mod answers;
mod batches;
mod counter;
mod mine;
mod views;

use std::sync::Arc;

use aws_config::SdkConfig;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use pingan_bankfile::Payee;
use pingan_cloud::{KeyedHash, Late, Sealer};
use pingan_domain::{
    claim_code::ClaimCode,
    error::Error,
    hash::Digest,
    identity::Person,
    ledger::{Fund, FundId},
    member::{Member, MemberId, Role},
    payout::{Payout, PayoutId},
    reward::{Context, RewardId},
    tally::day,
    territory::NodeId,
};
use pingan_http::{Operations, operations, routes};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Key, Loaded, Store, TableNames, rewards::RewardDone};

/// How often a command begins again before it gives up with [`Error::Busy`].
const MAX_TRIES: usize = 20;
/// How many items are read in one go.
const MAX_LOADED: usize = 100;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Payouts {
    /// The records.
    pub store: Store,
    /// The time.
    pub world: World,
    /// What codes are kept as.
    pub hashes: KeyedHash,
    /// Opens accounts, and seals the bank's files.
    pub sealer: Arc<Sealer>,
    /// The time zone of the districts, by which years go.
    pub time_zone: TimeZone,
}

impl Payouts {
    /// Reads `REWARDS_TABLE`, `MEMBERS_TABLE`, `IDENTITIES_TABLE`, `NOTICES_TABLE`, `IDENTITY_KEY_ID` (a key
    /// of KMS), `HASH_KEY` (at least 32 characters), `CURSOR_KEY` (at least 16 characters) and `TIME_ZONE`
    /// (default `Asia/Shanghai`).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            rewards: environment.get("REWARDS_TABLE")?,
            members: environment.get("MEMBERS_TABLE")?,
            identities: environment.get("IDENTITIES_TABLE")?,
            notices: environment.get("NOTICES_TABLE")?,
            ..TableNames::default()
        };
        let cursor_key = CursorKey::new(environment.get("CURSOR_KEY")?.into_bytes())?;
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, cursor_key),
            world: World::real(),
            hashes: KeyedHash::new(environment.get("HASH_KEY")?.into_bytes())?,
            sealer: Arc::new(Sealer::kms(Late::of(sdk, aws_sdk_kms::Client::new), environment.get("IDENTITY_KEY_ID")?)),
            time_zone: TimeZone::get(&environment.get_or("TIME_ZONE", "Asia/Shanghai"))?,
        })
    }

    /// Now, and today in the district.
    fn now(&self) -> (Timestamp, Date) {
        let now = self.world.now();
        (now, day(now, &self.time_zone))
    }

    /// What is kept of a code: it fits its own reward alone.
    fn hash(&self, reward: RewardId, code: &ClaimCode) -> Digest {
        self.hashes.of("claim", &format!("{} {}", reward.as_str(), code.as_str()))
    }

    /// Whether a payout has moved on since it was read. The fund is read after it, and may know already
    /// of what was paid in between: deciding on the two together would then look like a fault.
    async fn has_moved_on(&self, before: &Payout) -> Result<bool, Error> {
        let found = self.store.load([Key::Payout(before.id)]).await?.payout(before.id)?;
        Ok(found.map_or(0, |payout| payout.version) != before.version)
    }

    /// To whom a member is paid by the bank; none when they have not said it, or not so that the bank
    /// takes it, or are gone. `loaded` has their identity.
    async fn payee(&self, loaded: &Loaded, member: &MemberId) -> Result<Option<Payee>, Error> {
        let Some(item) = loaded.identity(member, self.world.now())? else { return Ok(None) };
        let plain = self.sealer.open(&item.member, &item.sealed).await?;
        // The parser's message could quote what it read.
        let person: Person =
            serde_json::from_slice(&plain).map_err(|_| Error::Internal("an identity cannot be read".to_owned()))?;
        let payment = person.payment.filter(|payment| payment.validate().is_ok());
        Ok(payment.and_then(|payment| Payee::new(payment.account, payment.holder).ok()))
    }
}

/// Who acts, if they have one of these roles in this district.
fn of_district(loaded: &Loaded, actor: &MemberId, roles: &[Role], district: &NodeId) -> Result<Member, Error> {
    let acting = loaded.actor(actor)?.acting_as_any(roles)?;
    if acting.node == *district { Ok(acting) } else { Err(Error::NotFound) }
}

/// The fund that a reward is paid from.
fn fund_of(loaded: &Loaded, id: &FundId) -> Result<Fund, Error> {
    loaded.fund(id)?.ok_or_else(|| Error::Internal(format!("the fund of {} {} is not there", id.district, id.year)))
}

fn context(done: &RewardDone, (now, today): (Timestamp, Date)) -> Context {
    Context { command: done.command, now, today }
}

/// The keys of a reward and of the payout of one of its shares.
fn keys_of(reward: RewardId, share: u8, done: &RewardDone) -> [Key; 3] {
    [Key::Reward(reward), Key::Payout(PayoutId { reward, share }), Key::RewardDone(done.command)]
}

/// The operations of this function.
pub fn router(payouts: Payouts) -> Operations {
    let operations = Operations::new()
        .routes(routes!(mine::make_claim_code))
        .routes(routes!(mine::ask_transfer))
        .routes(routes!(mine::read_my_payout))
        .routes(routes!(counter::list_payouts))
        .routes(routes!(counter::check_claim_code))
        .routes(routes!(counter::read_payout))
        .routes(routes!(counter::take_payout_step))
        .routes(routes!(batches::make_batch, batches::list_batches))
        .routes(routes!(batches::read_batch))
        .routes(routes!(batches::add_to_batch))
        .routes(routes!(batches::take_batch_step))
        .routes(routes!(batches::fetch_batch_file))
        .routes(routes!(answers::answer_batch))
        .with_state(payouts);
    operations::finish("payouts", operations)
}
