# Every function of the bundle, in one table. From it come the functions themselves, their
# roles, their environment, their triggers and their alarms; a new function is a new row.
#
#   trigger       http (its routes stand in openapi.json), stream, uploads or schedule
#   stream        of which table, for those that a stream drives
#   tables        which tables it touches, by which actions, through which indexes
#   media         what it does with objects under uploads/
#   publishes     whether it sends notices
#   subscribes    whether it keeps the subscriptions and devices of those who are told
#   identities    what it does with the key that seals identities
#   accounts      what it does with the accounts of the user pool
#   opens_reports whether it opens reports: its log is then part of the audit trail
#   concurrency   reserved concurrency, only where it protects something; -1 for none

locals {
  # What a command on a report writes: all of it in one transaction, which IAM checks
  # item by item.
  commit = ["dynamodb:PutItem", "dynamodb:DeleteItem"]

  # What the three review functions do. A decision can name another report as the
  # original; the transaction checks that one without writing it.
  review = concat(["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:ConditionCheckItem"], local.commit)

  workflow_settings = ["MEMBERS_TABLE", "REPORTS_TABLE", "CURSOR_KEY", "TIME_ZONE"]
  sign_in_settings  = ["MEMBER_CLAIM", "ACCOUNTS"]
  http_settings     = concat(local.workflow_settings, local.sign_in_settings)
  commit_settings   = concat(local.http_settings, ["NOTICES_TABLE"])

  # Who is told of something is written with it.
  tell = { actions = ["dynamodb:PutItem"], indexes = [] }

  functions = {
    submission = {
      description     = "What reporters do: send in, read, answer, write, withdraw."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      opens_reports   = true
      settings        = local.commit_settings
      tables = {
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices = local.tell
        # Attaching a medium updates its record.
        reports = {
          actions = concat(["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem"], local.commit)
          indexes = ["reports-by-reporter"]
        }
      }
      media      = []
      publishes  = false
      subscribes = false
      identities = []
      accounts   = []
      schedule   = null
    }

    officer-review = {
      description     = "First review: what community officers decide."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      opens_reports   = true
      settings        = local.commit_settings
      tables = {
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices = local.tell
        reports = { actions = local.review, indexes = ["queue-by-stage", "reports-by-community"] }
      }
      media      = []
      publishes  = false
      subscribes = false
      identities = []
      accounts   = []
      schedule   = null
    }

    station-review = {
      description     = "Second review: what station managers decide."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      opens_reports   = true
      settings        = local.commit_settings
      tables = {
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices = local.tell
        reports = {
          actions = local.review
          indexes = ["queue-by-stage", "reports-by-community", "reports-by-station"]
        }
      }
      media      = []
      publishes  = false
      subscribes = false
      identities = []
      accounts   = []
      schedule   = null
    }

    district-review = {
      description     = "Third review: what district managers decide."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      opens_reports   = true
      settings        = local.commit_settings
      tables = {
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices = local.tell
        reports = {
          actions = local.review
          indexes = ["queue-by-stage", "reports-by-community", "reports-by-station", "reports-by-district"]
        }
      }
      media      = []
      publishes  = false
      subscribes = false
      identities = []
      accounts   = []
      schedule   = null
    }

    media = {
      description     = "Announces uploads and gives reviewers links; the bytes never pass through it."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      opens_reports   = true
      settings        = concat(local.http_settings, ["MEDIA_BUCKET"])
      tables = {
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        reports = { actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem"], indexes = [] }
      }
      # A signed request can do what its signer may do: these are the phone's and the
      # console's permissions.
      media      = ["s3:PutObject", "s3:GetObject"]
      publishes  = false
      subscribes = false
      identities = []
      accounts   = []
      schedule   = null
    }

    media-intake = {
      description = "Looks at every upload and says whether it is what it claims to be."
      trigger     = "uploads"
      # It holds a whole picture, 20 MiB at most, and hashes it.
      memory_mb       = 512
      timeout_seconds = 30
      # A storm of uploads must not take the account's concurrency away from the API.
      concurrency   = 20
      opens_reports = false
      settings      = concat(local.workflow_settings, ["MEDIA_BUCKET"])
      tables = {
        reports = { actions = ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], indexes = [] }
      }
      # Without the right to list, S3 calls a missing object forbidden, and the function
      # could not tell the two apart.
      media      = ["s3:GetObject", "s3:ListBucket"]
      publishes  = false
      subscribes = false
      identities = []
      accounts   = []
      schedule   = null
    }

    members = {
      description = "Recruits, registers, lists and changes members; keeps the lists of a district."
      trigger     = "http"
      # It reads a file of 20,000 people and seals each.
      memory_mb = 512
      # As long as API Gateway waits: an import works for 20 s and says what is left.
      timeout_seconds = 29
      concurrency     = -1
      # Who looked at an identity stands in its own trail; the log says when.
      opens_reports = true
      settings = concat(local.sign_in_settings, [
        "MEMBERS_TABLE", "IDENTITIES_TABLE", "NOTICES_TABLE", "CURSOR_KEY", "IDENTITY_KEY_ID", "HASH_KEY", "USER_POOL_ID",
        "JOIN_BASE", "RETENTION_DAYS", "NOTICES_TOPIC_ARN", "PLATFORM_APPLICATIONS",
      ])
      tables = {
        identities = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
          indexes = []
        }
        members = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"]
          indexes = ["invites-by-community", "members-by-community", "members-by-station", "members-by-district"]
        }
        # Everybody reads the own inbox.
        notices = { actions = ["dynamodb:PutItem", "dynamodb:Query"], indexes = [] }
      }
      media      = []
      publishes  = false
      subscribes = true
      identities = ["kms:Decrypt", "kms:GenerateDataKey"]
      accounts = [
        "cognito-idp:AdminCreateUser", "cognito-idp:AdminDeleteUser", "cognito-idp:AdminDisableUser",
        "cognito-idp:AdminEnableUser", "cognito-idp:AdminUpdateUserAttributes", "cognito-idp:AdminUserGlobalSignOut",
      ]
      schedule = null
    }

    custody = {
      description     = "Opens sealed identities: asked for, consented to, written down."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      opens_reports   = true
      settings = concat(local.sign_in_settings, [
        "MEMBERS_TABLE", "IDENTITIES_TABLE", "NOTICES_TABLE", "CURSOR_KEY", "IDENTITY_KEY_ID",
      ])
      tables = {
        identities = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"]
          indexes = ["openings-by-district"]
        }
        # The record of a command that was carried out.
        members = { actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem"], indexes = [] }
        notices = local.tell
      }
      media      = []
      publishes  = false
      subscribes = false
      identities = ["kms:Decrypt"]
      accounts   = []
      schedule   = null
    }

    notify = {
      description     = "Sends notices to the channels of those whom they are for, from their stream."
      trigger         = "stream"
      stream          = "notices"
      memory_mb       = 256
      timeout_seconds = 60
      concurrency     = -1
      opens_reports   = false
      settings        = ["MEMBERS_TABLE", "NOTICES_TOPIC_ARN", "LINK_BASE", "TIME_ZONE"]
      tables = {
        # The device and the quiet hours of whom a notice is for.
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices = { actions = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], indexes = [] }
      }
      media      = []
      publishes  = true
      subscribes = false
      identities = []
      accounts   = []
      schedule   = null
    }
  }

  # The value of every setting that a function can ask for, but for CURSOR_KEY, of which
  # each function has its own.
  settings = {
    ACCOUNTS          = local.accounts
    HASH_KEY          = var.hash_key
    IDENTITIES_TABLE  = local.table_names.identities
    IDENTITY_KEY_ID   = aws_kms_key.identity.arn
    JOIN_BASE         = var.join_base
    RETENTION_DAYS    = tostring(var.retention_days)
    USER_POOL_ID      = local.cognito ? one(aws_cognito_user_pool.members[*].id) : ""
    MEMBERS_TABLE     = local.table_names.members
    REPORTS_TABLE     = local.table_names.reports
    TIME_ZONE         = var.time_zone
    MEMBER_CLAIM      = local.member_claim
    MEDIA_BUCKET      = local.media_bucket
    NOTICES_TABLE     = local.table_names.notices
    NOTICES_TOPIC_ARN = local.notices_topic_arn
    LINK_BASE         = var.link_base

    PLATFORM_APPLICATIONS = join(",", [for platform, arn in var.platform_applications : "${platform}=${arn}"])
  }

  # The devices that a platform application knows.
  device_arns = [for arn in values(var.platform_applications) : "${replace(arn, ":app/", ":endpoint/")}/*"]

  package_folder = coalesce(var.package_folder, "${path.module}/packages/${var.architecture}")

  # What each function may do: one policy document per concern, and none for a concern that
  # it does not have. Indexes, streams and queues are named by their ARNs' grammar.
  policies = {
    for name, function in local.functions : name => {
      for concern, statements in {
        tables = [
          for table, use in function.tables : {
            Sid    = "Table${title(table)}"
            Effect = "Allow"
            Action = use.actions
            Resource = try(function.stream, null) == table ? ["${local.table_arns[table]}/stream/*"] : concat(
              [local.table_arns[table]],
              [for index in use.indexes : "${local.table_arns[table]}/index/${index}"],
            )
          }
        ]

        # DynamoDB asks KMS in the name of who asks DynamoDB; nothing but DynamoDB may.
        table-keys = [{
          Sid       = "TableKeys"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
          Resource  = [for table in keys(function.tables) : aws_kms_key.table[table].arn]
          Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${var.region}.${local.dns_suffix}" } }
        }]

        settings = [{
          Sid      = "OwnSettings"
          Effect   = "Allow"
          Action   = ["kms:Decrypt"]
          Resource = [aws_kms_key.functions.arn]
        }]

        media = [
          for actions in [
            { sid = "Uploads", on = "${local.media_bucket_arn}/uploads/*", of = setsubtract(function.media, ["s3:ListBucket"]) },
            { sid = "MissingOrForbidden", on = local.media_bucket_arn, of = setintersection(function.media, ["s3:ListBucket"]) },
            ] : {
            Sid      = actions.sid
            Effect   = "Allow"
            Action   = sort(actions.of)
            Resource = [actions.on]
          } if length(actions.of) > 0
        ]

        media-key = [
          for key in length(function.media) > 0 ? [aws_kms_key.media.arn] : [] : {
            Sid       = "MediaKey"
            Effect    = "Allow"
            Action    = contains(function.media, "s3:PutObject") ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"]
            Resource  = [key]
            Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.${local.dns_suffix}" } }
          }
        ]

        notices = [
          for topic in function.publishes ? [local.notices_topic_arn] : [] : {
            Sid      = "Notices"
            Effect   = "Allow"
            Action   = ["sns:Publish"]
            Resource = concat([topic], local.device_arns)
          }
        ]

        subscriptions = [
          for anything in function.subscribes ? ["*"] : [] : {
            Sid      = "Subscribe"
            Effect   = "Allow"
            Action   = ["sns:Subscribe"]
            Resource = [local.notices_topic_arn]
          }
        ]

        # SNS knows no resource for these: neither a subscription nor a device is one.
        channels = [
          for anything in function.subscribes ? ["*"] : [] : {
            Sid    = "Channels"
            Effect = "Allow"
            Action = [
              "sns:CreatePlatformEndpoint", "sns:DeleteEndpoint", "sns:SetEndpointAttributes",
              "sns:SetSubscriptionAttributes", "sns:Unsubscribe",
            ]
            Resource = [anything]
          }
        ]

        notices-key = [
          for key in function.publishes ? [aws_kms_key.messages.arn] : [] : {
            Sid       = "NoticesKey"
            Effect    = "Allow"
            Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
            Resource  = [key]
            Condition = { StringEquals = { "kms:ViaService" = "sns.${var.region}.${local.dns_suffix}" } }
          }
        ]

        # Only for what seals identities: the context names the purpose, and the function
        # adds whose identity it is.
        identities = [
          for key in length(function.identities) > 0 ? [aws_kms_key.identity.arn] : [] : {
            Sid       = "Identities"
            Effect    = "Allow"
            Action    = function.identities
            Resource  = [key]
            Condition = { StringEquals = { "kms:EncryptionContext:purpose" = "identity" } }
          }
        ]

        accounts = [
          for pool in length(function.accounts) > 0 ? aws_cognito_user_pool.members[*].arn : [] : {
            Sid      = "Accounts"
            Effect   = "Allow"
            Action   = function.accounts
            Resource = [pool]
          }
        ]

        # What a function could not take goes to its queue, in the function's own name.
        failures = [
          for queue in function.trigger == "http" ? [] : [local.failure_queues[name]] : {
            Sid      = "Failures"
            Effect   = "Allow"
            Action   = ["sqs:SendMessage"]
            Resource = ["arn:${local.partition}:sqs:${local.here}:${queue}"]
          }
        ]

        # Listing streams knows no resource; it tells their names and nothing in them.
        streams = [
          for anything in function.trigger == "stream" ? ["*"] : [] : {
            Sid      = "Streams"
            Effect   = "Allow"
            Action   = ["dynamodb:ListStreams"]
            Resource = [anything]
          }
        ]
      } : concern => statements if length(statements) > 0
    }
  }
}

