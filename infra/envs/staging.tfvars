# As production, with made-up people.
environment        = "staging"
region             = "ap-southeast-1"
link_base          = "https://app.staging.example.org/reports/"
task_link_base     = "https://app.staging.example.org/tasks/"
briefing_link_base = "https://console.staging.example.org/briefings/"
join_base          = "https://app.staging.example.org/join/"
allowed_origins    = ["https://console.staging.example.org"]
calendar_file      = "calendars/cn.json"
log_retention_days = 90
alarm_email        = "on-call@example.org"
