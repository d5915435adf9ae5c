# Tables, bucket, stream, functions and user pool are as safe as they are meant to be.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  allowed_origins = ["https://console.example.org"]
}

run "bundle" {
  # Tables

  assert {
    condition = alltrue([
      for table in aws_dynamodb_table.this :
      table.billing_mode == "PAY_PER_REQUEST"
      && table.point_in_time_recovery[0].enabled
      && table.deletion_protection_enabled
    ])
    error_message = "A table is not on demand, cannot be restored to a point in time, or can be deleted."
  }

  assert {
    condition = alltrue([
      for name, table in aws_dynamodb_table.this :
      table.server_side_encryption[0].enabled
      && table.server_side_encryption[0].kms_key_arn == aws_kms_key.table[name].arn
    ]) && length(distinct([for key in aws_kms_key.table : key.arn])) == length(aws_dynamodb_table.this)
    error_message = "A table is not sealed with a key of its own."
  }

  assert {
    condition = alltrue([
      for table in aws_dynamodb_table.this : table.ttl[0].enabled && table.ttl[0].attribute_name == "expires_at"
    ])
    error_message = "Items of a table do not expire by expires_at."
  }

  # A stream of identities or of counters would go nowhere.
  assert {
    condition = (
      toset([for name, table in aws_dynamodb_table.this : name if table.stream_enabled])
      == toset(flatten([for name in keys(local.streamed) : local.streamed_tables[name]]))
    )
    error_message = "Other tables have a stream than those that drive a function."
  }

  assert {
    condition = alltrue([
      for table in aws_dynamodb_table.this : table.stream_view_type == "NEW_IMAGE" if table.stream_enabled
    ])
    error_message = "A stream does not show what was written."
  }

  # The file is held to the store by a test of the store.
  assert {
    condition = jsonencode(jsondecode(file("tests/fixtures/tables.json"))) == jsonencode({
      for name, table in aws_dynamodb_table.this : name => {
        keys   = "${table.hash_key}, ${table.range_key}"
        stream = table.stream_enabled
        indexes = {
          for index in table.global_secondary_index : index.name => {
            keys  = "${index.hash_key}, ${index.range_key}"
            shows = index.projection_type == "ALL" ? "everything" : index.projection_type == "KEYS_ONLY" ? "keys" : join(", ", sort(index.non_key_attributes))
          }
        }
      }
    })
    error_message = "The tables, their keys, streams or indexes are others than the store's, see tests/fixtures/tables.json."
  }

  # Lists show nothing of a report's texts. What has been answered to a task is itself the list.
  assert {
    condition = alltrue(flatten([
      for table in aws_dynamodb_table.this : [
        for index in table.global_secondary_index : index.projection_type == "INCLUDE" && length(setintersection(
          concat(["description", "text", "note", "reporter"], index.name == "answers-by-task" ? [] : ["answer"]),
          coalesce(index.non_key_attributes, []),
        )) == 0 || index.projection_type == "KEYS_ONLY"
        # Whose items are written for these lists, and hold nothing else.
        || contains(["deadlines-by-node", "open-reports-by-node", "rewards-by-reporter"], index.name)
      ]
    ]))
    error_message = "An index shows more than lists need."
  }

  # DynamoDB takes no table whose indexes show more, each of them counted:
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
  assert {
    condition = alltrue([
      for table in aws_dynamodb_table.this :
      length(flatten([for index in table.global_secondary_index : tolist(coalesce(index.non_key_attributes, []))])) <= 100
      && alltrue([for index in table.global_secondary_index : length(coalesce(index.non_key_attributes, [])) <= 20])
    ])
    error_message = "The indexes of a table show more than a hundred attributes, or one of them more than twenty."
  }

  assert {
    condition = alltrue([
      for key in concat(values(aws_kms_key.table), [aws_kms_key.functions, aws_kms_key.media, aws_kms_key.messages]) :
      key.enable_key_rotation && key.deletion_window_in_days == 30
    ])
    error_message = "A key is not rotated, or could be gone within thirty days."
  }

  # Bucket

  # A version would stand behind every object that was erased. Its resource would be anywhere.
  assert {
    condition = !aws_s3_bucket.media.force_destroy && alltrue([
      for name in concat(tolist(fileset(".", "*.tf")), tolist(fileset(".", "modules/**/*.tf"))) :
      !can(regex("aws_s3_bucket_versioning|\\sversioning\\s*\\{", file(name)))
    ])
    error_message = "The bucket keeps versions of what was erased, or can be destroyed with what is in it."
  }

  assert {
    condition = (
      aws_s3_bucket_public_access_block.media.block_public_acls
      && aws_s3_bucket_public_access_block.media.block_public_policy
      && aws_s3_bucket_public_access_block.media.ignore_public_acls
      && aws_s3_bucket_public_access_block.media.restrict_public_buckets
    )
    error_message = "The bucket can be made public."
  }

  assert {
    condition = alltrue([
      for part in [
        aws_s3_bucket_public_access_block.media, aws_s3_bucket_ownership_controls.media,
        aws_s3_bucket_server_side_encryption_configuration.media, aws_s3_bucket_policy.media,
        aws_s3_bucket_lifecycle_configuration.media, aws_s3_bucket_cors_configuration.media[0],
        aws_s3_bucket_notification.media,
      ] : part.bucket == aws_s3_bucket.media.id
    ])
    error_message = "A rule for the bucket is about another bucket."
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_server_side_encryption_configuration.media.rule : [
        for default in rule.apply_server_side_encryption_by_default :
        [default.sse_algorithm, default.kms_master_key_id]
      ]
    ] == [[["aws:kms", aws_kms_key.media.arn]]]
    error_message = "The media are not sealed with their own key."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.media.policy).Statement :
      statement.Effect == "Deny" && statement.Principal == "*" && statement.Action == "s3:*"
      && statement.Condition == { Bool = { "aws:SecureTransport" = "false" } }
      && toset(statement.Resource) == toset([local.media_bucket_arn, "${local.media_bucket_arn}/*"])
    ])
    error_message = "The bucket answers without TLS."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_s3_bucket_policy.media.policy).Statement : statement.Effect == "Deny"
    ])
    error_message = "The bucket's own policy lets somebody in."
  }

  # Evidence never goes by age: only colder. What goes is what nothing took.
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.media.rule : rule.status == "Enabled"
      && length(rule.noncurrent_version_expiration) == 0 && length(rule.noncurrent_version_transition) == 0
      ]) && flatten([
      for rule in aws_s3_bucket_lifecycle_configuration.media.rule : [
        [for abort in rule.abort_incomplete_multipart_upload : "half ones go after ${abort.days_after_initiation}"],
        [for expiration in rule.expiration : "${rule.filter[0].prefix} goes after ${expiration.days}"],
        [for transition in rule.transition : "${rule.filter[0].prefix} ${transition.storage_class} after ${transition.days}"],
      ]
      ]) == [
      "half ones go after 1", "uploads/ goes after 2", "exports/ goes after 8", "briefings/ goes after 1100",
      "originals/ GLACIER_IR after 90",
    ]
    error_message = "The media's life is another: half uploads, what was not taken, and cold storage."
  }

  assert {
    condition = (
      one(aws_s3_bucket_cors_configuration.media[0].cors_rule).allowed_origins == toset(["https://console.example.org"])
      && one(aws_s3_bucket_cors_configuration.media[0].cors_rule).allowed_methods == toset(["GET", "PUT", "HEAD"])
      && one(aws_apigatewayv2_api.this.cors_configuration).allow_origins == toset(["https://console.example.org"])
    )
    error_message = "Browsers may come from elsewhere than the allowed origins."
  }

  assert {
    condition = (
      one(aws_s3_bucket_cors_configuration.media[0].cors_rule).expose_headers
      == toset(["ETag", "Content-Range", "Accept-Ranges"])
    )
    error_message = "A browser cannot see which part has arrived, or which piece it was given."
  }

  assert {
    condition = (
      one(aws_s3_bucket_notification.media.lambda_function).lambda_function_arn == module.function["media-intake"].arn
      && one(aws_s3_bucket_notification.media.lambda_function).events
      == toset(["s3:ObjectCreated:*", "s3:ObjectTagging:Put"])
      && one(aws_s3_bucket_notification.media.lambda_function).filter_prefix == "uploads/"
      && one(aws_s3_bucket_notification.media.lambda_function).filter_suffix == null
    )
    error_message = "media-intake is not told of uploads and of their scan, or is told of more."
  }

  # Scan

  assert {
    condition     = aws_s3_bucket_notification.media.eventbridge
    error_message = "GuardDuty does not hear of uploads, or switches that on behind Terraform's back."
  }

  assert {
    condition = (
      one(aws_guardduty_malware_protection_plan.media[*].role) == "arn:aws:iam::123456789012:role/scanner"
      && one(one(aws_guardduty_malware_protection_plan.media).protected_resource).s3_bucket[0].bucket_name
      == aws_s3_bucket.media.id
      && one(one(aws_guardduty_malware_protection_plan.media).protected_resource).s3_bucket[0].object_prefixes
      == toset(["uploads/"])
      && one(aws_guardduty_malware_protection_plan.media).actions[0].tagging[0].status == "ENABLED"
    )
    error_message = "Uploads are not scanned unless somebody asks for it."
  }

  assert {
    condition = [
      for statement in jsondecode(one(aws_iam_role.scanner).assume_role_policy).Statement :
      [statement.Effect, statement.Action, statement.Principal]
    ] == [["Allow", "sts:AssumeRole", { Service = "malware-protection-plan.guardduty.amazonaws.com" }]]
    error_message = "Somebody else than GuardDuty may take the scanner's role."
  }

  # Written out a second time: what GuardDuty gets of the bucket is uploads.
  assert {
    condition = (
      one(aws_iam_role_policy.scanner).role == one(aws_iam_role.scanner).id
      && toset(flatten([
        for statement in jsondecode(one(aws_iam_role_policy.scanner).policy).Statement : [
          for pair in setproduct(statement.Action, statement.Resource) :
          "${statement.Effect} ${pair[0]} ${pair[1]} ${jsonencode(try(statement.Condition, null))}"
        ]
        ])) == toset(concat(
        [
          for action in ["events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"] :
          "Allow ${action} arn:aws:events:us-east-1:123456789012:rule/DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3* {\"StringLike\":{\"events:ManagedBy\":\"malware-protection-plan.guardduty.amazonaws.com\"}}"
        ],
        [
          for action in ["events:DescribeRule", "events:ListTargetsByRule"] :
          "Allow ${action} arn:aws:events:us-east-1:123456789012:rule/DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3* null"
        ],
        [
          for action in ["s3:GetBucketNotification", "s3:PutBucketNotification", "s3:ListBucket"] :
          "Allow ${action} arn:aws:s3:::pingan-dev-media-123456789012 null"
        ],
        ["Allow s3:PutObject arn:aws:s3:::pingan-dev-media-123456789012/malware-protection-resource-validation-object null"],
        [
          for action in [
            "s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectVersionTagging",
            "s3:PutObjectTagging", "s3:PutObjectVersionTagging",
          ] : "Allow ${action} arn:aws:s3:::pingan-dev-media-123456789012/uploads/* null"
        ],
        [
          for action in ["kms:Decrypt", "kms:GenerateDataKey"] :
          "Allow ${action} ${aws_kms_key.media.arn} {\"StringLike\":{\"kms:ViaService\":\"s3.us-east-1.amazonaws.com\"}}"
        ],
      ))
    )
    error_message = "GuardDuty may do something else than scan and tag uploads."
  }

  # The role and whoever has taken it on, and nobody else.
  assert {
    condition = [
      for statement in jsondecode(aws_s3_bucket_policy.media.policy).Statement : statement
      if anytrue([for action in flatten([statement.Action]) : strcontains(action, "Tagging")])
      ] == [{
        Sid       = "OnlyTheScannerTags"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:PutObjectTagging", "s3:PutObjectVersionTagging"]
        Resource  = ["arn:aws:s3:::pingan-dev-media-123456789012/*"]
        Condition = {
          ArnNotLike = {
            "aws:PrincipalArn" = [
              "arn:aws:iam::123456789012:role/pingan-dev-malware-scan",
              "arn:aws:sts::123456789012:assumed-role/pingan-dev-malware-scan/*",
            ]
          }
        }
    }]
    error_message = "Somebody else than the scanner can call an upload clean."
  }

  assert {
    condition     = one(aws_iam_role.scanner).name == "pingan-dev-malware-scan"
    error_message = "The scanner's role has another name than the bucket's policy lets tag."
  }

  assert {
    condition = (
      local.settings.MALWARE_SCAN == "tags" && jsondecode(local.settings.MEDIA_LIMITS) == {
        image = { max_count = 10, max_bytes = 20971520 }
        video = { max_count = 1, max_bytes = 524288000 }
        voice = { max_count = 3, max_bytes = 31457280, max_seconds = 600 }
      }
    )
    error_message = "The functions are told of another scan, or of other limits."
  }

  # Whoever is not told keeps the limits of the code, and an intake that is not told of the scan
  # does not start.
  assert {
    condition = {
      for setting in ["MALWARE_SCAN", "MEDIA_BUCKET", "MEDIA_LIMITS"] : setting => [
        for name, function in local.functions : name if contains(function.settings, setting)
      ]
      } == {
      MALWARE_SCAN = ["media-intake"]
      MEDIA_BUCKET = ["briefing", "briefings", "export", "exports", "media", "media-erase", "media-intake"]
      MEDIA_LIMITS = ["media", "media-intake", "submission", "tasking"]
    }
    error_message = "A function is not told of the bucket, the limits or the scan, or is told for nothing."
  }

  # Who decides about deadlines goes by the same calendar.
  assert {
    condition = toset([for name, function in local.functions : name if contains(function.settings, "POLICY")]) == toset([
      "deadlines", "district-review", "handover", "officer-review", "station-review", "submission", "tasking",
    ]) && local.settings.POLICY == "{}"
    error_message = "A function that sets deadlines is not told of the calendar, or has one that nobody has given."
  }

  # Names of buckets are free to take once given up: the account belongs to the permission.
  assert {
    condition = (
      aws_lambda_permission.uploads.function_name == module.function["media-intake"].name
      && aws_lambda_permission.uploads.principal == "s3.amazonaws.com"
      && aws_lambda_permission.uploads.source_arn == local.media_bucket_arn
      && aws_lambda_permission.uploads.source_account == "123456789012"
      && aws_s3_bucket.media.bucket == "pingan-dev-media-123456789012"
    )
    error_message = "Another bucket than ours may call media-intake."
  }

  assert {
    condition = (
      aws_lambda_function_event_invoke_config.uploads.function_name == module.function["media-intake"].name
      && aws_lambda_function_event_invoke_config.uploads.maximum_retry_attempts <= 2
      && one(one(aws_lambda_function_event_invoke_config.uploads.destination_config).on_failure).destination
      == aws_sqs_queue.failures["media-intake"].arn
    )
    error_message = "An upload that media-intake cannot take is lost."
  }

  # Streams

  assert {
    condition = length(distinct([
      for table in aws_dynamodb_table.this : table.stream_arn if table.stream_enabled
    ])) == length(distinct([for mapping in local.mappings : mapping.table]))
    error_message = "The mocks give two streams the same ARN; nothing below could tell them apart."
  }

  assert {
    condition = {
      for name, mapping in aws_lambda_event_source_mapping.stream : name => toset([
        for filter in one(mapping.filter_criteria).filter : filter.pattern
      ])
      } == {
      export = toset([
        jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["export"] } } } }),
      ])
      briefing = toset([
        jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["briefing"] } } } }),
      ])
      media-erase = toset([
        jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["event"] }, erases = { BOOL = [true] } } } }),
        jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["event"] }, reason = { S = ["unfounded"] } } } }),
        jsonencode({ eventName = ["REMOVE"], dynamodb = { Keys = { pk = { S = [{ prefix = "MEDIA#" }] } } } }),
      ])
      notify = toset([
        jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["notice"] } } } }),
      ])
      reward-propose-outcomes = toset([
        jsonencode({ eventName = ["INSERT", "MODIFY"], dynamodb = { NewImage = { type = { S = ["matter_adopted"] } } } }),
        jsonencode({ eventName = ["INSERT", "REMOVE"], dynamodb = { Keys = { pk = { S = [{ prefix = "MATTER#" }] }, sk = { S = [{ prefix = "ALSO#" }] } } } }),
        jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["outcome_event"] } } } }),
      ])
      reward-propose-rewards = toset([
        jsonencode({ eventName = ["INSERT", "MODIFY"], dynamodb = { NewImage = { type = { S = ["matter_adopted"] } } } }),
        jsonencode({ eventName = ["INSERT", "REMOVE"], dynamodb = { Keys = { pk = { S = [{ prefix = "MATTER#" }] }, sk = { S = [{ prefix = "ALSO#" }] } } } }),
        jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["outcome_event"] } } } }),
      ])
      tally-members  = toset([jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["event", "member_event", "outcome_event", "reward_event"] } } } })])
      tally-outcomes = toset([jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["event", "member_event", "outcome_event", "reward_event"] } } } })])
      tally-reports  = toset([jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["event", "member_event", "outcome_event", "reward_event"] } } } })])
      tally-rewards  = toset([jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["event", "member_event", "outcome_event", "reward_event"] } } } })])
      task-schedule = toset([
        jsonencode({ eventName = ["INSERT", "MODIFY"], dynamodb = { Keys = { pk = { S = [{ prefix = "TASK#" }] }, sk = { S = ["TASK"] } } } }),
      ])
      webhook = toset([
        jsonencode({ eventName = ["INSERT", "MODIFY"], dynamodb = { NewImage = { type = { S = ["handover"] } } } }),
        jsonencode({ eventName = ["INSERT", "MODIFY"], dynamodb = { NewImage = { type = { S = ["delivery"] }, state = { S = ["pending"] } } } }),
      ])
    }
    error_message = "A function is called for other records of its stream than concern it."
  }

  assert {
    condition = jsonencode({ for name in keys(local.streamed) : name => sort(local.streamed_tables[name]) }) == jsonencode({
      briefing       = ["documents"]
      export         = ["documents"]
      media-erase    = ["reports"]
      notify         = ["notices"]
      reward-propose = ["outcomes", "rewards"]
      tally          = ["members", "outcomes", "reports", "rewards"]
      task-schedule  = ["tasks"]
      webhook        = ["handovers"]
    })
    error_message = "A function is driven by another table's stream."
  }

  assert {
    condition = alltrue([
      for name, mapping in aws_lambda_event_source_mapping.stream :
      mapping.function_name == module.function[local.mappings[name].function].arn
      && mapping.event_source_arn == aws_dynamodb_table.this[local.mappings[name].table].stream_arn
      && mapping.function_response_types == toset(["ReportBatchItemFailures"])
      && mapping.bisect_batch_on_function_error
      && one(one(mapping.destination_config).on_failure).destination_arn == aws_sqs_queue.failures[local.mappings[name].function].arn
    ]) && toset([for mapping in local.mappings : mapping.function]) == toset(keys(local.streamed))
    error_message = "A record that a function cannot take costs others, or is lost."
  }

  # -1 would be for ever: one poisoned record would hold up all others of its shard.
  assert {
    condition = alltrue([
      for mapping in aws_lambda_event_source_mapping.stream :
      mapping.maximum_retry_attempts == var.stream_retries
      && mapping.maximum_record_age_in_seconds == var.stream_max_age_seconds
      && mapping.starting_position == "TRIM_HORIZON" && mapping.parallelization_factor == 1
    ])
    error_message = "A record of the stream is tried for ever, skipped, or out of its inbox's order."
  }

  assert {
    condition = alltrue([
      for queue in aws_sqs_queue.failures : queue.message_retention_seconds == 1209600 && queue.sqs_managed_sse_enabled
    ])
    error_message = "What waits in a failure queue is not sealed, or is gone within two weeks."
  }

  # Moments

  assert {
    condition     = aws_scheduler_schedule_group.tasks.name == "pingan-dev-tasks"
    error_message = "The moments of tasks stand in another group than task-schedule may book in."
  }

  # What task-schedule is told is where it may book, and what the role may start.
  assert {
    condition = {
      for setting in keys(local.settings) : setting => local.settings[setting] if startswith(setting, "SCHEDULE_")
      } == {
      SCHEDULE_GROUP        = "pingan-dev-tasks"
      SCHEDULE_TARGET_ARN   = "arn:aws:lambda:us-east-1:123456789012:function:pingan-dev-task-clock"
      SCHEDULE_ROLE_ARN     = "arn:aws:iam::123456789012:role/moments"
      SCHEDULE_FAILURES_ARN = "arn:aws:sqs:us-east-1:123456789012:task-clock-failures"
    }
    error_message = "task-schedule books with another group, role, function or queue."
  }

  assert {
    condition = {
      for name, function in local.functions : name => join(" ", sort([
        for setting in function.settings : trimprefix(setting, "SCHEDULE_") if startswith(setting, "SCHEDULE_")
      ])) if function.books || anytrue([for setting in function.settings : startswith(setting, "SCHEDULE_")])
    } == { task-schedule = "FAILURES_ARN GROUP ROLE_ARN TARGET_ARN" }
    error_message = "Whoever books moments is not told how, or another function books."
  }

  assert {
    condition     = module.function["task-clock"].name == "pingan-dev-task-clock"
    error_message = "The function that is booked is not called as its ARN says."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role.moments.assume_role_policy).Statement :
      [statement.Effect, statement.Action, statement.Principal, statement.Condition]
      ] == [["Allow", "sts:AssumeRole", { Service = "scheduler.amazonaws.com" }, {
        StringEquals = {
          "aws:SourceAccount" = "123456789012"
          "aws:SourceArn"     = "arn:aws:scheduler:us-east-1:123456789012:schedule-group/pingan-dev-tasks"
        }
    }]]
    error_message = "Somebody else than the schedules of tasks may take the role that starts task-clock."
  }

  # Written out a second time.
  assert {
    condition = (
      aws_iam_role_policy.moments.role == aws_iam_role.moments.id
      && [
        for statement in jsondecode(aws_iam_role_policy.moments.policy).Statement :
        [statement.Effect, statement.Action, statement.Resource]
        ] == [
        ["Allow", ["lambda:InvokeFunction"], [module.function["task-clock"].arn]],
        ["Allow", ["sqs:SendMessage"], ["arn:aws:sqs:us-east-1:123456789012:task-clock-failures"]],
      ]
    )
    error_message = "The role of the moments may do something else than start task-clock, or cannot say what failed."
  }

  assert {
    condition = (
      aws_lambda_function_event_invoke_config.moments.function_name == module.function["task-clock"].name
      && aws_lambda_function_event_invoke_config.moments.maximum_retry_attempts <= 2
      && one(one(aws_lambda_function_event_invoke_config.moments.destination_config).on_failure).destination
      == aws_sqs_queue.failures["task-clock"].arn
    )
    error_message = "A moment that task-clock cannot take is lost."
  }

  # Retries of webhooks

  assert {
    condition = {
      for setting in keys(local.settings) : setting => local.settings[setting] if startswith(setting, "RETRY_")
      } == {
      RETRY_GROUP        = "pingan-dev-webhooks"
      RETRY_TARGET_ARN   = "arn:aws:lambda:us-east-1:123456789012:function:pingan-dev-webhook"
      RETRY_ROLE_ARN     = "arn:aws:iam::123456789012:role/retries"
      RETRY_FAILURES_ARN = "arn:aws:sqs:us-east-1:123456789012:webhook-failures"
    } && module.function["webhook"].name == "pingan-dev-webhook"
    error_message = "Webhooks book their retries with another group, role, function or queue."
  }

  assert {
    condition = (
      [
        for statement in jsondecode(aws_iam_role.retries.assume_role_policy).Statement :
        [statement.Principal, statement.Condition]
        ] == [[{ Service = "scheduler.amazonaws.com" }, {
          StringEquals = {
            "aws:SourceAccount" = "123456789012"
            "aws:SourceArn"     = "arn:aws:scheduler:us-east-1:123456789012:schedule-group/pingan-dev-webhooks"
          }
      }]]
      && aws_iam_role_policy.retries.role == aws_iam_role.retries.id
      && [
        for statement in jsondecode(aws_iam_role_policy.retries.policy).Statement :
        [statement.Effect, statement.Action, statement.Resource]
        ] == [
        ["Allow", ["lambda:InvokeFunction"], [module.function["webhook"].arn]],
        ["Allow", ["sqs:SendMessage"], ["arn:aws:sqs:us-east-1:123456789012:webhook-failures"]],
      ]
    )
    error_message = "The role of the retries may do something else than start webhook, or somebody else may take it."
  }

  assert {
    condition = (
      aws_lambda_function_event_invoke_config.retries.function_name == module.function["webhook"].name
      && one(one(aws_lambda_function_event_invoke_config.retries.destination_config).on_failure).destination
      == aws_sqs_queue.failures["webhook"].arn
    )
    error_message = "A retry that webhook cannot record is lost."
  }

  assert {
    condition = { for name, config in aws_lambda_function_event_invoke_config.job : name => [
      config.function_name == module.function[name].name,
      one(one(config.destination_config).on_failure).destination == aws_sqs_queue.failures[name].arn,
    ] } == { for name in ["award-run", "briefing", "deadlines", "reward-clock"] : name => [true, true] }
    error_message = "What a job cannot do is lost."
  }

  # Whatever is called and not waited for has somewhere to leave what it cannot take.
  assert {
    condition = toset([for name, function in local.functions : name if contains(["uploads", "moments"], function.trigger)]) == toset([
      "media-intake", "task-clock",
    ])
    error_message = "A function that is called asynchronously needs its retries and its queue."
  }

  # What comes again and again, in the district's time zone and in a group apart from the moments.
  assert {
    condition = { for name, job in aws_scheduler_schedule.job : name => "${job.schedule_expression} ${job.schedule_expression_timezone}" } == {
      award-run    = "rate(15 minutes) Asia/Shanghai"
      briefing     = "cron(0 8 ? * MON *) Asia/Shanghai"
      deadlines    = "rate(15 minutes) Asia/Shanghai"
      reward-clock = "rate(1 hour) Asia/Shanghai"
    }
    error_message = "Other jobs come again than those that are known, or at another time."
  }

  assert {
    condition = alltrue([
      for name, job in aws_scheduler_schedule.job :
      job.group_name == "pingan-dev-jobs" && job.target[0].arn == module.function[name].arn
      && job.target[0].dead_letter_config[0].arn == aws_sqs_queue.failures[name].arn
    ])
    error_message = "A job starts another function, or what cannot be started is lost."
  }

  # Functions

  assert {
    condition     = alltrue([for function in module.function : function.architecture == "arm64"])
    error_message = "A function does not run on arm64 unless asked to."
  }

  assert {
    condition     = endswith(local.package_folder, "/packages/arm64")
    error_message = "The packages are for another architecture than the functions."
  }

  # Sign-in

  assert {
    condition = (
      aws_cognito_user_pool.members[0].admin_create_user_config[0].allow_admin_create_user_only
      && aws_cognito_user_pool.members[0].deletion_protection == "ACTIVE"
      && aws_cognito_user_pool.members[0].password_policy[0].minimum_length >= 12
      && flatten([
        for setting in aws_cognito_user_pool.members[0].account_recovery_setting : setting.recovery_mechanism[*].name
      ]) == ["admin_only"]
    )
    error_message = "People can sign themselves up, or get into an account by themselves."
  }

  assert {
    condition = alltrue([
      for client in aws_cognito_user_pool_client.app :
      client.access_token_validity <= 15
      && client.token_validity_units[0].access_token == "minutes"
      && client.id_token_validity <= 15
      && client.token_validity_units[0].id_token == "minutes"
      && client.enable_token_revocation && client.prevent_user_existence_errors == "ENABLED"
    ])
    error_message = "A token is good for more than a quarter of an hour, or cannot be revoked."
  }

  assert {
    condition = alltrue([
      for client in aws_cognito_user_pool_client.app :
      client.explicit_auth_flows == toset(["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"])
    ])
    error_message = "A password goes over the wire, or an administrator can sign in as somebody else."
  }

  assert {
    condition = (
      aws_apigatewayv2_authorizer.members.jwt_configuration[0].issuer
      == "https://${aws_cognito_user_pool.members[0].endpoint}"
      && aws_apigatewayv2_authorizer.members.jwt_configuration[0].audience == toset([
        aws_cognito_user_pool_client.app["phone"].id, aws_cognito_user_pool_client.app["console"].id,
      ])
      && local.member_claim == "username"
    )
    error_message = "The API takes other tokens than those of the pool's two clients."
  }
}

