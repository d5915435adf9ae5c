//! Members: the one write of a command on a membership, lists, invites and the lists of a
//! district.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::{
    operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError},
    types::{AttributeValue, CancellationReason, PutRequest, TransactWriteItem, Update, WriteRequest},
};
use futures::{StreamExt as _, TryStreamExt as _};
use pingan_domain::{
    Timestamp,
    code::Code,
    command::{CommandId, Fingerprint},
    coverage::Counted,
    district::{District, Label},
    error::{Error, Refusal},
    hash::Digest,
    identity::IdentityAction,
    invite::{Invite, PersonalInvite, after_days},
    member::{Body, MemberId, MemberState, Role},
    membership::{Decided, Kind, MemberEvent, Profile},
    named::Named as _,
    notice,
    scope::{Census, CensusChange, Traits, census_changes},
    territory::{Level, NodeId},
};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    fault::fault,
    identities::{IdentityItem, PhoneItem},
    item::{EXPIRES_AT, Item, decode, encode, key_attributes, key_of},
    keys::{self, EVENT_PREFIX, Index, Key, Table},
    notices,
    pages::Asked,
    reports::put,
};

/// How long a command on members is remembered, in days.
const COMMAND_DAYS: i64 = 30;
/// The most items of one `BatchWriteItem`.
const MAX_BATCH_WRITES: usize = 25;
/// How many items a filtered list looks at to fill one page.
pub(crate) const LOOKED_AT: i32 = 1_000;
/// How many communities are counted at once.
const COUNTED_AT_ONCE: usize = 32;
/// How long tries in vain are counted together, in seconds.
pub const TRIES_SECONDS: i64 = 900;

/// What lists show of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberSummary {
    /// The member's id.
    pub id: MemberId,
    /// The member's pseudonym.
    pub pseudonym: Code,
    /// What the member is.
    pub role: Role,
    /// Where.
    pub node: NodeId,
    /// For which body.
    #[serde(default)]
    pub body: Option<Body>,
    /// Where in the membership.
    pub state: MemberState,
    /// What kind of reporter.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// The trades that the reporter knows.
    #[serde(default)]
    pub trades: Vec<Label>,
    /// The sensitive places that the reporter knows.
    #[serde(default)]
    pub places: Vec<Label>,
    /// When the member was recruited or registered.
    pub created_at: Timestamp,
    /// When the member could act for the first time.
    #[serde(default)]
    pub joined_at: Option<Timestamp>,
}

/// The attributes of a [`MemberSummary`], projected into the indexes of members.
pub(crate) const SUMMARY_ATTRIBUTES: [&str; 13] = [
    "type",
    "schema",
    "id",
    "pseudonym",
    "role",
    "node",
    "body",
    "state",
    "kind",
    "trades",
    "places",
    "created_at",
    "joined_at",
];

/// The attributes of an [`Invite`], projected into its index.
pub(crate) const INVITE_ATTRIBUTES: [&str; 10] =
    ["type", "schema", "code", "node", "made_by", "created_at", "expires_at_time", "max_uses", "uses", "revoked_at"];

/// What is kept of a command on members, so that repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The command.
    pub command: CommandId,
    /// What it asked for.
    pub fingerprint: Fingerprint,
    /// What it acted on: the id of a member, an invite's code, or an opening's id.
    pub target: String,
}

/// Which members a list shows; all that is said must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this role.
    pub role: Option<Role>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Who know this trade.
    pub trade: Option<Label>,
    /// In this state.
    pub state: Option<MemberState>,
}

/// A page of members.
#[derive(Debug)]
pub struct MemberPage {
    /// The members, in the order in which they came.
    pub items: Vec<MemberSummary>,
    /// Where the list goes on, if it does.
    pub next: Option<String>,
}

/// What happens to the identity together with the membership.
#[derive(Debug)]
pub enum IdentityWrite<'a> {
    /// Nothing.
    Keep,
    /// It is sealed for the first time, and the phone number is claimed.
    Seal {
        /// The sealed identity.
        item: &'a IdentityItem,
        /// The keyed hash of the phone number.
        phone: Digest,
    },
    /// It and the claim on the phone number are erased at this time.
    Expire {
        /// The keyed hash of the phone number; the member's own record of it.
        phone: Digest,
        /// When.
        at: Timestamp,
    },
}

