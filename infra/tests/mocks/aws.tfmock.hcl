# What AWS would answer, where the provider insists on its form. Everything else is made up
# by Terraform, differently for each resource, so that it shows what is bound to what.

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_partition" {
  defaults = {
    partition  = "aws"
    dns_suffix = "amazonaws.com"
  }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
}

override_resource {
  target = aws_iam_role.scanner[0]
  values = { arn = "arn:aws:iam::123456789012:role/scanner" }
}

# What a schedule starts has to look like a function.
override_resource {
  target = module.function["briefing"].aws_lambda_function.this
  values = { arn = "arn:aws:lambda:us-east-1:123456789012:function:pingan-dev-briefing" }
}

override_resource {
  target = aws_iam_role.moments
  values = { arn = "arn:aws:iam::123456789012:role/moments" }
}

override_resource {
  target = aws_iam_role.retries
  values = { arn = "arn:aws:iam::123456789012:role/retries" }
}

# What a schedule starts.
override_resource {
  target = module.function["award-run"].aws_lambda_function.this
  values = { arn = "arn:aws:lambda:us-east-1:123456789012:function:pingan-dev-award-run" }
}

override_resource {
  target = module.function["deadlines"].aws_lambda_function.this
  values = { arn = "arn:aws:lambda:us-east-1:123456789012:function:pingan-dev-deadlines" }
}

override_resource {
  target = module.function["reward-clock"].aws_lambda_function.this
  values = { arn = "arn:aws:lambda:us-east-1:123456789012:function:pingan-dev-reward-clock" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:mocked" }
}

mock_resource "aws_apigatewayv2_api" {
  defaults = { execution_arn = "arn:aws:execute-api:us-east-1:123456789012:mocked" }
}

mock_resource "aws_dynamodb_table" {
  defaults = { stream_arn = "arn:aws:dynamodb:us-east-1:123456789012:table/mocked/stream/mocked" }
}

override_resource {
  target = aws_dynamodb_table.this["documents"]
  values = { stream_arn = "arn:aws:dynamodb:us-east-1:123456789012:table/documents/stream/mocked" }
}

override_resource {
  target = aws_dynamodb_table.this["handovers"]
  values = { stream_arn = "arn:aws:dynamodb:us-east-1:123456789012:table/handovers/stream/mocked" }
}

override_resource {
  target = aws_dynamodb_table.this["members"]
  values = { stream_arn = "arn:aws:dynamodb:us-east-1:123456789012:table/members/stream/mocked" }
}

override_resource {
  target = aws_dynamodb_table.this["notices"]
  values = { stream_arn = "arn:aws:dynamodb:us-east-1:123456789012:table/notices/stream/mocked" }
}

override_resource {
  target = aws_dynamodb_table.this["outcomes"]
  values = { stream_arn = "arn:aws:dynamodb:us-east-1:123456789012:table/outcomes/stream/mocked" }
}

override_resource {
  target = aws_dynamodb_table.this["reports"]
  values = { stream_arn = "arn:aws:dynamodb:us-east-1:123456789012:table/reports/stream/mocked" }
}

override_resource {
  target = aws_dynamodb_table.this["tasks"]
  values = { stream_arn = "arn:aws:dynamodb:us-east-1:123456789012:table/tasks/stream/mocked" }
}

mock_resource "aws_cognito_user_pool" {
  defaults = { arn = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/mocked" }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:us-east-1:123456789012:mocked" }
}

override_resource {
  target = aws_sns_topic.alarms
  values = { arn = "arn:aws:sns:us-east-1:123456789012:alarms" }
}

mock_resource "aws_sqs_queue" {
  defaults = { arn = "arn:aws:sqs:us-east-1:123456789012:mocked" }
}

override_resource {
  target = aws_sqs_queue.failures["award-run"]
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:award-run-failures" }
}

override_resource {
  target = aws_sqs_queue.failures["deadlines"]
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:deadlines-failures" }
}

override_resource {
  target = aws_sqs_queue.failures["reward-clock"]
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:reward-clock-failures" }
}

override_resource {
  target = aws_sqs_queue.failures["briefing"]
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:briefing-failures" }
}

override_resource {
  target = aws_sqs_queue.failures["media-erase"]
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:media-erase-failures" }
}

override_resource {
  target = aws_sqs_queue.failures["media-intake"]
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:media-intake-failures" }
}

override_resource {
  target = aws_sqs_queue.failures["notify"]
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:notify-failures" }
}

override_resource {
  target = aws_sqs_queue.failures["task-clock"]
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:task-clock-failures" }
}

override_resource {
  target = aws_sqs_queue.failures["task-schedule"]
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:task-schedule-failures" }
}

override_resource {
  target = aws_sqs_queue.failures["webhook"]
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:webhook-failures" }
}

# Each key is called after what it seals, so that a policy shows whose key it names. A new
# table's key has to be added here.
mock_resource "aws_kms_key" {
  defaults = { arn = "arn:aws:kms:us-east-1:123456789012:key/mocked" }
}

override_resource {
  target = aws_kms_key.functions
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/functions" }
}

override_resource {
  target = aws_kms_key.identity
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/identity" }
}

override_resource {
  target = aws_kms_key.media
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/media" }
}

override_resource {
  target = aws_kms_key.messages
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/messages" }
}

override_resource {
  target = aws_kms_key.webhooks
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/webhooks" }
}

override_resource {
  target = aws_kms_key.table["documents"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/table/documents" }
}

override_resource {
  target = aws_kms_key.table["handovers"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/table/handovers" }
}

override_resource {
  target = aws_kms_key.table["outcomes"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/table/outcomes" }
}

override_resource {
  target = aws_kms_key.table["rewards"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/table/rewards" }
}

override_resource {
  target = aws_kms_key.table["tallies"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/table/tallies" }
}

override_resource {
  target = aws_kms_key.table["identities"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/table/identities" }
}

override_resource {
  target = aws_kms_key.table["members"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/table/members" }
}

override_resource {
  target = aws_kms_key.table["notices"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/table/notices" }
}

override_resource {
  target = aws_kms_key.table["reports"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/table/reports" }
}

override_resource {
  target = aws_kms_key.table["tasks"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/table/tasks" }
}