module "function" {
  source   = "./modules/lambda-function"
  for_each = local.functions

  name         = "${local.prefix}-${each.key}"
  description  = each.value.description
  package      = "${local.package_folder}/${each.key}.zip"
  architecture = var.architecture

  require_package      = var.require_packages
  memory_mb            = each.value.memory_mb
  timeout_seconds      = each.value.timeout_seconds
  reserved_concurrency = var.reserve_concurrency ? each.value.concurrency : -1
  log_retention_days   = each.value.opens_reports ? max(400, var.log_retention_days) : var.log_retention_days
  environment_key_arn  = aws_kms_key.functions.arn
  alarm_topic_arn      = aws_sns_topic.alarms.arn
  log_group_arn_prefix = "arn:${local.partition}:logs:${local.here}:log-group"

  # The derived keys stand in the state and the secret itself does not; that one function
  # signs with its own key tells nothing of another's.
  environment = merge(
    { for setting in each.value.settings : setting => local.settings[setting] if setting != "CURSOR_KEY" },
    contains(each.value.settings, "CURSOR_KEY") ? { CURSOR_KEY = sha256("${local.prefix}-${each.key}:${var.cursor_key}") } : {},
  )

  policies = {
    for concern, statements in local.policies[each.key] :
    concern => jsonencode({ Version = "2012-10-17", Statement = statements })
  }
}

# The key of the functions' settings.
resource "aws_kms_key" "functions" {
  description             = "${local.prefix}: the settings of the functions"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_alias" "functions" {
  name          = "alias/${local.prefix}-functions"
  target_key_id = aws_kms_key.functions.key_id
}