run "another_scanner" {
  command = plan

  variables {
    malware_scan     = "tags"
    scanner_role_arn = "arn:aws:iam::210987654321:role/security/clamav"
    media_limits     = { image = { max_count = 4, max_bytes = 1000000 }, voice = { max_count = 0, max_bytes = 1 } }
  }

  assert {
    condition = (
      length(aws_guardduty_malware_protection_plan.media) == 0 && length(aws_iam_role.scanner) == 0
      && length(aws_iam_role_policy.scanner) == 0 && !aws_s3_bucket_notification.media.eventbridge
    )
    error_message = "GuardDuty scans although another scanner does."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_s3_bucket_policy.media.policy).Statement : [statement.Effect, statement.Condition]
      if statement.Sid == "OnlyTheScannerTags"
      ] == [["Deny", {
        ArnNotLike = {
          "aws:PrincipalArn" = [
            "arn:aws:iam::210987654321:role/security/clamav",
            "arn:aws:sts::210987654321:assumed-role/clamav/*",
          ]
        }
    }]]
    error_message = "Somebody else than the other scanner can call an upload clean."
  }

  assert {
    condition     = local.settings.MALWARE_SCAN == "tags"
    error_message = "media-intake does not wait for the other scanner."
  }

  # A limit that is not set is not there, and a kind that is not named keeps its default.
  assert {
    condition = jsondecode(local.settings.MEDIA_LIMITS) == {
      image = { max_count = 4, max_bytes = 1000000 }
      video = { max_count = 1, max_bytes = 524288000 }
      voice = { max_count = 0, max_bytes = 1 }
    }
    error_message = "The functions are told of other limits than were set."
  }
}

