# What starts by the clock: jobs that come again and again, and the moments of tasks.
#
# A function gets a job by its row in the table of functions:
#
#   schedule = { at = "cron(0 6 * * ? *)", input = { job = "briefing" } }
#
# With `alarm_after_hours` it raises an alarm when no run has come to its end for so long.
#
# `at` is in the district's time zone. A run that fails is tried again, and what still
# fails goes to the function's failure queue.

locals {
  watched_jobs = { for name, schedule in local.schedules : name => schedule.alarm_after_hours if can(schedule.alarm_after_hours) }

  schedules = { for name, function in local.functions : name => function.schedule if function.schedule != null }
}

resource "aws_scheduler_schedule_group" "jobs" {
  count = length(local.schedules) > 0 ? 1 : 0

  name = "${local.prefix}-jobs"
}

resource "aws_scheduler_schedule" "job" {
  for_each = local.schedules

  name                         = "${local.prefix}-${each.key}"
  group_name                   = one(aws_scheduler_schedule_group.jobs[*].name)
  schedule_expression          = each.value.at
  schedule_expression_timezone = var.time_zone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.function[each.key].arn
    role_arn = aws_iam_role.schedule[each.key].arn
    input    = jsonencode(each.value.input)

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 3
    }

    dead_letter_config {
      arn = aws_sqs_queue.failures[each.key].arn
    }
  }
}

# The scheduler calls the function and forgets. What the function itself could not do is tried
# twice more, and then goes to the same queue as what could not be called.
resource "aws_lambda_function_event_invoke_config" "job" {
  for_each = local.schedules

  function_name                = module.function[each.key].name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures[each.key].arn
    }
  }
}

resource "aws_iam_role" "schedule" {
  for_each = local.schedules

  name        = "${local.prefix}-${each.key}-schedule"
  description = "Starts ${local.prefix}-${each.key}, and does nothing else."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  for_each = local.schedules

  name = "start"
  role = aws_iam_role.schedule[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Start"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [module.function[each.key].arn]
      },
      {
        Sid      = "Failures"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [aws_sqs_queue.failures[each.key].arn]
      },
    ]
  })
}

# The moments of tasks: when one starts, when it reminds and when it ends. They are not known
# here. task-schedule books each with the scheduler, once, and task-clock does what is due.

locals {
  moments_group = "${local.prefix}-tasks"

  # By the grammar of its ARN, because task-schedule is told of it and both are made from one
  # table.
  clock_arn = "arn:${local.partition}:lambda:${local.here}:function:${local.prefix}-task-clock"
}

resource "aws_scheduler_schedule_group" "tasks" {
  name = local.moments_group
}

resource "aws_iam_role" "moments" {
  name        = "${local.prefix}-task-clock-moments"
  description = "Starts ${local.prefix}-task-clock when a task asks for it, and does nothing else."

  # The group and not the account alone: a schedule that somebody makes elsewhere in the account
  # must not borrow this role.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.account
          "aws:SourceArn"     = "arn:${local.partition}:scheduler:${local.here}:schedule-group/${local.moments_group}"
        }
      }
    }]
  })
}

# The queues are sealed by SQS itself, so that whoever sends to one needs no key.
resource "aws_iam_role_policy" "moments" {
  name = "start"
  role = aws_iam_role.moments.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Start"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [module.function["task-clock"].arn]
      },
      {
        Sid      = "Failures"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [aws_sqs_queue.failures["task-clock"].arn]
      },
    ]
  })
}

# The scheduler calls the function and forgets, as S3 does; see `uploads` in media.tf. A moment
# that could not be called at all the scheduler puts into the same queue.
resource "aws_lambda_function_event_invoke_config" "moments" {
  function_name                = module.function["task-clock"].name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures["task-clock"].arn
    }
  }
}
