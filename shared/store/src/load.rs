//! The one read of a command.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use pingan_domain::{
    Timestamp,
    access::AccessHead,
    briefing::{BriefingId, BriefingRecord, Comment},
    code::Code,
    command::{CommandId, Receipt},
    content::Content,
    district::District,
    error::{Error, Refusal},
    export::{ExportId, ExportRecord},
    handover::{Handover, HandoverId},
    hash::Digest,
    identity::{IdentityHead, Opening, OpeningId},
    invite::{Invite, PersonalInvite},
    ledger::{Fund, FundId},
    media::{Media, MediaId},
    member::{Member, MemberId},
    membership::Profile,
    outcome::{Outcome, OutcomeId},
    payout::{Payout, PayoutId},
    payout_transfer::{Batch, BatchId},
    report::{Report, ReportId},
    reward::{Reward, RewardId},
    reward_rules::Rules,
    rewarded::Rewarded,
    scope::Census,
    task::{Task, TaskId},
    task_receipt::{Counts, TaskAnswer, TaskReceipt},
    territory::NodeId,
    webhook::{Delivery, DeliveryId, Webhook, WebhookId},
};
use serde::de::DeserializeOwned;

use crate::{
    Store,
    audit::Trail,
    batches::BatchOrder,
    fault::fault,
    identities::{IdentityItem, PhoneItem},
    item::{EXPIRES_AT, Item, decode, key_attributes, key_of},
    keys::Key,
    members::{self, Done, StoredInvite, Tries},
    rewards::{MatterAdopted, MatterRecord, RewardDone},
};

/// The most keys of one `BatchGetItem`.
pub(crate) const MAX_BATCH: usize = 100;

/// How often keys that DynamoDB left unprocessed are asked for again.
const MAX_ROUNDS: u32 = 5;

/// The items that were found under the keys that were asked for.
#[derive(Debug, Default)]
pub struct Loaded {
    items: HashMap<Key, Item>,
}

impl Store {
    /// Reads these items with strong consistency in one `BatchGetItem`; at most 100 keys, and
    /// without any it asks for nothing.
    /// Keys without an item are left out.
    pub async fn load(&self, keys: impl IntoIterator<Item = Key>) -> Result<Loaded, Error> {
        let mut wanted: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        let mut seen = std::collections::HashSet::new();
        for key in keys {
            let table = self.tables.of(key.table()).to_owned();
            let attributes = key_attributes(&key);
            // DynamoDB refuses a batch that names a key twice.
            if seen.insert(key) {
                wanted.entry(table).or_default().push(attributes);
            }
        }
        let mut request = HashMap::new();
        for (table, keys) in wanted {
            let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            request.insert(table, keys.map_err(|error| Error::Internal(error.to_string()))?);
        }

        let mut loaded = Loaded::default();
        // DynamoDB refuses a batch of nothing.
        if request.is_empty() {
            return Ok(loaded);
        }
        for round in 0..MAX_ROUNDS {
            let answer = self
                .client
                .batch_get_item()
                .set_request_items(Some(request))
                .send()
                .await
                .map_err(|error| fault("BatchGetItem", &error))?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                loaded.items.insert(key_of(&item)?, item);
            }
            request = answer.unprocessed_keys.unwrap_or_default();
            if request.is_empty() {
                return Ok(loaded);
            }
            tokio::time::sleep(std::time::Duration::from_millis(20 << round)).await;
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}

impl Loaded {
    /// The member who acts; a token whose subject is no member is refused.
    pub fn actor(&self, id: &MemberId) -> Result<Member, Error> {
        self.get(&Key::Member(id.clone()))?.ok_or(Error::Refused(Refusal::NotAMember))
    }

    /// A report.
    pub fn report(&self, id: ReportId) -> Result<Option<Report>, Error> {
        self.get(&Key::Report(id))
    }

    /// What was sent in with a report; none once it was erased.
    pub fn sent_in(&self, id: ReportId) -> Result<Option<Content>, Error> {
        self.get(&Key::Content(id, 1, 0))
    }

    /// A member with all that is kept of the membership.
    pub fn profile(&self, id: &MemberId) -> Result<Option<Profile>, Error> {
        self.get(&Key::Member(id.clone()))
    }

    /// The command on members that was carried out before.
    pub fn done(&self, command: CommandId) -> Result<Option<Done>, Error> {
        self.get(&Key::Command(command))
    }

    /// The lists of a district.
    pub fn district(&self, node: &NodeId) -> Result<Option<District>, Error> {
        self.get(&Key::District(node.clone()))
    }

    /// A community's invite.
    pub fn invite(&self, code: Code) -> Result<Option<Invite>, Error> {
        Ok(self.get::<StoredInvite>(&Key::Invite(code))?.map(Into::into))
    }

