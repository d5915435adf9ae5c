# What every test starts from. Nothing is built, and nothing here is secret.
environment    = "dev"
region         = "us-east-1"
link_base      = "https://app.example.org/reports/"
task_link_base = "https://app.example.org/tasks/"

briefing_link_base = "https://console.example.org/briefings/"
join_base          = "https://app.example.org/join/"
hash_key           = "for tests only as well, and long enough"
cursor_key         = "for tests only, and long enough for its rule"
require_packages   = false
