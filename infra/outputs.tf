output "api_url" {
  description = "Where the API is."
  value       = aws_apigatewayv2_api.this.api_endpoint
}

output "api_id" {
  description = "The API's id."
  value       = aws_apigatewayv2_api.this.id
}

output "issuer" {
  description = "Whose tokens the API takes."
  value       = local.issuer
}

output "audience" {
  description = "For whom those tokens must be."
  value       = local.audience
}

output "user_pool_id" {
  description = "The user pool; null with an issuer outside."
  value       = one(aws_cognito_user_pool.members[*].id)
}

output "user_pool_clients" {
  description = "The ids under which the phone app and the console sign people in."
  value       = { for name, client in aws_cognito_user_pool_client.app : name => client.id }
}

output "prefix" {
  description = "What every name begins with: the tables are <prefix>-members and <prefix>-reports."
  value       = local.prefix
}

output "media_bucket" {
  description = "The bucket of the media."
  value       = aws_s3_bucket.media.id
}

output "notices_topic_arn" {
  description = "The topic of the notices: subscribe whatever carries them to people."
  value       = aws_sns_topic.notices.arn
}

output "alarm_topic_arn" {
  description = "The topic of the alarms."
  value       = aws_sns_topic.alarms.arn
}

output "failure_queues" {
  description = "The queues for what a function could not take."
  value       = { for name, queue in aws_sqs_queue.failures : name => queue.url }
}

output "functions" {
  description = "The functions' names, for logs and roll-backs."
  value       = { for name, function in module.function : name => function.name }
}

output "permissions" {
  description = "What each function may touch: its tables, and one policy document per concern. For those who check."
  value = {
    for name, function in module.function : name => {
      tables   = local.read_tables[name]
      policies = function.policies
    }
  }
}
