//! One-time starts of a function by `EventBridge` Scheduler.
//!
//! A start is booked under a name of up to 64 characters: Latin letters, digits, `-`, `_` and
//! `.`. There is one start for each name, and it forgets itself once it has been made. The
//! service goes by the minute: it starts within the 60 s from the moment on. What has been
//! started is handed to Lambda's own queue, so a function that fails is repeated by Lambda, as
//! the function is configured, and not by the schedule.
//!
//! A moment that has passed is taken by the service without an error, and nowhere is it written
//! that it starts anything. Who books must therefore book ahead, by a minute or more, and do
//! what is already due at once.

use aws_sdk_scheduler::{
    Client,
    error::ProvideErrorMetadata as _,
    types::{ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy},
};
use pingan_domain::{Timestamp, error::Error};

use crate::fault::fault;

/// Codes of `EventBridge` Scheduler after which the same request may well succeed a moment later.
/// A conflict is one when somebody else changes the same schedule at the same time.
const PASSING: [&str; 4] =
    ["ConflictException", "InternalServerException", "ThrottlingException", "ServiceUnavailableException"];
/// How often a booking goes round between a schedule that is there and one that has just run.
const ROUNDS: usize = 3;
/// How long the service tries to hand a start to the function.
const LONGEST_TRYING_SECONDS: i32 = 3_600;
/// How often it tries again within that time.
const TRIES_AGAIN: i32 = 10;

/// What is started.
#[derive(Debug, Clone)]
pub struct Target {
    /// The function.
    pub function_arn: String,
    /// The role with which the service may start it.
    pub role_arn: String,
    /// The SQS queue that gets the input of what could not be started; none to let it go.
    pub failures_arn: Option<String>,
}

/// The booked starts of one function.
#[derive(Debug, Clone)]
pub struct Schedules {
    client: Client,
    group: String,
    target: Target,
}

impl Schedules {
    /// The starts of this function, in a group of schedules that is there already.
    pub fn new(client: Client, group: String, target: Target) -> Self {
        Self { client, group, target }
    }

    /// Books a start at a moment, in the place of what was booked under this name before. It is
    /// not made before its moment, and a fraction of a second counts as a whole one. `input` is
    /// the event that the function gets: JSON, of 256 KiB at most.
    ///
    /// A start that is replaced while it is being made may still be made as well; and for the
    /// short time in which a start has been made and is not yet forgotten, the new one could be
    /// forgotten with it. A name that will be booked again from within its own start is
    /// therefore better made new each time.
    ///
    /// # Errors
    /// [`Error::Busy`] when the service is, or when the same name is booked or cancelled by
    /// somebody else meanwhile; otherwise [`Error::Internal`], such as for a name or an input
    /// that is not allowed, or when there is no such group.
    pub async fn book(&self, name: &str, at: Timestamp, input: &str) -> Result<(), Error> {
        let expression = expression(at)?;
        for _ in 0..ROUNDS {
            let created = self
                .client
                .create_schedule()
                .group_name(&self.group)
                .name(name)
                .schedule_expression(&expression)
                .schedule_expression_timezone("UTC")
                .flexible_time_window(to_the_minute()?)
                .action_after_completion(ActionAfterCompletion::Delete)
                .target(self.target(input)?)
                .send()
                .await;
            match created {
                Ok(_) => return Ok(()),
                Err(error) if error.code() == Some("ConflictException") => {}
                Err(error) => return Err(fault("CreateSchedule", &error, &PASSING)),
            }
            // An update sets everything anew: what it leaves out would be lost.
            let updated = self
                .client
                .update_schedule()
                .group_name(&self.group)
                .name(name)
                .schedule_expression(&expression)
                .schedule_expression_timezone("UTC")
                .flexible_time_window(to_the_minute()?)
                .action_after_completion(ActionAfterCompletion::Delete)
                .target(self.target(input)?)
                .send()
                .await;
            match updated {
                Ok(_) => return Ok(()),
                // It has run since, and has deleted itself.
                Err(error) if error.code() == Some("ResourceNotFoundException") => {}
                Err(error) => return Err(fault("UpdateSchedule", &error, &PASSING)),
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Cancels what is booked under this name. What is not booked, or not any more, is
    /// cancelled.
    ///
    /// # Errors
    /// As for [`Schedules::book`].
    pub async fn cancel(&self, name: &str) -> Result<(), Error> {
        let deleted = self.client.delete_schedule().group_name(&self.group).name(name).send().await;
        match deleted {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(()),
            Err(error) => Err(fault("DeleteSchedule", &error, &PASSING)),
        }
    }

    fn target(&self, input: &str) -> Result<aws_sdk_scheduler::types::Target, Error> {
        let failures = self.target.failures_arn.as_ref();
        let retry = RetryPolicy::builder()
            .maximum_event_age_in_seconds(LONGEST_TRYING_SECONDS)
            .maximum_retry_attempts(TRIES_AGAIN);
        aws_sdk_scheduler::types::Target::builder()
            .arn(&self.target.function_arn)
            .role_arn(&self.target.role_arn)
            .input(input)
            .retry_policy(retry.build())
            .set_dead_letter_config(failures.map(|arn| DeadLetterConfig::builder().arn(arn).build()))
            .build()
            .map_err(|error| Error::Internal(error.to_string()))
    }
}

/// No window: without this, the service could choose a later minute to spread its load.
fn to_the_minute() -> Result<FlexibleTimeWindow, Error> {
    let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build();
    window.map_err(|error| Error::Internal(error.to_string()))
}

/// A moment as the service has it: in whole seconds, none of which is before the moment.
fn expression(at: Timestamp) -> Result<String, Error> {
    // The part of a second has the sign of the whole, so it is the same before 1970.
    let second = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    let whole = Timestamp::from_second(second).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(format!("at({})", whole.strftime("%Y-%m-%dT%H:%M:%S")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_never_early() {
        let of = |at: &str| expression(at.parse().unwrap()).unwrap();
        assert_eq!(of("2026-08-12T09:30:00Z"), "at(2026-08-12T09:30:00)");
        assert_eq!(of("2026-08-12T09:30:00.000000001Z"), "at(2026-08-12T09:30:01)");
        assert_eq!(of("2026-08-12T23:59:59.9+08:00"), "at(2026-08-12T16:00:00)");
        assert_eq!(of("2026-12-31T23:59:59.5Z"), "at(2027-01-01T00:00:00)");
        assert_eq!(of("1969-12-31T23:59:58.5Z"), "at(1969-12-31T23:59:59)");
    }
}