    /// A personal invitation.
    pub fn invitation(&self, hash: Digest) -> Result<Option<PersonalInvite>, Error> {
        self.get(&Key::Invitation(hash))
    }

    /// Tries in vain.
    pub fn tries(&self, who: Digest) -> Result<Tries, Error> {
        Ok(self.get(&Key::Tries(who))?.unwrap_or_default())
    }

    /// Whose phone number it is; nobody's when its member has left.
    pub fn phone(&self, hash: Digest) -> Result<Option<MemberId>, Error> {
        let item = self.items.get(&Key::Phone(hash)).filter(|item| !item.contains_key(EXPIRES_AT));
        let claim = item.map(|item| decode::<PhoneItem>(&Key::Phone(hash), item)).transpose()?;
        Ok(claim.map(|claim| claim.member))
    }

    /// A sealed identity; none when it is over and only waits for its removal.
    pub fn identity(&self, id: &MemberId, now: Timestamp) -> Result<Option<IdentityItem>, Error> {
        let key = Key::Identity(id.clone());
        let ends = self.items.get(&key).and_then(|item| item.get(EXPIRES_AT)?.as_n().ok()?.parse::<i64>().ok());
        if ends.is_some_and(|ends| ends <= now.as_second()) { Ok(None) } else { self.get(&key) }
    }

    /// The end of an identity's chain of events.
    pub fn identity_head(&self, id: &MemberId) -> Result<IdentityHead, Error> {
        Ok(self.get(&Key::IdentityHead(id.clone()))?.unwrap_or_default())
    }

    /// A request to open an identity.
    pub fn opening(&self, id: OpeningId) -> Result<Option<Opening>, Error> {
        self.get(&Key::Opening(id))
    }

    /// A medium.
    pub fn media(&self, id: MediaId) -> Result<Option<Media>, Error> {
        self.get(&Key::Media(id))
    }

    /// A hand-over.
    pub fn handover(&self, id: HandoverId) -> Result<Option<Handover>, Error> {
        self.get(&Key::Handover(id))
    }

    /// An outcome.
    pub fn outcome(&self, id: OutcomeId) -> Result<Option<Outcome>, Error> {
        self.get(&Key::Outcome(id))
    }

    /// The command on outcomes that was carried out before.
    pub fn outcome_done(&self, command: CommandId) -> Result<Option<Done>, Error> {
        self.get(&Key::OutcomeDone(command))
    }

    /// The webhook of an agency.
    pub fn webhook(&self, id: &WebhookId) -> Result<Option<Webhook>, Error> {
        self.get(&Key::Webhook(id.clone()))
    }

    /// A delivery by a webhook.
    pub fn delivery(&self, webhook: &WebhookId, id: DeliveryId) -> Result<Option<Delivery>, Error> {
        self.get(&Key::Delivery(webhook.clone(), id))
    }

    /// The command on webhooks that was carried out before.
    pub fn webhook_done(&self, command: CommandId) -> Result<Option<Done>, Error> {
        self.get(&Key::WebhookDone(command))
    }

    /// The receipt of a command that was carried out before.
    pub fn receipt(&self, command: CommandId) -> Result<Option<Receipt>, Error> {
        self.get(&Key::Receipt(command))
    }

    /// The end of a report's chain of readings.
    pub fn access_head(&self, id: ReportId) -> Result<AccessHead, Error> {
        self.end_of(&Trail::Code(id))
    }

    /// The end of a trail of readings.
    pub fn end_of(&self, trail: &Trail) -> Result<AccessHead, Error> {
        Ok(self.get(&trail.head())?.unwrap_or_default())
    }

    /// How many reporters a community has, by their traits.
    pub fn census(&self, community: &NodeId) -> Result<Census, Error> {
        members::census(self.items.get(&Key::Census(community.clone())))
    }

    /// A task.
    pub fn task(&self, id: TaskId) -> Result<Option<Task>, Error> {
        self.get(&Key::Task(id))
    }

    /// What a reporter has done with a task.
    pub fn task_receipt(&self, member: &MemberId, task: TaskId) -> Result<Option<TaskReceipt>, Error> {
        self.get(&Key::TaskReceipt(member.clone(), task))
    }

    /// What the reporter who signs in with this id has answered to a task.
    pub fn task_answer(&self, reader: &MemberId, task: TaskId) -> Result<Option<TaskAnswer>, Error> {
        self.get(&Key::TaskAnswer(reader.clone(), task))
    }

