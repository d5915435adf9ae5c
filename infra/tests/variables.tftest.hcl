# Every rule for a variable refuses what it is there to refuse. A run costs a second or two,
# so each gives all variables a bad value at once: every one of them has to be refused.

mock_provider "aws" {
  source = "./tests/mocks"
}

# Nothing else is in the way.
run "what_is_allowed" {
  command = plan

  variables {
    account_id       = "123456789012"
    allowed_origins  = ["http://localhost:5173", "https://console.example.org"]
    alarm_email      = "on-call@example.org"
    issuer           = { url = "https://id.example.org/realms/pingan", audience = ["pingan"] }
    throttle         = { rate = 50, burst = 50 }
    time_zone        = "America/Argentina/Buenos_Aires"
    calendar_file    = "calendars/cn.json"
    malware_scan     = "tags"
    scanner_role_arn = "arn:aws-cn:iam::123456789012:role/security/scan.uploads"
    # Each at its most.
    media_limits = {
      image = { max_count = 12, max_bytes = 33554432 }
      video = { max_count = 3, max_bytes = 4294967296, max_seconds = 86400 }
      voice = { max_count = 5, max_bytes = 67108864, max_seconds = 1 }
    }
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
    task_link_base            = "https://app.example.org/tasks"
    briefing_link_base        = "https://console.example.org/briefings"
    allowed_origins           = ["*"]
    issuer                    = { url = "https://id.example.org/", audience = ["pingan"] }
    log_retention_days        = 100
    originals_cold_after_days = 29
    throttle                  = { rate = 0, burst = 100 }
    stream_retries            = 0
    stream_max_age_seconds    = 59
    alarm_email               = "on-call"
    calendar_file             = "tests/fixtures/calendar-bad.json"
    malware_scan              = "clamav"
    scanner_role_arn          = "scanner"
    media_limits              = { image = { max_count = 17, max_bytes = 1 } }
  }

  expect_failures = [
    var.calendar_file,
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
    var.task_link_base,
    var.briefing_link_base,
    var.allowed_origins,
    var.issuer,
    var.log_retention_days,
    var.originals_cold_after_days,
    var.throttle,
    var.stream_retries,
    var.stream_max_age_seconds,
    var.alarm_email,
    var.malware_scan,
    var.scanner_role_arn,
    var.media_limits,
  ]
}

# The second way to break a rule, where there is one.
run "every_rule_refuses_the_next" {
  command = plan

  variables {
    name                   = "pingan-of-the-whole-city"
    account_id             = "12345678901x"
    link_base              = "pingan://reports/"
    task_link_base         = "pingan://tasks/"
    briefing_link_base     = "pingan://briefings/"
    allowed_origins        = ["https://console.example.org", "https://console.example.org/"]
    issuer                 = { url = "https://id.example.org", audience = [] }
    log_retention_days     = 0
    throttle               = { rate = 100, burst = 50 }
    stream_retries         = -1
    stream_max_age_seconds = 43201
    alarm_email            = "on-call@example.org, boss@example.org"
    malware_scan           = ""
    scanner_role_arn       = "arn:aws:iam::123456789012:role/*"
    media_limits           = { image = { max_count = 1, max_bytes = 33554433 } }
  }

  expect_failures = [
    var.name,
    var.account_id,
    var.link_base,
    var.task_link_base,
    var.briefing_link_base,
    var.allowed_origins,
    var.issuer,
    var.log_retention_days,
    var.throttle,
    var.stream_retries,
    var.stream_max_age_seconds,
    var.alarm_email,
    var.malware_scan,
    var.scanner_role_arn,
    var.media_limits,
  ]
}

# And the third.
run "every_rule_refuses_the_last" {
  command = plan

  variables {
    name             = "1pingan"
    allowed_origins  = ["https://*.example.org"]
    issuer           = { url = "id.example.org", audience = ["pingan"] }
    stream_retries   = 1001
    scanner_role_arn = "arn:aws:iam::123456789012:user/scanner"
    media_limits     = { voice = { max_count = 1, max_bytes = 1, max_seconds = 0 } }
  }

  expect_failures = [
    var.name,
    var.allowed_origins,
    var.issuer,
    var.stream_retries,
    var.scanner_role_arn,
    var.media_limits,
  ]
}

# The limits of the media have more rules than one, each of which has to refuse alone.
run "a_video_is_too_large" {
  command = plan

  variables {
    media_limits = { video = { max_count = 1, max_bytes = 4294967297 } }
  }

  expect_failures = [var.media_limits]
}

run "voice_is_too_large" {
  command = plan

  variables {
    media_limits = { voice = { max_count = 1, max_bytes = 67108865 } }
  }

  expect_failures = [var.media_limits]
}

run "nothing_fits" {
  command = plan

  variables {
    media_limits = { video = { max_count = 1, max_bytes = 0 } }
  }

  expect_failures = [var.media_limits]
}

run "fewer_than_none" {
  command = plan

  variables {
    media_limits = { video = { max_count = -1, max_bytes = 1 } }
  }

  expect_failures = [var.media_limits]
}

run "longer_than_a_day" {
  command = plan

  variables {
    media_limits = { video = { max_count = 1, max_bytes = 1, max_seconds = 86401 } }
  }

  expect_failures = [var.media_limits]
}
