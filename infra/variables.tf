variable "name" {
  description = "The name of the application; with the environment it begins the name of everything."
  type        = string
  default     = "pingan"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.name))
    error_message = "The name is 2 to 16 characters out of a-z, 0-9 and '-', and begins with a letter."
  }
}

variable "environment" {
  description = "Which deployment this is."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "The environment is dev, staging or prod."
  }
}

variable "region" {
  description = "The region in which everything stands."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "The region is written like ap-southeast-1 or cn-north-1."
  }
}

variable "account_id" {
  description = "The only account in which this may be applied; null to take whichever the credentials are for."
  type        = string
  default     = null

  validation {
    condition     = var.account_id == null || can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id is twelve digits."
  }
}

variable "architecture" {
  description = "What the functions run on. The packages must have been built for the same."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "package_folder" {
  description = "The folder of the packages, one <function>.zip each; null for where cargo bundle puts them."
  type        = string
  default     = null
}

variable "require_packages" {
  description = "Whether a function without its package is an error. False only to look at a plan before anything is built."
  type        = bool
  default     = true
}

variable "openapi_file" {
  description = "The description from which the routes are made; null for openapi.json beside this. Only tests give another."
  type        = string
  default     = null
}

variable "cursor_key" {
  description = "The secret from which each function's key for signing list cursors is derived. Give it as TF_VAR_cursor_key, never in a file. It may change at any time: lists then start again."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.cursor_key) >= 32
    error_message = "The cursor key has at least 32 characters; `openssl rand -hex 32` makes one."
  }
}

variable "hash_key" {
  description = "The secret that hashes phone numbers and invitations. Give it as TF_VAR_hash_key, never in a file, and keep it: with another one every number is unknown and could be recruited twice."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.hash_key) >= 32
    error_message = "The hash key has at least 32 characters; `openssl rand -hex 32` makes one."
  }
}

variable "join_base" {
  description = "Where the app takes the code of a poster: its QR code holds this address and the code."
  type        = string

  validation {
    condition     = can(regex("^https://[^ ]+/$", var.join_base))
    error_message = "The join base is an address that ends in a slash, like https://app.example.org/join/."
  }
}

variable "retention_days" {
  description = "How long an identity is kept after its member has left, in days."
  type        = number
  default     = 180

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 3650 && floor(var.retention_days) == var.retention_days
    error_message = "Identities are kept from 1 to 3650 whole days."
  }
}

variable "direct_accounts" {
  description = "Whether the tokens of an issuer outside hold the member's id itself; otherwise invitations link its accounts to members."
  type        = bool
  default     = false
}

variable "platform_applications" {
  description = "The SNS platform applications that reach devices, by platform: `apns`, `fcm`, `baidu`. Make them by hand: they hold the secrets of the app's stores."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for platform, arn in var.platform_applications :
      contains(["apns", "fcm", "baidu"], platform) && can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:app/[A-Z_]+/[A-Za-z0-9._-]+$", arn))
    ])
    error_message = "A platform application is apns, fcm or baidu, with the ARN of an SNS platform application."
  }
}

variable "time_zone" {
  description = "The district's time zone: it decides working hours and with them every deadline."
  type        = string
  default     = "Asia/Shanghai"

  validation {
    condition     = can(regex("^[A-Za-z_]+(/[A-Za-z_+-]+)*[0-9]*$", var.time_zone))
    error_message = "The time zone is a name of the IANA database, like Asia/Shanghai."
  }
}

variable "link_base" {
  description = "Where the app opens a report: a notice ends in this address and the report's code."
  type        = string

  validation {
    condition     = can(regex("^https?://[^ ]+/$", var.link_base))
    error_message = "The link base is an address that ends in a slash, like https://app.example.org/reports/."
  }
}

variable "task_link_base" {
  description = "Where the app opens a task: a notice of one ends in this address and the task's code."
  type        = string

  validation {
    condition     = can(regex("^https?://[^ ]+/$", var.task_link_base))
    error_message = "The link base of tasks is an address that ends in a slash, like https://app.example.org/tasks/."
  }
}

