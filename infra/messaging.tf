# The topic of the notices, the streams that drive functions, and the queues for what a
# function could not take.

locals {
  notices_topic     = "${local.prefix}-notices"
  notices_topic_arn = "arn:${local.partition}:sns:${local.here}:${local.notices_topic}"

  # Each function that events drive has a queue of its own for what it could not take.
  failure_queues = {
    for name, function in local.functions : name => "${local.prefix}-${name}-failures" if function.trigger != "http"
  }

  streamed = { for name, function in local.functions : name => function if function.trigger == "stream" }

  # One for each stream that drives a function; that of a function of several streams is named
  # after both.
  mappings = merge([
    for name, function in local.streamed : {
      for table in local.streamed_tables[name] :
      (length(local.streamed_tables[name]) == 1 ? name : "${name}-${table}") => { function = name, table = table }
    }
  ]...)
}

resource "aws_sns_topic" "notices" {
  name              = local.notices_topic
  kms_master_key_id = aws_kms_key.messages.arn
}

resource "aws_sns_topic_policy" "notices" {
  arn = aws_sns_topic.notices.arn

  # Who may publish is said by the roles; that it must be over TLS is said here.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ThisAccount"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = ["sns:GetTopicAttributes", "sns:Publish", "sns:Subscribe"]
        Resource  = local.notices_topic_arn
      },
      {
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = local.notices_topic_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sqs_queue" "failures" {
  for_each = local.failure_queues

  name = each.value
  # As long as SQS can: a holiday must not cost a record.
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_lambda_event_source_mapping" "stream" {
  for_each = local.mappings

  event_source_arn  = aws_dynamodb_table.this[each.value.table].stream_arn
  function_name     = module.function[each.value.function].arn
  starting_position = "TRIM_HORIZON"

  # The function looks again by itself, so that this saves calls and decides nothing.
  filter_criteria {
    dynamic "filter" {
      for_each = local.functions[each.value.function].filters
      content {
        pattern = jsonencode(filter.value)
      }
    }
  }

  batch_size                         = try(local.functions[each.value.function].batch, 25)
  maximum_batching_window_in_seconds = 0
  # One batch of a shard at a time: the notices of an inbox go out in their order, what is
  # erased is erased in the order in which it was decided, and the moments of a task are booked
  # as it was last written.
  parallelization_factor = 1

  # The function gives back the record that failed and those after it; a batch that fails
  # whole is halved until the poison stands alone.
  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = var.stream_retries
  maximum_record_age_in_seconds  = var.stream_max_age_seconds

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.failures[each.value.function].arn
    }
  }
}

# The key of topics. CloudWatch has to use it to tell of an alarm.
resource "aws_kms_key" "messages" {
  description             = "${local.prefix}: notices and alarms"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ByIam"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
    ]
  })
}

resource "aws_kms_alias" "messages" {
  name          = "alias/${local.prefix}-messages"
  target_key_id = aws_kms_key.messages.key_id
}