/// One commit of a command on a membership: all of it, or nothing.
#[derive(Debug)]
pub struct MemberCommit<'a> {
    /// The member as it was decided on; none for a new one.
    pub before: Option<&'a Profile>,
    /// What was decided.
    pub decided: &'a Decided,
    /// The command.
    pub done: Option<&'a Done>,
    /// What happens to the identity.
    pub identity: IdentityWrite<'a>,
    /// The community's invite that is used up by one.
    pub invite: Option<Code>,
    /// The personal invitation that is made, under the keyed hash of its code.
    pub invitation: Option<(Digest, &'a PersonalInvite)>,
}

impl<'a> MemberCommit<'a> {
    /// A change of a membership that touches nothing beside it.
    pub fn change(before: &'a Profile, decided: &'a Decided) -> Self {
        Self {
            before: Some(before),
            decided,
            done: None,
            identity: IdentityWrite::Keep,
            invite: None,
            invitation: None,
        }
    }
}

/// Why nothing was committed.
#[derive(Debug, PartialEq, Eq)]
pub enum MemberCommitError {
    /// The same command was carried out before: load its record and answer from there.
    AlreadyDone,
    /// Somebody else was faster: load again and decide again.
    Stale,
    /// Another member has this pseudonym: try the next candidate.
    CodeTaken,
    /// The phone number belongs to a member.
    PhoneTaken,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for MemberCommitError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What a write of a commit stands for, to tell what its failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Done,
    Member,
    Phone,
    Account,
    Invite,
    Other,
}

