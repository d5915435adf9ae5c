# What webhooks need beside their two functions: the key of their secrets, the schedules of their
# retries, and the alarm on what nobody took.

locals {
  retries_group = "${local.prefix}-webhooks"

  # By the grammar of its ARN, because the function is told of itself.
  sender_arn = "arn:${local.partition}:lambda:${local.here}:function:${local.prefix}-webhook"
}

# What seals the secrets of webhooks, apart from the key of their table. Losing this key loses
# the secrets, which can be made anew.
resource "aws_kms_key" "webhooks" {
  description             = "${local.prefix}: the secrets of webhooks"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_alias" "webhooks" {
  name          = "alias/${local.prefix}-webhooks"
  target_key_id = aws_kms_key.webhooks.key_id
}

resource "aws_scheduler_schedule_group" "webhooks" {
  name = local.retries_group
}

resource "aws_iam_role" "retries" {
  name        = "${local.prefix}-webhook-retries"
  description = "Starts ${local.prefix}-webhook for its next try, and does nothing else."

  # The group and not the account alone, as for the moments of tasks.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.account
          "aws:SourceArn"     = "arn:${local.partition}:scheduler:${local.here}:schedule-group/${local.retries_group}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "retries" {
  name = "start"
  role = aws_iam_role.retries.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Start"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [module.function["webhook"].arn]
      },
      {
        Sid      = "Failures"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [aws_sqs_queue.failures["webhook"].arn]
      },
    ]
  })
}

# A retry is a call that nobody waits for. That a receiver fails is no failure of the function:
# what is tried again here is a try that could not be recorded.
resource "aws_lambda_function_event_invoke_config" "retries" {
  function_name                = module.function["webhook"].name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures["webhook"].arn
    }
  }
}

# A delivery that nobody took stands in the list of deliveries, and the district has a notice of
# it; the operator hears of it because it may be the deployment that cannot be heard.
resource "aws_cloudwatch_log_metric_filter" "undelivered" {
  name           = "${local.prefix}-webhook-undelivered"
  log_group_name = "/aws/lambda/${module.function["webhook"].name}"
  pattern        = "{ $.message = \"a delivery has failed for good\" }"

  metric_transformation {
    name      = "Undelivered"
    namespace = local.prefix
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  alarm_name          = "${local.prefix}-webhook-undelivered"
  alarm_description   = "An agency could not be told of a hand-over by its webhook, after every try. GET /districts/{district}/agencies/{agency}/webhook/deliveries says which and why."
  namespace           = local.prefix
  metric_name         = "Undelivered"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}