variable "briefing_link_base" {
  description = "Where the console opens a briefing: a notice of one ends in this address and the briefing's code."
  type        = string

  validation {
    condition     = can(regex("^https?://[^ ]+/$", var.briefing_link_base))
    error_message = "The link base of briefings is an address that ends in a slash, like https://console.example.org/briefings/."
  }
}

variable "allowed_origins" {
  description = "The origins of the managers' console, for CORS. Phones need none."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.allowed_origins : can(regex("^https?://[^/* ]+$", origin))])
    error_message = "An origin is written like https://console.example.org, without a path, and never '*'."
  }
}

variable "issuer" {
  description = "An OIDC issuer outside this deployment, whose tokens the API takes; null to make a Cognito user pool."
  type = object({
    url      = string
    audience = list(string)
  })
  default = null

  validation {
    condition     = var.issuer == null || can(regex("^https?://[^ ]+[^/ ]$", var.issuer.url))
    error_message = "The issuer's address is what its tokens say in `iss`: https://…, without a slash at the end."
  }

  validation {
    condition     = var.issuer == null || try(length(var.issuer.audience) > 0, false)
    error_message = "The issuer needs at least one audience: without one, tokens for any application would be taken."
  }
}

variable "member_claim" {
  description = "The claim of a token that holds the member's id; null for `username` with Cognito and `sub` with an issuer outside."
  type        = string
  default     = null
}

variable "allow_admin_sign_in" {
  description = "Whether who holds AWS credentials for it may sign in as a user of the pool by password: for tests, never for production."
  type        = bool
  default     = false
}

variable "protect_data" {
  description = "Whether tables, user pool and bucket refuse to be deleted. False only where nothing is worth keeping."
  type        = bool
  default     = true
}

variable "reserve_concurrency" {
  description = "Whether the functions' reserved concurrency is set. A new account has too little of it to reserve any."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "How long the logs of functions that open no report are kept. Those that do keep theirs for 400 days at least."
  type        = number
  default     = 90

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "originals_cold_after_days" {
  description = "After how many days originals go to colder storage, where they open as fast but cost more to open."
  type        = number
  default     = 90

  validation {
    condition     = var.originals_cold_after_days >= 30
    error_message = "Originals stay in ordinary storage for 30 days at least; colder storage charges for that long anyway."
  }
}

variable "calendar_file" {
  description = "A JSON file with the working hours, the published holidays and make-up working days, and how long each stage may take, like calendars/cn.json; calendars/README.md describes it. Null for weekdays from 9 to 17 o'clock and the default hours. A new year's holidays take effect with the next apply, for deadlines that are set from then on."
  type        = string
  default     = null

  validation {
    condition     = var.calendar_file == null || can(jsondecode(file(var.calendar_file)))
    error_message = "The calendar file cannot be read, or is not JSON."
  }

  # Lambda takes 4 KB for all settings of a function together.
  validation {
    condition     = var.calendar_file == null || try(length(base64encode(jsonencode(jsondecode(file(var.calendar_file))))) <= 3412, true)
    error_message = "The calendar file has more than 2,560 bytes without its blanks: leave the years out that are over."
  }

  validation {
    condition = var.calendar_file == null || try(
      length(setsubtract(keys(jsondecode(file(var.calendar_file))), ["opens", "closes", "festivals", "hours"])) == 0
      && alltrue([
        for festival in try(jsondecode(file(var.calendar_file)).festivals, []) :
        can(formatdate("YYYY", "${festival.from}T00:00:00Z")) && can(formatdate("YYYY", "${festival.to}T00:00:00Z"))
    ]), true)
    error_message = "The calendar file has opens, closes, festivals and hours, and each festival a day from and to like 2026-10-01."
  }
}

variable "media_limits" {
  description = "What a report, or an answer, may carry of each kind: how many, how large each in bytes, and how long each in seconds, where that is limited. A kind that is not named keeps its default; a count of 0 takes none of it."
  type = object({
    image = optional(object({
      max_count   = number
      max_bytes   = number
      max_seconds = optional(number)
    }), { max_count = 10, max_bytes = 20971520 })
    video = optional(object({
      max_count   = number
      max_bytes   = number
      max_seconds = optional(number)
    }), { max_count = 1, max_bytes = 524288000 })
    voice = optional(object({
      max_count   = number
      max_bytes   = number
      max_seconds = optional(number)
    }), { max_count = 3, max_bytes = 31457280, max_seconds = 600 })
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for limits in var.media_limits : limits.max_count >= 0 && floor(limits.max_count) == limits.max_count
    ]) && sum([for limits in var.media_limits : limits.max_count]) <= 20
    error_message = "The counts are whole numbers, none below 0, and 20 together at most: more than that no report carries."
  }

  validation {
    condition = alltrue([
      for kind, most in { image = 33554432, video = 4294967296, voice = 67108864 } :
      var.media_limits[kind].max_bytes >= 1 && var.media_limits[kind].max_bytes <= most
      && floor(var.media_limits[kind].max_bytes) == var.media_limits[kind].max_bytes
    ])
    error_message = "A picture has 1 byte to 32 MiB and voice to 64 MiB, because media-intake holds them whole; a video to 4 GiB. The numbers are whole."
  }

  validation {
    condition = alltrue([
      for seconds in [for limits in var.media_limits : coalesce(limits.max_seconds, 1)] :
      seconds >= 1 && seconds <= 86400 && floor(seconds) == seconds
    ])
    error_message = "A recording lasts 1 to 86400 whole seconds, or as long as its size lets it."
  }
}