impl Store {
    /// Adds a member as it is, without a history; one that is there already is left. Says
    /// whether it is new. For the demo district and for tests.
    pub async fn add_member(&self, profile: &Profile) -> Result<bool, Error> {
        let new = Some("attribute_not_exists(pk)");
        if let Some(account) = &profile.account {
            self.put_if(encode(&Key::Member(account.clone()), profile)?, new).await?;
        }
        let table = self.tables.of(Table::Members);
        let mut items = vec![put(table, profile_item(profile)?, new, &[])?];
        items.extend(census_writes(table, &census_changes(None, profile))?);
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled))
                    if canceled.cancellation_reasons().iter().any(is_condition) =>
                {
                    Ok(false)
                }
                _ => Err(fault("TransactWriteItems", &error)),
            },
        }
    }

    /// Counts the reporters of a community, when there is no census of it yet: for records that
    /// are older than the census.
    pub async fn begin_census(&self, community: &NodeId) -> Result<(), Error> {
        let key = Key::Census(community.clone());
        if self.load([key.clone()]).await?.has(&key) { Ok(()) } else { self.take_census(community).await }
    }

    /// Counts the reporters of a community anew. What is changed meanwhile may be missed: it is
    /// for while nobody changes a membership.
    pub async fn take_census(&self, community: &NodeId) -> Result<(), Error> {
        let key = Key::Census(community.clone());
        let counted = self.all_members_of(community).await?;
        let counted = counted.into_iter().filter(|member| member.role == Role::Reporter);
        let mut item = key_attributes(&key);
        item.insert("type".to_owned(), AttributeValue::S(key.kind().to_owned()));
        item.insert("schema".to_owned(), AttributeValue::N(crate::item::SCHEMA.to_string()));
        let mut census = BTreeMap::<String, u32>::new();
        for member in counted.filter(|member| member.state == MemberState::Active) {
            *census.entry(Traits::new(member.kind, &member.trades).to_string()).or_default() += 1;
        }
        item.extend(census.into_iter().map(|(traits, count)| (traits, AttributeValue::N(count.to_string()))));
        self.put_if(item, None).await.map(drop)
    }

    /// Adds members as they are, many at once, without histories and without counting them. For
    /// measurements; [`Self::take_census`] counts them.
    pub async fn add_members(&self, profiles: &[Profile]) -> Result<(), Error> {
        for batch in profiles.chunks(MAX_BATCH_WRITES) {
            let internal = |error: aws_sdk_dynamodb::error::BuildError| Error::Internal(error.to_string());
            let mut requests = Vec::new();
            for profile in batch {
                let put = PutRequest::builder().set_item(Some(profile_item(profile)?)).build().map_err(internal)?;
                requests.push(WriteRequest::builder().put_request(put).build());
            }
            let table = self.tables.of(Table::Members);
            let sent = self.client.batch_write_item().request_items(table, requests).send().await;
            let sent = sent.map_err(|error| fault("BatchWriteItem", &error))?;
            if sent.unprocessed_items.is_some_and(|left| !left.is_empty()) {
                return Err(Error::Busy { retry_after_seconds: 1 });
            }
        }
        Ok(())
    }

    /// Replaces a member's record as it is, without a history, and says whether there was
    /// one. The census stays as it is. For tests.
    pub async fn replace_member(&self, profile: &Profile) -> Result<bool, Error> {
        let replaced = self.put_if(profile_item(profile)?, Some("attribute_exists(pk)")).await?;
        if let Some(account) = profile.account.as_ref().filter(|_| replaced) {
            self.put_if(encode(&Key::Member(account.clone()), profile)?, None).await?;
        }
        Ok(replaced)
    }

    /// Puts an item of the members table, and says whether the condition held.
    async fn put_if(&self, item: Item, condition: Option<&str>) -> Result<bool, Error> {
        let sent = self
            .client
            .put_item()
            .table_name(self.tables.of(Table::Members))
            .set_item(Some(item))
            .set_condition_expression(condition.map(str::to_owned))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(error.as_service_error(), Some(PutItemError::ConditionalCheckFailedException(_))) =>
            {
                Ok(false)
            }
            Err(error) => Err(fault("PutItem", &error)),
        }
    }

    /// Commits what was decided on a membership.
    pub async fn commit_member(&self, commit: &MemberCommit<'_>) -> Result<(), MemberCommitError> {
        self.commit_members(std::slice::from_ref(commit)).await
    }

    /// Commits what was decided on several memberships: all of it, or nothing.
    pub async fn commit_members(&self, commits: &[MemberCommit<'_>]) -> Result<(), MemberCommitError> {
        let mut writes = Vec::new();
        for commit in commits {
            writes.extend(self.member_writes(commit)?);
        }
        let there = commits.iter().all(|commit| commit.before.is_some());
        let parts: Vec<Part> = writes.iter().map(|(part, _)| *part).collect();
        let items = writes.into_iter().map(|(_, item)| item).collect();
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(MemberCommitError::Failed(fault("TransactWriteItems", &error)));
        };
        Err(cancelled(canceled.cancellation_reasons(), &parts, there))
    }

    fn member_writes(&self, commit: &MemberCommit<'_>) -> Result<Vec<(Part, TransactWriteItem)>, Error> {
        let members = self.tables.of(Table::Members);
        let identities = self.tables.of(Table::Identities);
        let Decided { profile, event } = commit.decided;
        let new = Some("attribute_not_exists(pk)");
        let mut writes = Vec::new();
        if let Some(done) = commit.done {
            let mut item = encode(&Key::Command(done.command), done)?;
            item.insert(EXPIRES_AT.to_owned(), seconds(after_days(event.at, COMMAND_DAYS)?));
            writes.push((Part::Done, put(members, item, new, &[])?));
        }
        let version = commit.before.map(|before| AttributeValue::N(before.version.to_string()));
        writes.push((
            Part::Member,
            match version {
                None => put(members, profile_item(profile)?, new, &[])?,
                // Who was seeded has no version yet.
                Some(version) => put(
                    members,
                    profile_item(profile)?,
                    Some("attribute_exists(pk) AND (version = :old OR attribute_not_exists(version))"),
                    &[(":old", version)],
                )?,
            },
        ));
        let event_item = encode(&Key::MemberEvent(event.member.clone(), event.seq), event)?;
        writes.push((Part::Other, put(members, event_item, new, &[])?));
        if let Some(account) = &profile.account {
            // The account's record is the member's own under another key, so that whoever
            // acts is known by one read.
            let linked = commit.before.is_some_and(|before| before.account.as_ref() == Some(account));
            let item = encode(&Key::Member(account.clone()), profile)?;
            writes.push((Part::Account, put(members, item, if linked { None } else { new }, &[])?));
        }
        if let Some((hash, invitation)) = commit.invitation {
            let mut item = encode(&Key::Invitation(hash), invitation)?;
            item.insert(EXPIRES_AT.to_owned(), seconds(invitation.ends_at));
            writes.push((Part::Other, put(members, item, None, &[])?));
        }
        if let Some(code) = commit.invite {
            writes.push((Part::Invite, use_invite(members, code, event.at)?));
        }
        match &commit.identity {
            IdentityWrite::Keep => {}
            IdentityWrite::Seal { item, phone } => {
                let step = pingan_domain::identity::Step::new(
                    &item.member,
                    &event.actor,
                    event.actor_role,
                    IdentityAction::Seal,
                );
                let (sealed, head) = step.after(pingan_domain::identity::IdentityHead::default(), event.at)?;
                let id = &item.member;
                let claim = PhoneItem { member: id.clone() };
                // A number whose member has left is free again at once.
                let free = Some("attribute_not_exists(pk) OR attribute_exists(expires_at)");
                writes.push((Part::Phone, put(identities, encode(&Key::Phone(*phone), &claim)?, free, &[])?));
                writes.push((Part::Other, put(identities, encode(&Key::Identity(id.clone()), item)?, new, &[])?));
                let head = encode(&Key::IdentityHead(id.clone()), &head)?;
                writes.push((Part::Other, put(identities, head, new, &[])?));
                let sealed = encode(&Key::IdentityEvent(id.clone(), sealed.seq), &sealed)?;
                writes.push((Part::Other, put(identities, sealed, new, &[])?));
            }
            IdentityWrite::Expire { phone, at } => {
                let id = &event.member;
                writes.push((Part::Other, expire(identities, &Key::Identity(id.clone()), id, *at)?));
                writes.push((Part::Other, expire(identities, &Key::Phone(*phone), id, *at)?));
            }
        }
        let counted = census_writes(members, &census_changes(commit.before, profile))?;
        writes.extend(counted.into_iter().map(|write| (Part::Other, write)));
        let told = notice::of_membership(event, profile.member.pseudonym);
        writes.extend(notices::puts(self, &told)?.into_iter().map(|write| (Part::Other, write)));
        Ok(writes)
    }

    /// A page of the members of a node, for `reader`, who alone can use its cursor. With a
    /// filter, a page may be shorter than `limit` and still go on.
    pub async fn members(
        &self,
        node: &NodeId,
        filter: &Filter,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<MemberPage, Error> {
        let index = Index::MembersByNode(node.level());
        let (pk_name, sk_name) = index.attributes();
        let scope = format!("{}|{node}|{filter:?}|{reader}", index.name());
        let start = cursor.map(|cursor| self.cursor_key.open(&scope, cursor)).transpose()?;
        let filtered = *filter != Filter::default();
        let mut query = self
            .client
            .query()
            .table_name(self.tables.of(Table::Members))
            .index_name(index.name())
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", pk_name)
            .expression_attribute_values(":pk", AttributeValue::S(keys::node_pk(node)))
            .limit(if filtered { LOOKED_AT } else { i32::from(limit) })
            .set_exclusive_start_key(start);
        let conditions = [
            ("role", filter.role.map(|role| role.name().to_owned())),
            ("kind", filter.kind.map(|kind| kind.name().to_owned())),
            ("state", filter.state.map(|state| state.name().to_owned())),
        ];
        let mut wanted = Vec::new();
        for (name, value) in conditions {
            let Some(value) = value else { continue };
            wanted.push(format!("#{name} = :{name}"));
            query = query
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), AttributeValue::S(value));
        }
        if let Some(trade) = &filter.trade {
            wanted.push("contains(trades, :trade)".to_owned());
            query = query.expression_attribute_values(":trade", AttributeValue::S(trade.to_string()));
        }
        if filtered {
            query = query.filter_expression(wanted.join(" AND "));
        }
        let answer = query.send().await.map_err(|error| fault("Query", &error))?;
        let mut found = answer.items.unwrap_or_default();
        let mut last = answer.last_evaluated_key;
        if found.len() > usize::from(limit) {
            found.truncate(usize::from(limit));
            // More was looked at than the page holds: it goes on after its own last item.
            last = found.last().map(|item| key_in_index(item, pk_name, sk_name));
        }
        let next = last.map(|last| self.cursor_key.seal(&scope, &last)).transpose()?;
        let items = found.into_iter().map(|item| decode(&key_of(&item)?, &item)).collect::<Result<_, _>>()?;
        Ok(MemberPage { items, next })
    }

    /// Every member of a community that a count of the coverage needs; at most 20,000.
    pub async fn all_members_of(&self, node: &NodeId) -> Result<Vec<MemberSummary>, Error> {
        let index = Index::MembersByNode(node.level());
        let mut members = Vec::new();
        let mut start = None;
        for _ in 0..20 {
            let page = self
                .client
                .query()
                .table_name(self.tables.of(Table::Members))
                .index_name(index.name())
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", index.attributes().0)
                .expression_attribute_values(":pk", AttributeValue::S(keys::node_pk(node)))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| fault("Query", &error))?;
            for item in page.items.unwrap_or_default() {
                members.push(decode(&key_of(&item)?, &item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(members);
            }
        }
        Err(Error::Internal(format!("{node} has more members than can be counted at once")))
    }

    /// What a count of the coverage of a node needs of its members. Each community is read by itself
    /// and at the same time as the others, so that the whole district takes no longer than its
    /// largest community.
    pub async fn counted(&self, lists: &District, node: &NodeId) -> Result<Vec<Counted>, Error> {
        let communities: Vec<NodeId> = lists
            .nodes
            .iter()
            .map(|place| place.node.clone())
            .filter(|place| place.level() == Level::Community && node.contains(place))
            .collect();
        let members = futures::stream::iter(communities)
            .map(|community| async move { self.all_members_of(&community).await })
            .buffered(COUNTED_AT_ONCE)
            .try_concat()
            .await?;
        let counted = members.into_iter().map(|member| Counted {
            role: member.role,
            state: member.state,
            node: member.node,
            kind: member.kind,
            trades: member.trades,
            places: member.places,
        });
        Ok(counted.collect())
    }

    /// The history of a membership, oldest first; at most the first `limit` events.
    pub async fn member_events(&self, id: &MemberId, limit: u16) -> Result<Vec<MemberEvent>, Error> {
        self.first_of(Table::Members, &Key::Member(id.clone()).pk(), EVENT_PREFIX, limit).await
    }

    /// Adds an invite; the same command again is [`MemberCommitError::AlreadyDone`].
    pub async fn add_invite(&self, invite: &Invite, done: &Done) -> Result<(), MemberCommitError> {
        let table = self.tables.of(Table::Members);
        let new = Some("attribute_not_exists(pk)");
        let mut done_item = encode(&Key::Command(done.command), done)?;
        done_item.insert(EXPIRES_AT.to_owned(), seconds(after_days(invite.created_at, COMMAND_DAYS)?));
        let mut item = encode(&Key::Invite(invite.code), &StoredInvite::from(invite.clone()))?;
        let (pk, sk) = Index::InvitesByCommunity.attributes();
        item.insert(pk.to_owned(), AttributeValue::S(keys::node_pk(&invite.node)));
        let place = keys::created_sk(invite.created_at, invite.code.as_str());
        item.insert(sk.to_owned(), AttributeValue::S(place));
        let items = vec![put(table, done_item, new, &[])?, put(table, item, new, &[])?];
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(MemberCommitError::Failed(fault("TransactWriteItems", &error)));
        };
        Err(cancelled(canceled.cancellation_reasons(), &[Part::Done, Part::Member], false))
    }

    /// Adds a personal invitation, or the same once more.
    pub async fn put_invitation(&self, hash: Digest, invitation: &PersonalInvite) -> Result<(), Error> {
        let mut item = encode(&Key::Invitation(hash), invitation)?;
        item.insert(EXPIRES_AT.to_owned(), seconds(invitation.ends_at));
        self.client
            .put_item()
            .table_name(self.tables.of(Table::Members))
            .set_item(Some(item))
            .send()
            .await
            .map_err(|error| fault("PutItem", &error))?;
        Ok(())
    }

    /// Revokes an invite; one that is revoked already stays so.
    pub async fn revoke_invite(&self, code: Code, now: Timestamp) -> Result<(), Error> {
        self.client
            .update_item()
            .table_name(self.tables.of(Table::Members))
            .set_key(Some(key_attributes(&Key::Invite(code))))
            .update_expression("SET revoked_at = if_not_exists(revoked_at, :now)")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .send()
            .await
            .map_err(|error| fault("UpdateItem", &error))?;
        Ok(())
    }

    /// A page of a community's invites, newest first.
    pub async fn invites(
        &self,
        node: &NodeId,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<(Vec<Invite>, Option<String>), Error> {
        let (index, pk) = (Index::InvitesByCommunity, keys::node_pk(node));
        let asked = Asked { index, pk, before: None, backward: true, reader, limit, cursor };
        let (invites, next) = self.page::<StoredInvite>(asked).await?;
        Ok((invites.into_iter().map(Into::into).collect(), next))
    }

    /// Counts one more try in vain of who is behind `who`; `first` when the window of the
    /// tries before, if there were any, is over.
    pub async fn count_try(&self, who: Digest, first: bool, now: Timestamp) -> Result<(), Error> {
        let counts = if first {
            "SET #type = :type, #schema = :schema, #ends = :ends, #count = :one"
        } else {
            "SET #type = :type, #schema = :schema, #ends = if_not_exists(#ends, :ends) ADD #count :one"
        };
        let ends = AttributeValue::N((now.as_second() + TRIES_SECONDS).to_string());
        let sent = self
            .client
            .update_item()
            .table_name(self.tables.of(Table::Members))
            .set_key(Some(key_attributes(&Key::Tries(who))))
            .update_expression(counts)
            .expression_attribute_names("#type", "type")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_names("#ends", EXPIRES_AT)
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":type", AttributeValue::S(Key::Tries(who).kind().to_owned()))
            .expression_attribute_values(":schema", AttributeValue::N(crate::item::SCHEMA.to_string()))
            .expression_attribute_values(":ends", ends)
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .send()
            .await;
        sent.map(drop).map_err(|error| fault("UpdateItem", &error))
    }

    /// Replaces the lists of a district, when nobody else has in the meantime. `old` is the
    /// version that they had; 0 for none. Says whether they were replaced.
    pub async fn put_district(&self, district: &District, old: u64) -> Result<bool, Error> {
        let mut item = encode(&Key::District(district.node.clone()), district)?;
        let (pk, sk) = Index::Districts.attributes();
        item.insert(pk.to_owned(), AttributeValue::S(keys::DISTRICTS_PK.to_owned()));
        item.insert(sk.to_owned(), AttributeValue::S(district.node.to_string()));
        let mut request = self.client.put_item().table_name(self.tables.of(Table::Members)).set_item(Some(item));
        request = if old == 0 {
            request.condition_expression("attribute_not_exists(pk)")
        } else {
            request
                .condition_expression("version = :old")
                .expression_attribute_values(":old", AttributeValue::N(old.to_string()))
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(error.as_service_error(), Some(PutItemError::ConditionalCheckFailedException(_))) =>
            {
                Ok(false)
            }
            Err(error) => Err(fault("PutItem", &error)),
        }
    }
}