# Nothing can be said of who may tag; a check warns of it.
run "a_scanner_without_a_name" {
  command = plan

  variables {
    malware_scan = "tags"
  }

  expect_failures = [check.only_the_scanner_tags]

  assert {
    condition     = [for statement in jsondecode(aws_s3_bucket_policy.media.policy).Statement : statement.Sid] == ["OnlyOverTls"]
    error_message = "The scanner that was not named cannot tag."
  }
}

# A check says so, and no tag that is set meanwhile counts once there is a scanner.
run "nobody_scans" {
  command = plan

  variables {
    malware_scan     = "off"
    scanner_role_arn = "arn:aws:iam::123456789012:role/clamav"
  }

  expect_failures = [check.uploads_are_scanned]

  assert {
    condition = (
      length(aws_guardduty_malware_protection_plan.media) == 0 && length(aws_iam_role.scanner) == 0
      && !aws_s3_bucket_notification.media.eventbridge && local.settings.MALWARE_SCAN == "off"
    )
    error_message = "Something waits for a scan that nobody does."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_s3_bucket_policy.media.policy).Statement : [statement.Effect, keys(statement)]
      if statement.Sid == "OnlyTheScannerTags"
    ] == [["Deny", ["Action", "Effect", "Principal", "Resource", "Sid"]]]
    error_message = "Somebody can call an upload clean although nobody scans."
  }
}