variable "malware_scan" {
  description = "Who scans uploads for malware. guardduty: GuardDuty Malware Protection for S3, which is set up here. tags: another scanner, which sets the tag GuardDutyMalwareScanStatus as GuardDuty does; nothing is set up for it. off: nobody. Uploads are then not scanned, and what is opened may be malware."
  type        = string
  default     = "guardduty"

  validation {
    condition     = contains(["guardduty", "tags", "off"], var.malware_scan)
    error_message = "The malware scan is guardduty, tags or off."
  }
}

variable "scanner_role_arn" {
  description = "With malware_scan = \"tags\": the role of the scanner, which alone may then tag objects of the media bucket. Null when it is not known: everybody whose own policies allow it may then tag. Without effect otherwise."
  type        = string
  default     = null

  validation {
    condition     = var.scanner_role_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]+$", var.scanner_role_arn))
    error_message = "The scanner's role is the ARN of an IAM role, like arn:aws:iam::123456789012:role/scanner, without wildcards."
  }
}

variable "throttle" {
  description = "How many requests a second the API takes in all, and how many at once on top of that."
  type = object({
    rate  = number
    burst = number
  })
  default = { rate = 200, burst = 400 }

  validation {
    condition     = var.throttle.rate > 0 && var.throttle.burst >= var.throttle.rate
    error_message = "The rate is positive and the burst is no less than the rate."
  }
}

variable "stream_retries" {
  description = "How often a batch of stream records is tried again before the record that fails is put into the failure queue."
  type        = number
  default     = 20

  validation {
    condition     = var.stream_retries >= 1 && var.stream_retries <= 1000
    error_message = "A batch is tried again 1 to 1000 times."
  }
}

variable "stream_max_age_seconds" {
  description = "How old a stream record that cannot be taken grows before it is put into the failure queue."
  type        = number
  default     = 21600

  validation {
    condition     = var.stream_max_age_seconds >= 60 && var.stream_max_age_seconds <= 43200
    error_message = "A stream record waits 60 to 43200 seconds: DynamoDB keeps it for a day, and who mends the cause needs the other half."
  }
}

variable "alarm_email" {
  description = "Who is told of alarms; null for nobody, when something else subscribes to the alarm topic."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null || can(regex("^[^@ ]+@[^@ ]+$", var.alarm_email))
    error_message = "The alarm address is an e-mail address."
  }
}