    /// How many of a community have got, read and answered a task.
    pub fn task_counts(&self, task: TaskId, community: &NodeId) -> Result<Counts, Error> {
        Ok(self.get(&Key::TaskCount(task, community.clone()))?.unwrap_or_default())
    }

    /// The command on tasks that was carried out before.
    pub fn task_done(&self, command: CommandId) -> Result<Option<Done>, Error> {
        self.get(&Key::TaskDone(command))
    }

    /// An item as it stands.
    pub(crate) fn item(&self, key: &Key) -> Option<&Item> {
        self.items.get(key)
    }

    /// A briefing.
    pub fn briefing(&self, id: BriefingId) -> Result<Option<BriefingRecord>, Error> {
        self.get(&Key::Briefing(id))
    }

    /// A fund.
    pub fn fund(&self, id: &FundId) -> Result<Option<Fund>, Error> {
        self.get(&Key::Fund(id.clone()))
    }

    /// A version of the rules of rewards.
    pub fn reward_rules(&self, district: &NodeId, version: u32) -> Result<Option<Rules>, Error> {
        self.get(&Key::RewardRules(district.clone(), version))
    }

    /// A reward.
    pub fn reward(&self, id: RewardId) -> Result<Option<Reward>, Error> {
        self.get(&Key::Reward(id))
    }

    /// How a share is paid; none when nothing has happened of that.
    pub fn payout(&self, id: PayoutId) -> Result<Option<Payout>, Error> {
        self.get(&Key::Payout(id))
    }

    /// The payout of a share as it is; the one of which nothing has happened yet when there is no record.
    /// [`Error::NotFound`] when the reward has no such share.
    pub fn payout_of(&self, reward: &Reward, share: u8) -> Result<Payout, Error> {
        let found = self.payout(PayoutId { reward: reward.id, share })?;
        found.or_else(|| Payout::of(reward, share)).ok_or(Error::NotFound)
    }

    /// The payouts of all shares of a reward, in their order.
    pub fn payouts_of(&self, reward: &Reward) -> Result<Vec<Payout>, Error> {
        (0_u8..).zip(&reward.shares).map(|(share, _)| self.payout_of(reward, share)).collect()
    }

    /// Whether the report of a matter was reopened, and is not adopted any more.
    pub fn is_reopened(&self, report: ReportId) -> Result<bool, Error> {
        let adopted = self.get::<MatterAdopted>(&Key::MatterAdopted(report))?;
        Ok(adopted.is_some_and(|adopted| adopted.reopened))
    }

    /// Whether a report was rewarded with another reward than this one.
    pub fn is_rewarded_elsewhere(&self, report: ReportId, reward: RewardId) -> Result<bool, Error> {
        let record = self.get::<MatterRecord>(&Key::ReportRewarded(report))?;
        Ok(record.and_then(|record| record.reward).is_some_and(|known| known != reward))
    }

    /// A batch of transfers.
    pub fn batch(&self, id: BatchId) -> Result<Option<Batch>, Error> {
        self.get(&Key::Batch(id))
    }

    /// The file of a batch for the bank, sealed; none before it was released, and after the bank has
    /// answered.
    pub fn batch_order(&self, id: BatchId) -> Result<Option<BatchOrder>, Error> {
        self.get(&Key::BatchOrder(id))
    }

    /// Whether a matter has a reward, or is to have one.
    pub fn matter(&self, report: ReportId) -> Result<Option<MatterRecord>, Error> {
        self.get(&Key::Matter(report))
    }

    /// What a person was rewarded with in a year.
    pub fn rewarded(&self, member: &MemberId, year: i16) -> Result<Rewarded, Error> {
        let found = self.get(&Key::RewardedYear(member.clone(), year))?;
        Ok(found.unwrap_or_else(|| Rewarded::none(member.clone(), year)))
    }

    /// Whether a command on rewards was carried out before: with the same request it was, with
    /// another its key was used twice.
    pub fn reward_done(&self, wanted: &RewardDone) -> Result<bool, Error> {
        match self.get::<RewardDone>(&Key::RewardDone(wanted.command))? {
            None => Ok(false),
            Some(done) if done.fingerprint == wanted.fingerprint => Ok(true),
            Some(_) => Err(Error::KeyReused),
        }
    }

    /// An export.
    pub fn export(&self, id: ExportId) -> Result<Option<ExportRecord>, Error> {
        self.get(&Key::Export(id))
    }

    /// The comment that a command wrote on a briefing.
    pub fn comment(&self, id: BriefingId, command: CommandId) -> Result<Option<Comment>, Error> {
        self.get(&Key::BriefingComment(id, command))
    }

    /// Whether there is such an item.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.items.contains_key(key)
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, Error> {
        self.items.get(key).map(|item| decode(key, item)).transpose()
    }
}