run "nothing_worth_keeping" {
  command = plan

  variables {
    protect_data        = false
    allow_admin_sign_in = true
    allowed_origins     = []
  }

  assert {
    condition = (
      alltrue([for table in aws_dynamodb_table.this : !table.deletion_protection_enabled])
      && aws_s3_bucket.media.force_destroy
      && aws_cognito_user_pool.members[0].deletion_protection == "INACTIVE"
    )
    error_message = "What is not worth keeping cannot be torn down."
  }

  assert {
    condition = alltrue([
      for client in aws_cognito_user_pool_client.app :
      contains(client.explicit_auth_flows, "ALLOW_ADMIN_USER_PASSWORD_AUTH")
    ])
    error_message = "Tests cannot sign in."
  }

  assert {
    condition = (
      length(aws_apigatewayv2_api.this.cors_configuration) == 0
      && length(aws_s3_bucket_cors_configuration.media) == 0
    )
    error_message = "Without an origin browsers are let in."
  }
}

run "other_processors" {
  command = plan

  variables {
    architecture = "x86_64"
  }

  assert {
    condition = (
      alltrue([for function in module.function : function.architecture == "x86_64"])
      && endswith(local.package_folder, "/packages/x86_64")
    )
    error_message = "A function, or its package, is for another architecture than asked for."
  }
}

