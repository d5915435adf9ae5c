//! Recruiting many reporters from a file.
//!
//! The whole file is checked before anything is written, and every bad line is named. Each
//! good line is then one commit of its own: profile, sealed identity and claim on the phone
//! number together. A call works for as long as it may and says what is left; the same file
//! again goes on from there, and once all is there changes nothing.

use std::time::{Duration, Instant};

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use futures::{StreamExt as _, TryStreamExt as _};
use pingan_domain::{
    command::CommandId,
    district::{District, Label},
    error::{Error, Refusal},
    hash::Digest,
    identity::Person,
    member::{Member, MemberId, Role},
    membership::{self, Kind, NewMember},
    named::Named as _,
    territory::{Level, NodeId},
};
use pingan_http::{DistrictPath, Problem, Query, Subject, schema};
use pingan_membership::MANAGERS;
use pingan_roster::{Entry, Lists, Roster, RosterError, Row};
use pingan_store::{
    Key,
    members::{IdentityWrite, MemberCommit, MemberCommitError},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Recruiting;

/// How many lines are committed at once.
const AT_ONCE: usize = 16;
/// How many claims on phone numbers, or members, one read asks for.
const CLAIMS_AT_ONCE: usize = 100;
/// For how long one call commits before it says what is left. API Gateway waits for 30 s.
const WORKS_FOR: Duration = Duration::from_secs(20);
/// How often one line begins again when somebody else is faster.
const MAX_TRIES: u8 = 5;

/// How a file is imported.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// Only checks the file and says what would be done.
    #[serde(default)]
    dry_run: bool,
    /// The community of lines that name none; your own, if it is one, when nothing is said.
    #[param(schema_with = schema::node, required = false)]
    node: Option<NodeId>,
}

/// A line of the file that cannot be taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BadLineView {
    /// The line of the file, from 1; the header is the first.
    line: u64,
    /// The column, when it is one that is bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    /// What is wrong with it.
    reason: String,
}

/// What became of a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportView {
    /// How many lines with people it has.
    lines: usize,
    /// How many of them were recruited by this call; with `dry_run`, how many would be.
    created: usize,
    /// How many were members of their community already.
    unchanged: usize,
    /// How many good lines are left: send the same file again.
    remaining: usize,
    /// How many lines are bad. Nothing is written while there are any, unless a line became
    /// bad after the check.
    bad_count: usize,
    /// The bad lines; the first 1000.
    bad: Vec<BadLineView>,
}

/// The bytes of a file, within the limit.
pub(crate) struct File(Bytes);

impl<S: Sync + Send> FromRequest<S> for File {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let limit = pingan_roster::MAX_BYTES;
        let declared = request.headers().get(header::CONTENT_LENGTH);
        let declared = declared.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if declared.is_some_and(|length| length > limit) {
            return Err(Error::TooLarge(limit).into());
        }
        let bytes = axum::body::to_bytes(request.into_body(), limit).await;
        Ok(Self(bytes.map_err(|_| Error::TooLarge(limit))?))
    }
}

