# Whatever goes wrong, somebody is told, and whatever was opened can be looked up later.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # The shortest there is: it must not shorten the audit trail.
  log_retention_days = 30
}

run "bundle" {
  assert {
    condition     = aws_sns_topic.alarms.arn != aws_sns_topic.notices.arn
    error_message = "The mocks give the two topics the same ARN; nothing below could tell them apart."
  }

  assert {
    condition = alltrue([
      for name, function in module.function : toset(function.alarms) ==
      toset([for kind in ["errors", "throttles", "duration"] : "${local.prefix}-${name}-${kind}"])
    ])
    error_message = "A function lacks its alarm on errors, throttles or duration."
  }

  assert {
    condition = alltrue([
      for function in module.function : function.alarm_actions == toset([aws_sns_topic.alarms.arn])
    ])
    error_message = "A function's alarm goes elsewhere than to the alarm topic."
  }

  assert {
    condition = alltrue([
      for name, function in local.functions :
      contains(keys(aws_sqs_queue.failures), name) && contains(keys(aws_cloudwatch_metric_alarm.failures), name)
      if function.trigger != "http"
    ])
    error_message = "A function that nobody waits for has no failure queue, or its queue no alarm."
  }

  assert {
    condition = alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.failures :
      alarm.namespace == "AWS/SQS"
      && alarm.metric_name == "ApproximateNumberOfMessagesVisible"
      && alarm.dimensions == tomap({ QueueName = aws_sqs_queue.failures[name].name })
      && alarm.comparison_operator == "GreaterThanThreshold"
      && alarm.threshold == 0
    ])
    error_message = "The alarm of a failure queue does not ring at the first message."
  }

  # Nobody notices by themselves that nothing happens.
  assert {
    condition = { for name, hours in local.watched_jobs : name => hours } == { award-run = 1, deadlines = 1, reward-clock = 3 } && alltrue([
      keys(aws_cloudwatch_metric_alarm.absence) == keys(local.watched_jobs)
      ]) && alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.absence :
      alarm.treat_missing_data == "breaching"
      && alarm.comparison_operator == "LessThanThreshold" && alarm.threshold == 1 && alarm.evaluation_periods == 1
      && alarm.alarm_actions == toset([aws_sns_topic.alarms.arn])
      && toset([
        for query in alarm.metric_query :
        try("${query.metric[0].metric_name} ${query.metric[0].dimensions.FunctionName} ${query.metric[0].period}", query.expression)
      ]) == toset(["started - failed", "Errors ${module.function[name].name} ${3600 * local.watched_jobs[name]}", "Invocations ${module.function[name].name} ${3600 * local.watched_jobs[name]}"])
    ])
    error_message = "That the clock does not come to deadlines, rewards or period awards raises no alarm."
  }

  assert {
    condition = alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.iterator_age :
      alarm.namespace == "AWS/Lambda"
      && alarm.metric_name == "IteratorAge"
      && alarm.dimensions == tomap({ FunctionName = module.function[name].name })
      && alarm.threshold <= 300000
    ]) && length(aws_cloudwatch_metric_alarm.iterator_age) == length(local.streamed)
    error_message = "Nobody is told when a function falls five minutes behind its stream."
  }

  # The words are those of functions/webhook.
  assert {
    condition = (
      strcontains(aws_cloudwatch_log_metric_filter.undelivered.pattern, "a delivery has failed for good")
      && strcontains(file("../functions/webhook/src/lib.rs"), "\"a delivery has failed for good\"")
      && aws_cloudwatch_log_metric_filter.undelivered.log_group_name == "/aws/lambda/pingan-dev-webhook"
      && aws_cloudwatch_metric_alarm.undelivered.metric_name
      == one(aws_cloudwatch_log_metric_filter.undelivered.metric_transformation).name
      && aws_cloudwatch_metric_alarm.undelivered.namespace
      == one(aws_cloudwatch_log_metric_filter.undelivered.metric_transformation).namespace
      && aws_cloudwatch_metric_alarm.undelivered.threshold == 0
      && aws_cloudwatch_metric_alarm.undelivered.alarm_actions == toset([aws_sns_topic.alarms.arn])
    )
    error_message = "Nobody hears of a delivery that has failed for good."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.api_faults.namespace == "AWS/ApiGateway"
      && aws_cloudwatch_metric_alarm.api_faults.metric_name == "5xx"
      && aws_cloudwatch_metric_alarm.api_faults.dimensions == tomap({ ApiId = aws_apigatewayv2_api.this.id })
      && aws_cloudwatch_metric_alarm.api_faults.threshold == 0
    )
    error_message = "Nobody is told when the API answers with its own fault."
  }

  assert {
    condition = alltrue([
      for table, mocked in aws_dynamodb_table.this :
      alltrue([
        for kind, metric in { reads = "ReadThrottleEvents", writes = "WriteThrottleEvents" } :
        aws_cloudwatch_metric_alarm.table_faults["${table}-${kind}"].metric_name == metric
        && aws_cloudwatch_metric_alarm.table_faults["${table}-${kind}"].dimensions == tomap({ TableName = mocked.name })
      ])
    ])
    error_message = "Nobody is told when a table refuses requests."
  }

  assert {
    condition = alltrue([
      for alarm in concat(
        values(aws_cloudwatch_metric_alarm.failures),
        values(aws_cloudwatch_metric_alarm.iterator_age),
        values(aws_cloudwatch_metric_alarm.table_faults),
        [aws_cloudwatch_metric_alarm.api_faults],
      ) : alarm.alarm_actions == toset([aws_sns_topic.alarms.arn]) && coalesce(alarm.actions_enabled, true)
    ])
    error_message = "An alarm goes elsewhere than to the alarm topic."
  }

  # CloudWatch may use the key of the alarm topic, or no alarm would arrive.
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_kms_key.messages.policy).Statement :
      try(statement.Principal.Service, "") == "cloudwatch.amazonaws.com"
      && length(setsubtract(["kms:Decrypt", "kms:GenerateDataKey"], flatten([statement.Action]))) == 0
    ]) && aws_sns_topic.alarms.kms_master_key_id == aws_kms_key.messages.arn
    error_message = "CloudWatch cannot publish to the alarm topic."
  }

  assert {
    condition = alltrue([
      for name, function in local.functions : module.function[name].log_retention_days >= 365 if function.opens_reports
    ])
    error_message = "The log of a function that opens reports is kept for less than a year."
  }

  # Naming them here keeps a row from losing its mark unnoticed.
  assert {
    condition = alltrue([
      for name in ["submission", "officer-review", "station-review", "district-review", "media", "members", "custody", "outcomes"] :
      local.functions[name].opens_reports
    ])
    error_message = "A function that opens reports is no longer marked so."
  }

  assert {
    condition     = aws_cloudwatch_log_group.api.retention_in_days >= 365
    error_message = "The API's access log is kept for less than a year."
  }

  assert {
    condition = (
      aws_apigatewayv2_stage.default.access_log_settings[0].destination_arn == aws_cloudwatch_log_group.api.arn
    )
    error_message = "The API writes no access log."
  }

  assert {
    condition = (
      strcontains(aws_apigatewayv2_stage.default.access_log_settings[0].format, "$context.authorizer.claims.")
      && !can(regex("(?i)query|authorization\\b|rawPath", aws_apigatewayv2_stage.default.access_log_settings[0].format))
    )
    error_message = "The access log does not say who asked, or says what it must not."
  }

  assert {
    condition = alltrue([
      for name in concat(
        [for function in module.function : function.name],
        [for queue in aws_sqs_queue.failures : queue.name],
        [for table in aws_dynamodb_table.this : table.name],
        [aws_apigatewayv2_api.this.id],
      ) : strcontains(aws_cloudwatch_dashboard.this.dashboard_body, jsonencode(name))
    ])
    error_message = "The dashboard leaves a function, a failure queue, a table or the API out."
  }

  assert {
    condition = alltrue([
      for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets :
      widget.properties.region == "us-east-1"
    ])
    error_message = "The dashboard shows another region."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.alarms) == 0
    error_message = "Without an address somebody is subscribed to the alarms."
  }
}

