//! What a briefing is made from, as the records have it.

use futures::{StreamExt as _, TryStreamExt as _, try_join};
use jiff::{Timestamp, civil::Date};
use pingan_domain::{
    briefing::{BriefingRecord, Facts, Period, StationFacts, TaskFacts, stations},
    coverage::coverage,
    district::District,
    error::Error,
    statistics::Figures,
    tally::begins,
    task::Task,
    task_receipt::progress,
    territory::NodeId,
};

use crate::BriefingJob;

/// How many figures are asked for at the same time.
const AT_ONCE: usize = 8;

/// Everything that a briefing is made from.
pub(crate) async fn load<'a>(
    job: &'a BriefingJob,
    record: &'a BriefingRecord,
    district: &'a District,
    now: Timestamp,
) -> Result<Facts<'a>, Error> {
    let (period, before) = (record.period, record.period.before()?);
    let node = &record.district;
    let (by, steps) = period.steps()?;
    let (since, until) = (begins(period.from, &job.time_zone)?, ends(job, period.to)?);
    let (figures, figures_before, of_stations, course) = try_join!(
        of(job, node, period),
        of(job, node, before),
        stations_of(job, district, period, before),
        course(job, node, steps),
    )?;
    let (overdue, adopted, counted, tasks) = try_join!(
        job.store.overdue_in(node, now),
        job.store.adopted_in(node, since, until),
        job.store.counted(district, node),
        tasks(job, district, now),
    )?;
    Ok(Facts {
        record,
        district,
        time_zone: &job.time_zone,
        now,
        figures,
        before: figures_before,
        stations: of_stations,
        by,
        course,
        overdue,
        adopted,
        // Who reads a briefing does not know the reporters.
        coverage: coverage(district, node, &counted, false),
        tasks,
    })
}

async fn of(job: &BriefingJob, node: &NodeId, period: Period) -> Result<Figures, Error> {
    job.store.figures(node, period.from, period.to).await
}

async fn stations_of(
    job: &BriefingJob,
    district: &District,
    period: Period,
    before: Period,
) -> Result<Vec<StationFacts>, Error> {
    let nodes: Vec<NodeId> = stations(district).cloned().collect();
    futures::stream::iter(nodes)
        .map(|node| async move {
            let (figures, before) = try_join!(of(job, &node, period), of(job, &node, before))?;
            Ok(StationFacts { node, figures, before })
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

async fn course(job: &BriefingJob, node: &NodeId, steps: Vec<Period>) -> Result<Vec<(Period, Figures)>, Error> {
    futures::stream::iter(steps)
        .map(|step| async move { Ok((step, of(job, node, step).await?)) })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// The tasks under way, each with how it goes.
async fn tasks(job: &BriefingJob, district: &District, now: Timestamp) -> Result<(Vec<TaskFacts>, u64), Error> {
    let (tasks, more) = job.store.tasks_under_way(&district.node, now).await?;
    let facts =
        futures::stream::iter(tasks).map(|task| goes(job, district, task)).buffered(AT_ONCE).try_collect().await?;
    Ok((facts, more))
}

async fn goes(job: &BriefingJob, district: &District, task: Task) -> Result<TaskFacts, Error> {
    let communities = task.content.scope.communities(district);
    let (census, counts) = try_join!(job.store.census_of(&communities), job.store.task_counts(task.id, &communities))?;
    let in_scope = census.iter().map(|census| census.count(&task.content.scope.who)).collect::<Vec<_>>();
    let rows =
        communities.into_iter().zip(in_scope).zip(counts).map(|((node, in_scope), counts)| (node, in_scope, counts));
    let (progress, _) = progress(rows.collect(), false);
    Ok(TaskFacts { task, progress })
}

/// When a day of the district is over.
fn ends(job: &BriefingJob, day: Date) -> Result<Timestamp, Error> {
    begins(day.tomorrow().map_err(|error| Error::Internal(error.to_string()))?, &job.time_zone)
}