/// An invite as it is stored: `expires_at` is DynamoDB's own word for when it removes an
/// item, and an invite that has ended is still shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredInvite {
    code: Code,
    node: NodeId,
    made_by: MemberId,
    created_at: Timestamp,
    expires_at_time: Timestamp,
    max_uses: u32,
    uses: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
}

impl From<Invite> for StoredInvite {
    fn from(invite: Invite) -> Self {
        let Invite { code, node, made_by, created_at, expires_at, max_uses, uses, revoked_at } = invite;
        Self { code, node, made_by, created_at, expires_at_time: expires_at, max_uses, uses, revoked_at }
    }
}

impl From<StoredInvite> for Invite {
    fn from(stored: StoredInvite) -> Self {
        let StoredInvite { code, node, made_by, created_at, expires_at_time, max_uses, uses, revoked_at } = stored;
        Self { code, node, made_by, created_at, expires_at: expires_at_time, max_uses, uses, revoked_at }
    }
}

/// Tries in vain, as they are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Tries {
    /// How many.
    pub count: u32,
    /// When they stop counting, in seconds since 1970.
    pub expires_at: i64,
}

fn profile_item(profile: &Profile) -> Result<Item, Error> {
    let member = &profile.member;
    let mut item = encode(&Key::Member(member.id.clone()), profile)?;
    let created = keys::created_sk(profile.created_at, &member.id);
    for level in Level::ALL {
        let Some(node) = member.node.at(*level) else { continue };
        let (pk, sk) = Index::MembersByNode(*level).attributes();
        item.insert(pk.to_owned(), AttributeValue::S(keys::node_pk(&node)));
        item.insert(sk.to_owned(), AttributeValue::S(created.clone()));
    }
    Ok(item)
}

