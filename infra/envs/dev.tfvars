# For trying things out: nothing here is worth keeping.
environment         = "dev"
region              = "ap-southeast-1"
link_base           = "https://app.dev.example.org/reports/"
task_link_base      = "https://app.dev.example.org/tasks/"
briefing_link_base  = "https://console.dev.example.org/briefings/"
join_base           = "https://app.dev.example.org/join/"
allowed_origins     = ["http://localhost:5173"]
protect_data        = false
reserve_concurrency = false
allow_admin_sign_in = true
log_retention_days  = 30
throttle            = { rate = 50, burst = 100 }