/// Recruits the reporters of a CSV file, up to 20,000 lines.
///
/// The first line names the columns, in English or Chinese: `name`, `phone`, `community`,
/// `kind`, and if wanted `trades` and `places`. UTF-8 and GB18030 are understood; send the
/// file as it is, as `application/octet-stream`. While `remaining` is not 0, send it again.
#[utoipa::path(
    put,
    path = "/districts/{district}/roster",
    params(("district" = String, Path, description = "The district"), ImportQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "What became of the file", body = ImportView),
        (status = 413, description = "The file is larger than 4 MiB"),
    ),
)]
pub(crate) async fn import_members(
    State(recruiting): State<Recruiting>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<ImportQuery>,
    File(bytes): File,
) -> Result<Response, Problem> {
    let view = recruiting.import(&actor, &district, &query, &bytes).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

impl Recruiting {
    async fn import(
        &self,
        actor: &MemberId,
        district: &NodeId,
        query: &ImportQuery,
        bytes: &[u8],
    ) -> Result<ImportView, Error> {
        let started = Instant::now();
        let loaded = self.registry.store.load([Key::Member(actor.clone()), Key::District(district.clone())]).await?;
        let actor = loaded.actor(actor)?.acting_as_any(&MANAGERS)?;
        let lists = loaded.district(district)?.filter(|_| district.contains(&actor.node)).ok_or(Error::NotFound)?;
        let default = query.node.clone().or_else(|| Some(actor.node.clone())).filter(|n| n.level() == Level::Community);
        let roster =
            pingan_roster::read(bytes, &names(&lists), default.as_ref()).map_err(|error| unreadable(&error))?;

        let mut view = ImportView {
            lines: roster.rows.len() + roster.bad_lines,
            created: 0,
            unchanged: 0,
            remaining: 0,
            bad_count: roster.bad_count,
            bad: Vec::new(),
        };
        let Roster { rows, bad, .. } = roster;
        view.bad.extend(bad.into_iter().map(|bad| BadLineView {
            line: bad.line,
            column: bad.column.map(|column| column.to_string()),
            reason: bad.reason,
        }));
        for row in &rows {
            if !actor.node.contains(&row.node) {
                view.refuse(row.line, Some("community"), "lies outside of your territory");
            } else if let Err(refusal) = new_member(row, &lists).and_then(|new| may_recruit(&actor, &new, &lists)) {
                view.refuse(row.line, None, &refusal);
            }
        }
        let mut new = Vec::new();
        let mut known = Vec::new();
        for (place, phone, member) in self.claims(&rows).await? {
            match member {
                None => new.push((place, phone)),
                Some(member) => known.push((place, member)),
            }
        }
        for (place, node) in self.nodes_of(known).await? {
            let Some(row) = rows.get(place) else { continue };
            if node.as_ref() == Some(&row.node) {
                view.unchanged += 1;
            } else {
                // Where is not said: whoever has the number must not learn it here.
                view.refuse(row.line, Some("phone"), Refusal::PhoneTaken.detail());
            }
        }
        view.remaining = new.len();
        if query.dry_run || view.bad_count > 0 {
            if query.dry_run {
                view.created = view.remaining;
                view.remaining = 0;
            }
            return Ok(view);
        }
        let (rows, actor, lists) = (&rows, &actor, &lists);
        let mut results = futures::stream::iter(new)
            .map(|(place, phone)| async move {
                let row = rows.get(place).filter(|_| started.elapsed() < WORKS_FOR)?;
                Some((row.line, self.add(actor, lists, row, phone).await))
            })
            .buffer_unordered(AT_ONCE);
        while let Some(result) = results.next().await {
            let Some((line, result)) = result else { continue };
            match result {
                Ok(()) => view.created += 1,
                // What is wrong with the platform is no fault of the line: it stays for the next call.
                Err(Error::Busy { .. }) => continue,
                Err(Error::Refused(refusal)) => view.refuse(line, None, refusal.detail()),
                Err(other) => return Err(other),
            }
            view.remaining -= 1;
        }
        Ok(view)
    }

    /// Whose number each row has, hundred by hundred at once: the place of the row, the hash
    /// of the number, and the member whose it is.
    async fn claims(&self, rows: &[Row]) -> Result<Vec<(usize, Digest, Option<MemberId>)>, Error> {
        let hashed: Vec<(usize, Digest)> = rows
            .iter()
            .enumerate()
            .map(|(place, row)| (place, self.registry.phone_hash(row.phone.as_e164())))
            .collect();
        let chunks: Vec<Vec<(usize, Digest)>> = hashed.chunks(CLAIMS_AT_ONCE).map(<[_]>::to_vec).collect();
        futures::stream::iter(chunks)
            .map(|chunk| async move {
                let loaded = self
                    .registry
                    .store
                    .load(chunk.iter().map(|(_, phone)| Key::Phone(*phone)).collect::<Vec<_>>())
                    .await?;
                chunk
                    .into_iter()
                    .map(|(place, phone)| Ok((place, phone, loaded.phone(phone)?)))
                    .collect::<Result<Vec<_>, Error>>()
            })
            .buffered(AT_ONCE)
            .try_concat()
            .await
    }

    /// Where each member is now, hundred by hundred at once: the place of the row, and the node.
    async fn nodes_of(&self, members: Vec<(usize, MemberId)>) -> Result<Vec<(usize, Option<NodeId>)>, Error> {
        let chunks: Vec<Vec<(usize, MemberId)>> = members.chunks(CLAIMS_AT_ONCE).map(<[_]>::to_vec).collect();
        futures::stream::iter(chunks)
            .map(|chunk| async move {
                let keys: Vec<Key> = chunk.iter().map(|(_, member)| Key::Member(member.clone())).collect();
                let loaded = self.registry.store.load(keys).await?;
                chunk
                    .into_iter()
                    .map(|(place, id)| Ok((place, loaded.profile(&id)?.map(|profile| profile.member.node))))
                    .collect::<Result<Vec<_>, Error>>()
            })
            .buffered(AT_ONCE)
            .try_concat()
            .await
    }

    /// Recruits the person of one line.
    async fn add(&self, actor: &Member, lists: &District, row: &Row, phone: Digest) -> Result<(), Error> {
        // A line has no key of its own. A random one is enough: that nobody is recruited
        // twice is kept by the claim on the number.
        let random = self.registry.world.random().map_err(|error| Error::Internal(error.to_string()))?;
        let command = CommandId::new(&actor.id, Uuid::from_bytes(random));
        let person =
            Person { name: row.name.as_str().to_owned(), phone: row.phone.as_e164().to_owned(), payment: None };
        let new = new_member(row, lists).map_err(Error::Internal)?;
        for attempt in 0..MAX_TRIES {
            let pseudonym = command.pseudonym(attempt);
            let id = MemberId::of_pseudonym(pseudonym);
            let decided =
                membership::recruit(new.clone(), pseudonym, actor, lists, command, self.registry.world.now())?;
            let item = self.registry.seal(&id, &person).await?;
            let commit = MemberCommit {
                before: None,
                decided: &decided,
                done: None,
                identity: IdentityWrite::Seal { item: &item, phone },
                invite: None,
                invitation: None,
            };
            match self.registry.store.commit_member(&commit).await {
                Ok(()) => return self.registry.accounts.create(&id, &person.phone, true).await,
                Err(MemberCommitError::PhoneTaken) => return Err(Refusal::PhoneTaken.into()),
                Err(MemberCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}

impl ImportView {
    fn refuse(&mut self, line: u64, column: Option<&str>, reason: &str) {
        self.bad_count += 1;
        if self.bad.len() < pingan_roster::MAX_BAD_LISTED {
            self.bad.push(BadLineView { line, column: column.map(str::to_owned), reason: reason.to_owned() });
        }
    }
}

/// The names by which a file may call what stands in the district's lists.
fn names(lists: &District) -> Lists {
    let communities = lists.nodes.iter().filter(|place| place.node.level() == Level::Community);
    Lists {
        communities: communities
            .map(|place| Entry {
                value: place.node.clone(),
                labels: vec![place.name.zh_cn.clone(), place.name.en.clone()],
            })
            .collect(),
        kinds: Kind::ALL
            .iter()
            .map(|kind| Entry { value: kind.name().to_owned(), labels: vec![kind.zh_cn().to_owned()] })
            .collect(),
        trades: lists
            .trades
            .iter()
            .map(|trade| Entry {
                value: trade.label.to_string(),
                labels: vec![trade.name.zh_cn.clone(), trade.name.en.clone()],
            })
            .collect(),
        places: lists
            .places
            .iter()
            .map(|place| Entry {
                value: place.label.to_string(),
                labels: vec![place.name.zh_cn.clone(), place.name.en.clone()],
            })
            .collect(),
    }
}

fn new_member(row: &Row, lists: &District) -> Result<NewMember, String> {
    let label = |text: &String| Label::parse(text).map_err(|error| error.to_string());
    let new = NewMember {
        role: Role::Reporter,
        node: row.node.clone(),
        body: None,
        agency: None,
        kind: Kind::from_name(&row.kind),
        trades: row.trades.iter().map(label).collect::<Result<_, _>>()?,
        places: row.places.iter().map(label).collect::<Result<_, _>>()?,
    };
    match new.validate(lists) {
        Ok(()) => Ok(new),
        Err(Error::Invalid(bad)) => {
            Err(bad.into_iter().map(|bad| format!("{} {}", bad.pointer, bad.detail)).collect::<Vec<_>>().join("; "))
        }
        Err(other) => Err(other.to_string()),
    }
}

fn may_recruit(actor: &Member, new: &NewMember, _lists: &District) -> Result<(), String> {
    let position = pingan_domain::authority::Position { role: new.role, node: &new.node, body: new.body };
    pingan_domain::authority::over(actor, position).map_err(|refusal| refusal.detail().to_owned())
}

/// A file that cannot be read at all.
fn unreadable(error: &RosterError) -> Error {
    Error::field("", error.to_string())
}
