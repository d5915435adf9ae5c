# Jobs that start by the clock. A function gets one by its row in the table of functions:
#
#   schedule = { at = "cron(0 6 * * ? *)", input = { job = "briefing" } }
#
# `at` is in the district's time zone. A run that fails is tried again, and what still
# fails goes to the function's failure queue.

locals {
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
