output "name" {
  description = "The function's name."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "The function's ARN."
  value       = aws_lambda_function.this.arn
}

output "invoke_arn" {
  description = "The ARN by which API Gateway calls it."
  value       = aws_lambda_function.this.invoke_arn
}

output "policies" {
  description = "What it may do: one policy document per concern, for those who check."
  value       = merge(local.own, var.policies)
}

output "log_retention_days" {
  description = "How long its log is kept."
  value       = aws_cloudwatch_log_group.this.retention_in_days
}

output "alarms" {
  description = "The names of its alarms."
  value = [
    aws_cloudwatch_metric_alarm.errors.alarm_name,
    aws_cloudwatch_metric_alarm.throttles.alarm_name,
    aws_cloudwatch_metric_alarm.duration.alarm_name,
  ]
}

output "architecture" {
  description = "What it runs on."
  value       = one(aws_lambda_function.this.architectures)
}

output "alarm_actions" {
  description = "Where all of its alarms go."
  value = setunion(
    aws_cloudwatch_metric_alarm.errors.alarm_actions,
    aws_cloudwatch_metric_alarm.throttles.alarm_actions,
    aws_cloudwatch_metric_alarm.duration.alarm_actions,
  )
}