/// The writes that keep the census as it is after these changes: one for each community.
fn census_writes(table: &str, changes: &[CensusChange]) -> Result<Vec<TransactWriteItem>, Error> {
    let communities: BTreeSet<&NodeId> = changes.iter().map(|change| &change.community).collect();
    let mut writes = Vec::new();
    for community in communities {
        let key = Key::Census(community.clone());
        let mut update = Update::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&key)))
            .expression_attribute_names("#type", "type")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":type", AttributeValue::S(key.kind().to_owned()))
            .expression_attribute_values(":schema", AttributeValue::N(crate::item::SCHEMA.to_string()));
        let mut adds = Vec::new();
        for (i, change) in changes.iter().filter(|change| change.community == *community).enumerate() {
            adds.push(format!("#traits{i} :by{i}"));
            let by = if change.more { "1" } else { "-1" };
            update = update
                .expression_attribute_names(format!("#traits{i}"), change.traits.to_string())
                .expression_attribute_values(format!(":by{i}"), AttributeValue::N(by.to_owned()));
        }
        let update = update
            .update_expression(format!("SET #type = :type, #schema = :schema ADD {}", adds.join(", ")))
            .build()
            .map_err(|error| Error::Internal(error.to_string()))?;
        writes.push(TransactWriteItem::builder().update(update).build());
    }
    Ok(writes)
}

