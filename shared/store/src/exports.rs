//! Exports: what is kept of them beside their files, and what a map is made from.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt as _, TryStreamExt as _};
use pingan_domain::{
    Timestamp,
    access::{Access, AccessHead, Reading},
    error::Error,
    export::ExportRecord,
    grid::Spot,
    life::{Stage, State},
    member::{Member, MemberId},
    report::ReportId,
    territory::NodeId,
};

use crate::{
    Store,
    audit::access_writes,
    documents::DocumentCommitError,
    item::{Item, encode},
    keys::{self, Index, Key, Table},
    pages::Asked,
    reports::put,
};

/// How many reports are read at once, each with what was sent in: DynamoDB takes a hundred keys.
const REPORTS_TOGETHER: usize = 50;
/// How many such reads are made at the same time.
const AT_ONCE: usize = 4;

/// The attributes of an [`ExportRecord`], projected into the index of exports.
pub(crate) const EXPORT_ATTRIBUTES: [&str; 19] = [
    "type",
    "schema",
    "id",
    "version",
    "district",
    "format",
    "of",
    "from",
    "to",
    "by",
    "reason",
    "state",
    "requested_by",
    "position",
    "created_by",
    "fingerprint",
    "created_at",
    "made_at",
    "size_bytes",
];

/// What a map is made from.
#[derive(Debug, Clone)]
pub struct Spots {
    /// The reports that say where on the map.
    pub spots: Vec<Spot>,
    /// How many do not, or do not any more.
    pub without_point: u32,
    /// Whether these are all.
    pub complete: bool,
}

impl Store {
    /// Adds an export that is to be made: its record in the stream has it made. That it was asked
    /// for, by whom and why is the first entry of its audit trail, in the same transaction.
    pub async fn add_export(&self, record: &ExportRecord, actor: &Member) -> Result<(), DocumentCommitError> {
        let asked = Reading::export(record.reason.clone());
        let head = AccessHead::default();
        let (access, next) = Access::after(head, record.id, (&actor.id, actor.role), &asked, record.created_at)?;
        let table = self.tables.of(Table::Documents);
        let mut items = vec![put(table, export_item(record)?, Some("attribute_not_exists(pk)"), &[])?];
        items.extend(access_writes(self, &access.report.into(), head, &access, next)?);
        self.commit_documents(items).await
    }

    /// Replaces the record of an export, on condition of the version before.
    pub async fn change_export(&self, before: &ExportRecord, after: &ExportRecord) -> Result<(), DocumentCommitError> {
        let old = AttributeValue::N(before.version.to_string());
        let table = self.tables.of(Table::Documents);
        let items = vec![put(table, export_item(after)?, Some("version = :old"), &[(":old", old)])?];
        self.commit_documents(items).await
    }

    /// A page of the exports of a district, newest first, for `reader`, who alone can use its cursor.
    pub async fn exports(
        &self,
        district: &NodeId,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<(Vec<ExportRecord>, Option<String>), Error> {
        let (index, pk) = (Index::ExportsByDistrict, keys::node_pk(district));
        self.page(Asked { before: None, index, pk, backward: true, reader, limit, cursor }).await
    }

    /// Where the adopted reports of a node were seen that were sent in since one moment and
    /// before another, as far as `stage` may see them. Looked for among the newest reports of
    /// the district.
    pub async fn spots(
        &self,
        node: &NodeId,
        (since, until): (Timestamp, Timestamp),
        stage: Stage,
    ) -> Result<Spots, Error> {
        let adopted = |state| matches!(state, State::Adopted | State::HandedOver | State::Closed);
        let (found, complete) = self
            .reports_where(&node.district(), usize::MAX, |report| {
                node.contains(&report.node) && adopted(report.state) && (since..until).contains(&report.created_at)
            })
            .await?;
        let batches: Vec<Vec<ReportId>> = found.chunks(REPORTS_TOGETHER).map(<[ReportId]>::to_vec).collect();
        let read = batches.into_iter().map(|ids| self.spots_of(ids, stage));
        let read: Vec<(Vec<Spot>, u32)> = futures::stream::iter(read).buffered(AT_ONCE).try_collect().await?;
        let without_point = read.iter().map(|(_, without)| without).sum();
        Ok(Spots { spots: read.into_iter().flat_map(|(spots, _)| spots).collect(), without_point, complete })
    }

    async fn spots_of(&self, ids: Vec<ReportId>, stage: Stage) -> Result<(Vec<Spot>, u32), Error> {
        let loaded = self.load(ids.iter().flat_map(|id| [Key::Report(*id), Key::Content(*id, 1, 0)])).await?;
        let (mut spots, mut without) = (Vec::new(), 0);
        for id in ids {
            let Some(report) = loaded.report(id)?.filter(|report| report.concerns.first_stage() <= stage) else {
                continue;
            };
            match loaded.sent_in(id)?.and_then(|content| content.place).and_then(|place| place.point) {
                Some(point) => spots.push(Spot { point, category: report.category, reporter: report.reporter }),
                None => without += 1,
            }
        }
        Ok((spots, without))
    }
}

fn export_item(record: &ExportRecord) -> Result<Item, Error> {
    let mut item = encode(&Key::Export(record.id), record)?;
    let (pk, sk) = Index::ExportsByDistrict.attributes();
    item.insert(pk.to_owned(), AttributeValue::S(keys::node_pk(&record.district)));
    item.insert(sk.to_owned(), AttributeValue::S(keys::created_sk(record.created_at, record.id.as_str())));
    Ok(item)
}