run "somebody_on_call" {
  command = plan

  variables {
    alarm_email        = "on-call@example.org"
    log_retention_days = 731
  }

  assert {
    condition = (
      one(aws_sns_topic_subscription.alarms[*].endpoint) == "on-call@example.org"
      && one(aws_sns_topic_subscription.alarms[*].topic_arn) == aws_sns_topic.alarms.arn
    )
    error_message = "Who is on call is not told of alarms."
  }

  assert {
    condition     = alltrue([for function in module.function : function.log_retention_days == 731])
    error_message = "A log is kept for less long than was asked for."
  }
}

# The alarms of one function, looked at in its module.
run "one_function" {
  command = plan

  module {
    source = "./modules/lambda-function"
  }

  variables {
    name                 = "pingan-dev-sample"
    description          = "A function to look at."
    package              = "not-there.zip"
    require_package      = false
    architecture         = "arm64"
    memory_mb            = 256
    timeout_seconds      = 10
    reserved_concurrency = -1
    environment          = {}
    environment_key_arn  = "arn:aws:kms:us-east-1:123456789012:key/functions"
    policies             = {}
    log_group_arn_prefix = "arn:aws:logs:us-east-1:123456789012:log-group"
    alarm_topic_arn      = "arn:aws:sns:us-east-1:123456789012:alarms"
  }

  assert {
    condition = alltrue([
      for alarm in [
        aws_cloudwatch_metric_alarm.errors,
        aws_cloudwatch_metric_alarm.throttles,
        aws_cloudwatch_metric_alarm.duration,
      ] :
      alarm.namespace == "AWS/Lambda"
      && alarm.dimensions == tomap({ FunctionName = "pingan-dev-sample" })
      && alarm.comparison_operator == "GreaterThanThreshold"
      && alarm.alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:alarms"])
      && coalesce(alarm.actions_enabled, true)
    ])
    error_message = "An alarm of a function watches something else or tells somebody else."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.errors.metric_name == "Errors"
      && aws_cloudwatch_metric_alarm.errors.threshold == 0
      && aws_cloudwatch_metric_alarm.throttles.metric_name == "Throttles"
      && aws_cloudwatch_metric_alarm.throttles.threshold == 0
      && aws_cloudwatch_metric_alarm.duration.metric_name == "Duration"
      && aws_cloudwatch_metric_alarm.duration.statistic == "Maximum"
      && aws_cloudwatch_metric_alarm.duration.threshold < 10000
    )
    error_message = "A function's alarms do not ring at the first error or throttle, or before its time is over."
  }

  assert {
    condition = (
      aws_cloudwatch_log_group.this.retention_in_days == 30
      && aws_lambda_function.this.logging_config[0].log_group == aws_cloudwatch_log_group.this.name
    )
    error_message = "A function's log is another than the one that is kept for as long as was asked."
  }
}
