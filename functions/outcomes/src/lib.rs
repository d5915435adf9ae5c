//! Outcomes: what came of reports, recorded by one and confirmed by another.
//!
//! | to change … | go to |
//! |---|---|
//! | how an outcome is recorded, confirmed, refused, linked and corrected | [`recording`] |
//! | how outcomes are listed and read | [`reading`] |
//! | what the API shows | [`views`] |

mod reading;
mod recording;
mod views;

use jiff::{Span, Timestamp, civil::Date};
use pingan_domain::{
    error::{Error, Refusal},
    member::{Member, MemberId, Role},
    outcome::{Outcome, OutcomeState, Standing, is_at_or_above},
};
use pingan_http::{Operations, operations, routes};
use pingan_store::{Loaded, outcomes::MAX_SIMILAR};
use pingan_workflow::Workflow;

use crate::views::{Reader, SimilarView};

/// How often a command begins again before it gives up with [`Error::Busy`].
const MAX_TRIES: usize = 20;
/// How many days apart two outcomes of a kind may be to be possibly the same.
const SIMILAR_WITHIN_DAYS: i64 = 7;

/// The operations of this function.
pub fn router(workflow: Workflow) -> Operations {
    let operations = Operations::new()
        .routes(routes!(recording::record_outcome, reading::list_outcomes))
        .routes(routes!(reading::read_outcome))
        .routes(routes!(recording::take_outcome_step))
        .routes(routes!(reading::list_outcomes_of_report))
        .with_state(workflow);
    operations::finish("outcomes", operations)
}

/// Who asks, if they are in one of these roles; with those for whom they stand in.
fn reader_of(workflow: &Workflow, loaded: &Loaded, id: &MemberId, roles: &[Role]) -> Result<Reader, Error> {
    let profile = loaded.profile(id)?.ok_or(Refusal::NotAMember)?;
    profile.member.clone().acting_as_any(roles)?;
    Ok(Reader { profile, now: workflow.world.now() })
}

/// The day in the district.
fn today(workflow: &Workflow, now: Timestamp) -> Date {
    now.to_zoned(workflow.policy.calendar.time_zone.clone()).date()
}

/// Outcomes that may be the same as one that waits to be confirmed: those of its kind within seven
/// days, and those of its first report. None for who cannot have recorded them.
async fn similar(
    workflow: &Workflow,
    asker: &MemberId,
    member: &Member,
    outcome: &Outcome,
) -> Result<Option<Vec<SimilarView>>, Error> {
    let standing = outcome.standing(member);
    let waits = outcome.proposal.as_ref().map(|proposal| &proposal.claim);
    let Some(claim) = waits.filter(|_| standing != Standing::Audits) else { return Ok(None) };
    let week = Span::new().days(SIMILAR_WITHIN_DAYS);
    let (from, to) = (claim.on.saturating_sub(week), claim.on.saturating_add(week));
    let first = outcome.leads.first().map(|lead| lead.report);
    let of_report = async {
        match first {
            Some(report) => {
                workflow.store.outcomes_of_report(report, asker, MAX_SIMILAR, None).await.map(|page| page.items)
            }
            None => Ok(Vec::new()),
        }
    };
    let around = workflow.store.outcomes_around(&outcome.district, &claim.kind, from, to);
    let (of_report, around) = futures::try_join!(of_report, around)?;
    let mut found: Vec<SimilarView> = Vec::new();
    let marked = of_report.into_iter().map(|one| (one, true)).chain(around.into_iter().map(|one| (one, false)));
    for (one, same_report) in marked {
        let counts = matches!(one.state, OutcomeState::Proposed | OutcomeState::Confirmed);
        // Who acts on hand-overs knows what they have recorded themselves; staff know of nothing
        // that came of a report that names their stage.
        let known = match standing {
            Standing::Received => one.receiver == outcome.receiver,
            _ => is_at_or_above(member, one.most_concerns),
        };
        if counts && known && one.id != outcome.id && found.iter().all(|known| !known.is(&one)) {
            found.push(SimilarView::new(&one, same_report));
        }
    }
    Ok(Some(found))
}
