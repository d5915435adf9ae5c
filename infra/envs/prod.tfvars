# The district. The regions of China have no Cognito user pools: people sign in at the
# city's own issuer there.
environment        = "prod"
region             = "cn-north-1"
link_base          = "https://app.example.org/reports/"
task_link_base     = "https://app.example.org/tasks/"
briefing_link_base = "https://console.example.org/briefings/"
join_base          = "https://app.example.org/join/"
allowed_origins    = ["https://console.example.org"]
issuer = {
  url      = "https://id.example.org"
  audience = ["pingan"]
}
calendar_file      = "calendars/cn.json"
log_retention_days = 365
alarm_email        = "on-call@example.org"