/// The census of an item; nobody when there is none.
pub(crate) fn census(item: Option<&Item>) -> Result<Census, Error> {
    let mut census = Census::default();
    for (name, value) in item.into_iter().flatten() {
        if ["pk", "sk", "type", "schema"].contains(&name.as_str()) {
            continue;
        }
        let refuse = || Error::Internal(format!("cannot read {name} of a census"));
        let traits = name.parse().map_err(|_| refuse())?;
        let count: i64 = value.as_n().ok().and_then(|count| count.parse().ok()).ok_or_else(refuse)?;
        census.0.insert(traits, u32::try_from(count.max(0)).map_err(|_| refuse())?);
    }
    Ok(census)
}

fn is_condition(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

pub(crate) fn key_in_index(item: &Item, pk: &str, sk: &str) -> Item {
    ["pk", "sk", pk, sk].into_iter().filter_map(|name| Some((name.to_owned(), item.get(name)?.clone()))).collect()
}

fn use_invite(table: &str, code: Code, now: Timestamp) -> Result<TransactWriteItem, Error> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key_attributes(&Key::Invite(code))))
        .update_expression("SET uses = uses + :one")
        .condition_expression(
            "attribute_exists(pk) AND uses < max_uses AND attribute_not_exists(revoked_at) AND expires_at_time > :now",
        )
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
        .build()
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// Lets an item of a member's identity be removed at a moment, if it is there and the member's.
fn expire(table: &str, key: &Key, member: &MemberId, at: Timestamp) -> Result<TransactWriteItem, Error> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key_attributes(key)))
        .update_expression("SET #ends = :at")
        .condition_expression("#member = :member")
        .expression_attribute_names("#ends", EXPIRES_AT)
        .expression_attribute_names("#member", "member")
        .expression_attribute_values(":at", seconds(at))
        .expression_attribute_values(":member", AttributeValue::S(member.to_string()))
        .build()
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

