# What tells people that something is wrong, and where they look. Each function brings its
# own alarms on errors, throttles and duration; here are those that concern more than one.

resource "aws_sns_topic" "alarms" {
  name              = "${local.prefix}-alarms"
  kms_master_key_id = aws_kms_key.messages.arn
}

resource "aws_sns_topic_subscription" "alarms" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_metric_alarm" "failures" {
  for_each = aws_sqs_queue.failures

  alarm_name          = "${each.value.name}-waiting"
  alarm_description   = "${local.prefix}-${each.key} could not take something; it waits in ${each.value.name}. README.md says how to send it again."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

# A job that does not run raises no error. So its silence is an alarm: a time in which no run has
# come to its end. The first hour of a new deployment is such a time.
resource "aws_cloudwatch_metric_alarm" "absence" {
  for_each = local.watched_jobs

  alarm_name          = "${local.prefix}-${each.key}-absent"
  alarm_description   = "${local.prefix}-${each.key} has not done its work for ${each.value} h. Its log says why, or its schedule does not start it."
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "done"
    expression  = "started - failed"
    label       = "Runs that came to their end"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { started = "Invocations", failed = "Errors" }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/Lambda"
        metric_name = metric_query.value
        dimensions  = { FunctionName = module.function[each.key].name }
        stat        = "Sum"
        period      = 3600 * each.value
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "iterator_age" {
  for_each = local.streamed

  alarm_name          = "${local.prefix}-${each.key}-iterator-age"
  alarm_description   = "${local.prefix}-${each.key} is more than five minutes behind the stream of ${join(", ", [for table in local.streamed_tables[each.key] : local.table_names[table]])}: what it does comes late."
  namespace           = "AWS/Lambda"
  metric_name         = "IteratorAge"
  dimensions          = { FunctionName = module.function[each.key].name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 300000
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "api_faults" {
  alarm_name          = "${local.prefix}-api-5xx"
  alarm_description   = "The API answered with its own fault. The access log says on which route: ${aws_cloudwatch_log_group.api.name}"
  namespace           = "AWS/ApiGateway"
  metric_name         = "5xx"
  dimensions          = { ApiId = aws_apigatewayv2_api.this.id }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

# Of the metrics of throttling these two are kept per table; `ThrottledRequests` is kept
# only per table and operation.
resource "aws_cloudwatch_metric_alarm" "table_faults" {
  for_each = {
    for pair in setproduct(keys(local.tables), ["reads", "writes"]) : "${pair[0]}-${pair[1]}" => {
      table  = local.table_names[pair[0]]
      metric = { reads = "ReadThrottleEvents", writes = "WriteThrottleEvents" }[pair[1]]
    }
  }

  alarm_name          = "${local.prefix}-${each.key}-throttled"
  alarm_description   = "DynamoDB refused requests on ${each.value.table} for coming too fast."
  namespace           = "AWS/DynamoDB"
  metric_name         = each.value.metric
  dimensions          = { TableName = each.value.table }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.prefix

  dashboard_body = jsonencode({
    widgets = [
      for place, widget in [
        {
          title   = "API: requests and faults"
          stat    = "Sum"
          metrics = [for metric in ["Count", "4xx", "5xx"] : ["AWS/ApiGateway", metric, "ApiId", aws_apigatewayv2_api.this.id]]
        },
        {
          title   = "API: time to answer, 99 of 100"
          stat    = "p99"
          metrics = [for metric in ["Latency", "IntegrationLatency"] : ["AWS/ApiGateway", metric, "ApiId", aws_apigatewayv2_api.this.id]]
        },
        {
          title   = "Functions: errors"
          stat    = "Sum"
          metrics = [for name in keys(local.functions) : ["AWS/Lambda", "Errors", "FunctionName", "${local.prefix}-${name}"]]
        },
        {
          title   = "Functions: time, 99 of 100"
          stat    = "p99"
          metrics = [for name in keys(local.functions) : ["AWS/Lambda", "Duration", "FunctionName", "${local.prefix}-${name}"]]
        },
        {
          title   = "Functions: calls at once"
          stat    = "Maximum"
          metrics = [for name in keys(local.functions) : ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", "${local.prefix}-${name}"]]
        },
        {
          title   = "Streams: how far behind"
          stat    = "Maximum"
          metrics = [for name in keys(local.streamed) : ["AWS/Lambda", "IteratorAge", "FunctionName", "${local.prefix}-${name}"]]
        },
        {
          title   = "Failure queues"
          stat    = "Maximum"
          metrics = [for queue in values(local.failure_queues) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue]]
        },
        {
          title = "Tables: throttled requests"
          stat  = "Sum"
          metrics = [
            for pair in setproduct(values(local.table_names), ["ReadThrottleEvents", "WriteThrottleEvents"]) :
            ["AWS/DynamoDB", pair[1], "TableName", pair[0]]
          ]
        },
        ] : {
        type   = "metric"
        x      = place % 2 * 12
        y      = floor(place / 2) * 6
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          region  = var.region
          view    = "timeSeries"
          stat    = widget.stat
          period  = 60
          metrics = widget.metrics
        }
      }
    ]
  })
}