run "issuer_outside" {
  command = plan

  variables {
    issuer = {
      url      = "https://id.example.org"
      audience = ["pingan", "pingan-console"]
    }
  }

  assert {
    condition     = length(aws_cognito_user_pool.members) == 0 && length(aws_cognito_user_pool_client.app) == 0
    error_message = "A user pool is made that nobody signs in at."
  }

  assert {
    condition = (
      aws_apigatewayv2_authorizer.members.jwt_configuration[0].issuer == "https://id.example.org"
      && aws_apigatewayv2_authorizer.members.jwt_configuration[0].audience == toset(["pingan", "pingan-console"])
      && local.member_claim == "sub"
    )
    error_message = "The API does not take the tokens of the issuer outside."
  }
}

# One function, looked at in its module.
run "one_function" {
  command = plan

  module {
    source = "./modules/lambda-function"
  }

  variables {
    name                 = "pingan-dev-sample"
    description          = "A function to look at."
    package              = "not-there.zip"
    require_package      = false
    memory_mb            = 256
    timeout_seconds      = 10
    architecture         = "x86_64"
    reserved_concurrency = -1
    environment          = { SETTING = "value" }
    environment_key_arn  = "arn:aws:kms:us-east-1:123456789012:key/functions"
    policies             = { sample = "{}" }
    log_retention_days   = 400
    log_group_arn_prefix = "arn:aws:logs:us-east-1:123456789012:log-group"
    alarm_topic_arn      = "arn:aws:sns:us-east-1:123456789012:alarms"
  }

  assert {
    condition = (
      aws_lambda_function.this.runtime == "provided.al2023"
      && aws_lambda_function.this.handler == "bootstrap"
      && aws_lambda_function.this.architectures == tolist(["x86_64"])
      && aws_lambda_function.this.logging_config[0].log_format == "JSON"
      && aws_lambda_function.this.tracing_config[0].mode == "Active"
      && aws_lambda_function.this.kms_key_arn == "arn:aws:kms:us-east-1:123456789012:key/functions"
    )
    error_message = "A function runs on something else, or is not logged, traced or sealed."
  }

  # The output is what the checks of the policies read: it must be all that is attached.
  assert {
    condition     = { for name, policy in aws_iam_role_policy.this : name => policy.policy } == output.policies
    error_message = "A function may do something else than its output says."
  }

  assert {
    condition     = keys(output.policies) == ["log", "sample", "traces"]
    error_message = "A function may do more than its log, its traces and what it was given."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role.this.assume_role_policy).Statement :
      [statement.Action, statement.Principal]
    ] == [["sts:AssumeRole", { Service = "lambda.amazonaws.com" }]]
    error_message = "Somebody else than Lambda may take a function's role."
  }
}

run "a_package_is_missing" {
  command = plan

  module {
    source = "./modules/lambda-function"
  }

  variables {
    name                 = "pingan-dev-sample"
    description          = "A function to look at."
    package              = "not-there.zip"
    require_package      = true
    memory_mb            = 256
    timeout_seconds      = 10
    architecture         = "arm64"
    reserved_concurrency = -1
    environment          = {}
    environment_key_arn  = "arn:aws:kms:us-east-1:123456789012:key/functions"
    policies             = {}
    log_retention_days   = 400
    log_group_arn_prefix = "arn:aws:logs:us-east-1:123456789012:log-group"
    alarm_topic_arn      = "arn:aws:sns:us-east-1:123456789012:alarms"
  }

  expect_failures = [aws_lambda_function.this]
}