pub(crate) fn seconds(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_second().to_string())
}

fn cancelled(reasons: &[CancellationReason], parts: &[Part], update: bool) -> MemberCommitError {
    let failed: BTreeSet<usize> =
        reasons.iter().enumerate().filter(|(_, reason)| is_condition(reason)).map(|(i, _)| i).collect();
    let has = |part: Part| parts.iter().enumerate().any(|(i, p)| *p == part && failed.contains(&i));
    if has(Part::Done) {
        return MemberCommitError::AlreadyDone;
    }
    if has(Part::Phone) {
        return MemberCommitError::PhoneTaken;
    }
    if has(Part::Member) {
        return if update { MemberCommitError::Stale } else { MemberCommitError::CodeTaken };
    }
    if has(Part::Account) {
        return MemberCommitError::Failed(Refusal::AccountTaken.into());
    }
    if !failed.is_empty() {
        // What the decision stood on has changed: load it and decide again.
        return MemberCommitError::Stale;
    }
    let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    if reasons.iter().filter_map(CancellationReason::code).any(|code| passing.contains(&code)) {
        // Another writer holds one of the items at this moment.
        return MemberCommitError::Stale;
    }
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
    MemberCommitError::Failed(Error::Internal(format!("the transaction was cancelled: {codes:?}")))
}
