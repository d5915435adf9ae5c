# Every rule for a variable refuses what it is there to refuse. A run costs a second or two,
# so each gives all variables a bad value at once: every one of them has to be refused.

mock_provider "aws" {
  source = "./tests/mocks"
}

# Nothing else is in the way.
run "what_is_allowed" {
  command = plan

  variables {
    account_id      = "123456789012"
    allowed_origins = ["http://localhost:5173", "https://console.example.org"]
    alarm_email     = "on-call@example.org"
    issuer          = { url = "https://id.example.org/realms/pingan", audience = ["pingan"] }
    throttle        = { rate = 50, burst = 50 }
    time_zone       = "America/Argentina/Buenos_Aires"
  }
}

# Each of these values breaks one rule; a rule that lets its value pass fails the run.
run "every_rule_refuses" {
  command = plan

  variables {
    name                      = "Pingan"
    environment               = "production"
    region                    = "us-east"
    account_id                = "12345"
    architecture              = "riscv64"
    cursor_key                = "0123456789012345678901234567890"
    hash_key                  = "0123456789012345678901234567890"
    join_base                 = "http://app.example.org/join/"
    retention_days            = 0
    time_zone                 = "UTC +8"
    link_base                 = "https://app.example.org/reports"
    allowed_origins           = ["*"]
    issuer                    = { url = "https://id.example.org/", audience = ["pingan"] }
    log_retention_days        = 100
    originals_cold_after_days = 29
    throttle                  = { rate = 0, burst = 100 }
    stream_retries            = 0
    stream_max_age_seconds    = 59
    alarm_email               = "on-call"
  }

  expect_failures = [
    var.name,
    var.environment,
    var.region,
    var.account_id,
    var.architecture,
    var.cursor_key,
    var.hash_key,
    var.join_base,
    var.retention_days,
    var.time_zone,
    var.link_base,
    var.allowed_origins,
    var.issuer,
    var.log_retention_days,
    var.originals_cold_after_days,
    var.throttle,
    var.stream_retries,
    var.stream_max_age_seconds,
    var.alarm_email,
  ]
}

# The second way to break a rule, where there is one.
run "every_rule_refuses_the_next" {
  command = plan

  variables {
    name                   = "pingan-of-the-whole-city"
    account_id             = "12345678901x"
    link_base              = "pingan://reports/"
    allowed_origins        = ["https://console.example.org", "https://console.example.org/"]
    issuer                 = { url = "https://id.example.org", audience = [] }
    log_retention_days     = 0
    throttle               = { rate = 100, burst = 50 }
    stream_retries         = -1
    stream_max_age_seconds = 43201
    alarm_email            = "on-call@example.org, boss@example.org"
  }

  expect_failures = [
    var.name,
    var.account_id,
    var.link_base,
    var.allowed_origins,
    var.issuer,
    var.log_retention_days,
    var.throttle,
    var.stream_retries,
    var.stream_max_age_seconds,
    var.alarm_email,
  ]
}

# And the third.
run "every_rule_refuses_the_last" {
  command = plan

  variables {
    name            = "1pingan"
    allowed_origins = ["https://*.example.org"]
    issuer          = { url = "id.example.org", audience = ["pingan"] }
    stream_retries  = 1001
  }

  expect_failures = [
    var.name,
    var.allowed_origins,
    var.issuer,
    var.stream_retries,
  ]
}
