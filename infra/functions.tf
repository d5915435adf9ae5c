# Every function of the bundle, in one table. From it come the functions themselves, their
# roles, their environment, their triggers and their alarms; a new function is a new row.
#
#   trigger       http (its routes stand in openapi.json), stream, uploads, schedule, or moments:
#                 those that task-schedule books
#   stream        of which table, or of which tables, for those that streams drive
#   batch         how many records of a stream at once; 25 when nothing is said
#   filters       which records of that stream it is called for: any that fits one of them
#   tables        which tables it touches, by which actions, through which indexes, and with
#                 `partitions` no others than those
#   media         what it does with which keys of the bucket; listing holds for the same keys
#   publishes     whether it sends notices
#   subscribes    whether it keeps the subscriptions and devices of those who are told
#   books         whether it books the moments of tasks with the scheduler
#   retries       whether it books its own retries with the scheduler; not there for no
#   secrets       what it does with the key that seals the secrets of webhooks; not there for nothing
#   identities    what it does with the key that seals identities
#   transfers     what it does with the same key for the bank's files; not there for nothing
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

  # The lists of what is open and of what is late.
  watched = ["deadlines-by-node", "open-reports-by-node"]

  workflow_settings = ["MEMBERS_TABLE", "REPORTS_TABLE", "CURSOR_KEY", "TIME_ZONE"]
  sign_in_settings  = ["MEMBER_CLAIM", "ACCOUNTS"]
  http_settings     = concat(local.workflow_settings, local.sign_in_settings)
  commit_settings   = concat(local.http_settings, ["NOTICES_TABLE", "POLICY"])

  # What the two functions of members need.
  register_settings = concat(local.sign_in_settings, [
    "MEMBERS_TABLE", "IDENTITIES_TABLE", "NOTICES_TABLE", "CURSOR_KEY", "IDENTITY_KEY_ID", "HASH_KEY", "USER_POOL_ID",
  ])

  # A report that comes to nothing, or to another one, can call its hand-overs back with it.
  recall = { actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem"], indexes = [] }

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
      settings        = concat(local.commit_settings, ["HANDOVERS_TABLE", "TASKS_TABLE", "MEDIA_LIMITS"])
      tables = {
        # Withdrawing a report that was handed over and reopened calls that back.
        handovers = local.recall
        members   = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices   = local.tell
        # Attaching a medium updates its record.
        reports = {
          actions = concat(["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem"], local.commit)
          indexes = ["reports-by-reporter"]
        }
        # A report names the task that it answers.
        tasks = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
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
      settings        = concat(local.commit_settings, ["HANDOVERS_TABLE", "REWARDS_TABLE"])
      tables = {
        handovers = local.recall
        members   = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices   = local.tell
        # What is adopted, or tells of the same matter, is told to the rewards with the decision.
        rewards = { actions = local.commit, indexes = [] }
        reports = {
          actions = local.review
          indexes = concat(local.watched, ["queue-by-stage", "reports-by-community"])
        }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
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
      settings        = concat(local.commit_settings, ["HANDOVERS_TABLE", "REWARDS_TABLE"])
      tables = {
        handovers = local.recall
        members   = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices   = local.tell
        # What is adopted, or tells of the same matter, is told to the rewards with the decision.
        rewards = { actions = local.commit, indexes = [] }
        reports = {
          actions = local.review
          indexes = concat(local.watched, ["queue-by-stage", "reports-by-community", "reports-by-station"])
        }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
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
      settings        = concat(local.commit_settings, ["HANDOVERS_TABLE", "REWARDS_TABLE"])
      tables = {
        handovers = local.recall
        members   = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices   = local.tell
        # What is adopted, or tells of the same matter, is told to the rewards with the decision.
        rewards = { actions = local.commit, indexes = [] }
        reports = {
          actions = local.review
          indexes = concat(local.watched, ["queue-by-stage", "reports-by-community", "reports-by-station", "reports-by-district"])
        }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
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
      settings        = concat(local.http_settings, ["TASKS_TABLE", "HANDOVERS_TABLE", "MEDIA_BUCKET", "MEDIA_LIMITS"])
      tables = {
        # A medium that was handed over is linked for its receiver.
        handovers = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        members   = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        # An upload in parts that is gone is replaced in its record.
        reports = { actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], indexes = [] }
        # A photo of an answer is linked for those who run the task.
        tasks = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
      }
      # A signed request can do what its signer may do: these are the phone's and the
      # console's permissions. Nobody reads an upload before it was checked, and nobody tags
      # one: every x-amz-* header of a signed request has to be in its signature, so that a
      # phone cannot add x-amz-tagging and call its own upload clean. Whether an upload has
      # arrived is looked up in the list of names.
      media = {
        "uploads/*"   = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket", "s3:ListMultipartUploadParts"]
        "copies/*"    = ["s3:GetObject"]
        "originals/*" = ["s3:GetObject"]
      }
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }

    handover = {
      description     = "Hands reports over to agencies and other districts, and takes what they do with them."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      # What is given of a report is opened by both sides.
      opens_reports = true
      settings      = concat(local.commit_settings, ["HANDOVERS_TABLE"])
      tables = {
        handovers = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"]
          indexes = ["handovers-by-district", "handovers-by-receiver"]
        }
        # Who acts, and the lists of the districts.
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices = local.tell
        # The report's event, the copy that another district makes, and its erasure.
        reports = { actions = concat(["dynamodb:BatchGetItem"], local.commit), indexes = [] }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }

    media-intake = {
      description = "Looks at every upload, says whether it is what it claims to be, seals it and makes its copies."
      trigger     = "uploads"
      # From here on a function has a whole processor. It decodes pictures of up to 110
      # megapixels, one at a time.
      memory_mb = 1769
      # A video is read twice and written once.
      timeout_seconds = 300
      # A storm of uploads must not take the account's concurrency away from the API.
      concurrency   = 20
      opens_reports = false
      settings      = concat(local.workflow_settings, ["MEDIA_BUCKET", "MEDIA_LIMITS", "MALWARE_SCAN"])
      tables = {
        reports = { actions = ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], indexes = [] }
      }
      media = {
        "uploads/*"   = ["s3:GetObject", "s3:GetObjectTagging", "s3:DeleteObject"]
        "copies/*"    = ["s3:PutObject", "s3:AbortMultipartUpload"]
        "originals/*" = ["s3:PutObject", "s3:AbortMultipartUpload"]
        # Without the right to list, S3 calls a missing object forbidden, and the function
        # could not tell the two apart.
        "*" = ["s3:ListBucket"]
      }
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }

    media-erase = {
      description     = "Deletes the media of erased reports and of slots that no report took, and texts of outcomes with them."
      trigger         = "stream"
      stream          = "reports"
      memory_mb       = 256
      timeout_seconds = 60
      concurrency     = -1
      opens_reports   = false
      settings        = ["OUTCOMES_TABLE", "REPORTS_TABLE", "MEDIA_BUCKET"]
      filters = [
        # An event that erases what a report held.
        { eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["event"] }, erases = { BOOL = [true] } } } },
        # An event that says that a report is unfounded: what was written of its outcomes goes.
        { eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["event"] }, reason = { S = ["unfounded"] } } } },
        # A slot has ended. The stream shows of what was removed its keys alone.
        { eventName = ["REMOVE"], dynamodb = { Keys = { pk = { S = [{ prefix = "MEDIA#" }] } } } },
      ]
      tables = {
        # Texts of outcomes go with the last of their reports.
        outcomes = { actions = ["dynamodb:Query", "dynamodb:DeleteItem"], indexes = [] }
        # That a medium was erased is written down in the place of its record.
        reports = { actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"], indexes = [] }
      }
      # It deletes and reads nothing: the key of the media is not for it.
      media = {
        "uploads/*"   = ["s3:DeleteObject"]
        "copies/*"    = ["s3:DeleteObject"]
        "originals/*" = ["s3:DeleteObject", "s3:ListBucket"]
      }
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }

    recruiting = {
      description = "Recruits members by name and from files, makes invites and their posters, registers who joins."
      trigger     = "http"
      # It reads a file of 20,000 people and seals each.
      memory_mb = 512
      # As long as API Gateway waits: an import works for 20 s and says what is left.
      timeout_seconds = 29
      concurrency     = -1
      opens_reports   = false
      settings        = concat(local.register_settings, ["JOIN_BASE"])
      tables = {
        identities = { actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem"], indexes = [] }
        # Counting the reporters of a community, and those who come by an invite, updates their records.
        members = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"]
          indexes = ["invites-by-community"]
        }
        notices = local.tell
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      # It seals identities and opens none.
      identities = ["kms:GenerateDataKey"]
      accounts   = ["cognito-idp:AdminCreateUser", "cognito-idp:AdminUpdateUserAttributes"]
      schedule   = null
    }

    members = {
      description = "Lists and changes members, keeps their channels and the lists of a district."
      trigger     = "http"
      # It counts all members of a district, to say what they do not cover.
      memory_mb       = 512
      timeout_seconds = 29
      concurrency     = -1
      # Who looked at an identity stands in its own trail; the log says when.
      opens_reports = true
      settings = concat(local.register_settings, [
        "TASKS_TABLE", "RETENTION_DAYS", "NOTICES_TOPIC_ARN", "PLATFORM_APPLICATIONS",
      ])
      tables = {
        identities = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
          indexes = []
        }
        # Counting the reporters of a community updates its record.
        members = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"]
          indexes = ["members-by-community", "members-by-station", "members-by-district"]
        }
        # Everybody reads the own inbox.
        notices = { actions = ["dynamodb:PutItem", "dynamodb:Query"], indexes = [] }
        # Whoever has read a task is not reminded of it in the inbox.
        tasks = { actions = ["dynamodb:Query"], indexes = [] }
      }
      media      = {}
      publishes  = false
      subscribes = true
      books      = false
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
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = ["kms:Decrypt"]
      accounts   = []
      schedule   = null
    }

    outcomes = {
      description     = "Outcomes: what came of reports, recorded by one and confirmed by another."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      # Of reports it looks who may review them, and whom to tell; but it opens what was written of what came of them.
      opens_reports = true
      settings      = concat(local.http_settings, ["NOTICES_TABLE", "HANDOVERS_TABLE", "OUTCOMES_TABLE"])
      tables = {
        handovers = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        members   = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices   = local.tell
        outcomes = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"]
          indexes = [
            "outcomes-by-community", "outcomes-by-station", "outcomes-by-district", "outcomes-by-receiver",
            "outcomes-by-kind", "outcomes-to-confirm",
          ]
        }
        # Who reads an outcome is put on record.
        reports = { actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem"], indexes = [] }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = []
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
      settings        = ["MEMBERS_TABLE", "NOTICES_TOPIC_ARN", "LINK_BASE", "TASK_LINK_BASE", "BRIEFING_LINK_BASE", "TIME_ZONE"]
      # Only what is new concerns anybody: notices are removed when they are old.
      filters = [{ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["notice"] } } } }]
      tables = {
        # The device and the quiet hours of whom a notice is for.
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
      }
      media      = {}
      publishes  = true
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }

    tasking = {
      description     = "Tasks and notices: what managers make, and what reporters get, read and answer."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      # Of reports it shows what lists show, but it opens what was answered to tasks.
      opens_reports = true
      settings      = concat(local.commit_settings, ["TASKS_TABLE", "MEDIA_LIMITS"])
      tables = {
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices = local.tell
        # Attaching a photo to an answer updates its record, and who reads answers is put on record.
        reports = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:PutItem"]
          indexes = ["reports-by-task"]
        }
        tasks = {
          actions = concat(["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem"], local.commit)
          indexes = ["tasks-by-community", "tasks-by-station", "tasks-by-district", "answers-by-task"]
        }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }

    deadlines = {
      description = "Does what deadlines ask for: reminds, passes up, erases what was unfounded."
      trigger     = "schedule"
      memory_mb   = 256
      # It begins nothing new after 200 seconds.
      timeout_seconds = 300
      # Two at once do each thing once.
      concurrency   = -1
      opens_reports = false
      settings      = concat(local.workflow_settings, ["HANDOVERS_TABLE", "NOTICES_TABLE", "POLICY"])
      tables = {
        # Receivers of hand-overs are reminded as well, and copies of what was recalled are erased.
        handovers = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"]
          indexes = ["handovers-by-due"]
        }
        notices = local.tell
        # It finds by the index what is due, and reads and writes those reports.
        reports = {
          actions = concat(["dynamodb:BatchGetItem", "dynamodb:Query"], local.commit)
          indexes = ["reports-by-due"]
        }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = { at = "rate(15 minutes)", input = {}, alarm_after_hours = 1 }
    }

    task-schedule = {
      description     = "Books the moments of tasks with the scheduler: start, reminder, end."
      trigger         = "stream"
      stream          = "tasks"
      memory_mb       = 256
      timeout_seconds = 30
      concurrency     = -1
      opens_reports   = false
      settings        = ["SCHEDULE_GROUP", "SCHEDULE_TARGET_ARN", "SCHEDULE_ROLE_ARN", "SCHEDULE_FAILURES_ARN"]
      # The task itself, and nothing of who has read or answered it. A task that has gone says
      # nothing of its moments any more; task-clock finds nothing then, and does nothing.
      filters = [
        {
          eventName = ["INSERT", "MODIFY"]
          dynamodb  = { Keys = { pk = { S = [{ prefix = "TASK#" }] }, sk = { S = ["TASK"] } } }
        },
      ]
      # What it has to know stands in the record.
      tables     = {}
      media      = {}
      publishes  = false
      subscribes = false
      books      = true
      identities = []
      accounts   = []
      schedule   = null
    }

    task-clock = {
      description     = "Does what the time of a task asks for: starts it, reminds, ends it."
      trigger         = "moments"
      memory_mb       = 256
      timeout_seconds = 30
      concurrency     = -1
      opens_reports   = false
      settings        = ["TASKS_TABLE", "NOTICES_TABLE"]
      tables = {
        notices = local.tell
        tasks   = { actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem"], indexes = [] }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }
    tally = {
      description     = "Keeps the counters of the statistics, from the streams of what is counted."
      trigger         = "stream"
      stream          = ["members", "outcomes", "reports", "rewards"]
      memory_mb       = 256
      timeout_seconds = 60
      concurrency     = -1
      opens_reports   = false
      settings        = ["TALLIES_TABLE", "TIME_ZONE"]
      # More at once are fewer transactions: they are counted together.
      batch = 100
      # Events alone are counted, and each is written once.
      filters = [
        { eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["event", "member_event", "outcome_event", "reward_event"] } } } },
      ]
      tables = {
        # Counters are counted up and marks are set; what was counted before is looked up.
        tallies = { actions = ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], indexes = [] }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }

    statistics = {
      description = "The statistics of a node, by day, month or year."
      trigger     = "http"
      # What is suppressed is worked out over a whole district and its years.
      memory_mb       = 512
      timeout_seconds = 29
      concurrency     = -1
      opens_reports   = false
      settings        = concat(local.sign_in_settings, ["MEMBERS_TABLE", "TALLIES_TABLE", "TIME_ZONE"])
      tables = {
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        tallies = { actions = ["dynamodb:Query"], indexes = [] }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }

    agency-systems = {
      description     = "The webhooks of agencies with systems of their own: settings, secrets, deliveries."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      opens_reports   = false
      settings        = concat(local.sign_in_settings, ["MEMBERS_TABLE", "HANDOVERS_TABLE", "CURSOR_KEY", "WEBHOOK_KEY_ID"])
      tables = {
        handovers = { actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query"], indexes = [] }
        members   = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      # A secret is unsealed for whoever did not get the answer in which it was shown.
      secrets  = ["kms:Decrypt", "kms:GenerateDataKey"]
      accounts = []
      schedule = null
    }

    webhook = {
      description = "Tells the systems of agencies of hand-overs, by signed webhooks."
      trigger     = "stream"
      stream      = "handovers"
      memory_mb   = 256
      # A batch begins calls for 12 s, and each call takes 10 s at most.
      timeout_seconds = 60
      concurrency     = -1
      opens_reports   = false
      settings = [
        "HANDOVERS_TABLE", "NOTICES_TABLE", "WEBHOOK_KEY_ID",
        "RETRY_GROUP", "RETRY_TARGET_ARN", "RETRY_ROLE_ARN", "RETRY_FAILURES_ARN",
      ]
      # What is to be told, and what is still to be sent.
      filters = [
        { eventName = ["INSERT", "MODIFY"], dynamodb = { NewImage = { type = { S = ["handover"] } } } },
        {
          eventName = ["INSERT", "MODIFY"]
          dynamodb  = { NewImage = { type = { S = ["delivery"] }, state = { S = ["pending"] } } }
        },
      ]
      tables = {
        handovers = { actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem"], indexes = [] }
        notices   = local.tell
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      retries    = true
      identities = []
      secrets    = ["kms:Decrypt"]
      accounts   = []
      schedule   = null
    }

    briefing = {
      description = "Makes the briefings of districts: each week, and when a district manager asks for one."
      trigger     = "stream"
      stream      = "documents"
      memory_mb   = 512
      # A year of a large district: the newest 20,000 reports are looked through.
      timeout_seconds = 120
      concurrency     = -1
      # It reads the events of reports and none of their texts.
      opens_reports = false
      settings = [
        "DOCUMENTS_TABLE", "MEMBERS_TABLE", "NOTICES_TABLE", "REPORTS_TABLE", "TALLIES_TABLE", "TASKS_TABLE",
        "MEDIA_BUCKET", "TIME_ZONE",
      ]
      # A briefing that was ordered, and nothing that is done with one.
      filters = [{ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["briefing"] } } } }]
      tables = {
        documents = { actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem"], indexes = [] }
        # The lists of districts, which districts there are, and how many reporters each community has.
        members = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query"]
          indexes = ["districts", "members-by-community"]
        }
        notices = local.tell
        reports = { actions = ["dynamodb:BatchGetItem", "dynamodb:Query"], indexes = ["reports-by-district"] }
        tallies = { actions = ["dynamodb:Query"], indexes = [] }
        tasks   = { actions = ["dynamodb:BatchGetItem", "dynamodb:Query"], indexes = ["tasks-by-district"] }
      }
      media      = { "briefings/*" = ["s3:PutObject"] }
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      # When the week is over and people come to work.
      schedule = { at = "cron(0 8 ? * MON *)", input = { job = "briefing" } }
    }

    briefings = {
      description     = "Briefings as people get them: asked for, listed, read, commented on, acknowledged."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      # Who has read a briefing stands beside it.
      opens_reports = false
      settings      = concat(local.sign_in_settings, ["MEMBERS_TABLE", "DOCUMENTS_TABLE", "MEDIA_BUCKET", "CURSOR_KEY", "TIME_ZONE"])
      tables = {
        # That a briefing was read updates the record of its reader.
        documents = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"]
          indexes = ["briefings-by-district"]
        }
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
      }
      media      = { "briefings/*" = ["s3:GetObject"] }
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }

    export = {
      description = "Makes the files of exports of statistics."
      trigger     = "stream"
      stream      = "documents"
      memory_mb   = 512
      # A year of a large district: the newest 20,000 reports are looked through for a map.
      timeout_seconds = 120
      concurrency     = -1
      # A map is made of where reports were seen, which stands with their texts.
      opens_reports = false
      settings = [
        "DOCUMENTS_TABLE", "MEMBERS_TABLE", "REPORTS_TABLE", "TALLIES_TABLE", "MEDIA_BUCKET", "TIME_ZONE",
      ]
      # An export that was asked for.
      filters = [{ eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["export"] } } } }]
      tables = {
        documents = { actions = ["dynamodb:BatchGetItem", "dynamodb:PutItem"], indexes = [] }
        members   = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        reports   = { actions = ["dynamodb:BatchGetItem", "dynamodb:Query"], indexes = ["reports-by-district"] }
        tallies   = { actions = ["dynamodb:Query"], indexes = [] }
      }
      media      = { "exports/*" = ["s3:PutObject"] }
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }

    rewards = {
      description     = "Rewards and the fund: rules, proposals, agreements, the ledger, statements."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      opens_reports   = false
      settings = concat(local.sign_in_settings, [
        "REWARDS_TABLE", "MEMBERS_TABLE", "NOTICES_TABLE", "CURSOR_KEY", "TIME_ZONE",
      ])
      tables = {
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        notices = local.tell
        # Of payouts it makes sure that none is on its way.
        rewards = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:ConditionCheckItem"]
          indexes = ["rewards-by-district", "rewards-by-state", "rewards-by-reporter"]
        }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }

    payouts = {
      description = "Pays rewards at the counter and through the bank, always by two people."
      trigger     = "http"
      memory_mb   = 512
      # An answer of the bank with 200 lines is 200 transactions, one after the other.
      timeout_seconds = 29
      concurrency     = -1
      opens_reports   = false
      settings = concat(local.sign_in_settings, [
        "REWARDS_TABLE", "MEMBERS_TABLE", "IDENTITIES_TABLE", "NOTICES_TABLE", "HASH_KEY", "CURSOR_KEY",
        "IDENTITY_KEY_ID", "TIME_ZONE",
      ])
      tables = {
        # Accounts, sealed, for the bank's files: read by member, and nothing is written there.
        identities = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        # Counting wrong codes updates a record.
        members = { actions = ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], indexes = [] }
        notices = local.tell
        # The bank's file goes when the bank has answered.
        rewards = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"]
          indexes = ["batches-by-state", "payouts-by-state"]
        }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      # It opens identities and seals none.
      identities = ["kms:Decrypt"]
      transfers  = ["kms:Decrypt", "kms:GenerateDataKey"]
      accounts   = []
      schedule   = null
    }

    reward-clock = {
      description = "Reminds of rewards that wait to be claimed, and returns to the fund what nobody has claimed in time."
      trigger     = "schedule"
      memory_mb   = 256
      # It begins nothing new after 200 seconds.
      timeout_seconds = 300
      # Two at once do each thing once.
      concurrency   = -1
      opens_reports = false
      settings      = ["REWARDS_TABLE", "NOTICES_TABLE", "TIME_ZONE"]
      tables = {
        notices = local.tell
        rewards = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:ConditionCheckItem"]
          indexes = ["rewards-by-due"]
        }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = { at = "rate(1 hour)", input = {}, alarm_after_hours = 3 }
    }

    reward-propose = {
      description     = "Proposes rewards, when a report was adopted or an outcome confirmed."
      trigger         = "stream"
      stream          = ["outcomes", "rewards"]
      memory_mb       = 256
      timeout_seconds = 60
      concurrency     = -1
      # It reads who has approved a report and who sent it in, and none of its texts.
      opens_reports = false
      settings      = ["REWARDS_TABLE", "REPORTS_TABLE", "OUTCOMES_TABLE", "NOTICES_TABLE", "TIME_ZONE"]
      filters = [
        { eventName = ["INSERT", "MODIFY"], dynamodb = { NewImage = { type = { S = ["matter_adopted"] } } } },
        # A link that is taken away leaves no image.
        { eventName = ["INSERT", "REMOVE"], dynamodb = { Keys = { pk = { S = [{ prefix = "MATTER#" }] }, sk = { S = [{ prefix = "ALSO#" }] } } } },
        { eventName = ["INSERT"], dynamodb = { NewImage = { type = { S = ["outcome_event"] } } } },
      ]
      tables = {
        notices  = local.tell
        outcomes = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        reports  = { actions = ["dynamodb:BatchGetItem", "dynamodb:Query"], indexes = [] }
        rewards  = { actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"], indexes = [] }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }

    award-run = {
      description = "Counts the points of period awards, ranks, and proposes rewards for the winners."
      trigger     = "schedule"
      memory_mb   = 512
      # It begins no further step after 200 seconds; the next start goes on.
      timeout_seconds = 300
      # Two at once do each step once.
      concurrency   = -1
      opens_reports = false
      settings = [
        "REWARDS_TABLE", "MEMBERS_TABLE", "OUTCOMES_TABLE", "TASKS_TABLE", "NOTICES_TABLE", "TIME_ZONE",
      ]
      tables = {
        members = { actions = ["dynamodb:BatchGetItem", "dynamodb:Query"], indexes = ["districts"] }
        notices = local.tell
        # What gives points stands apart from what was written and answered, which it cannot read.
        outcomes = { actions = ["dynamodb:Query"], indexes = [], partitions = ["FACTS#*"] }
        rewards  = { actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"], indexes = [] }
        tasks    = { actions = ["dynamodb:Query"], indexes = [], partitions = ["FACTS#*"] }
      }
      media      = {}
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = { at = "rate(15 minutes)", input = {}, alarm_after_hours = 1 }
    }

    exports = {
      description     = "Exports of statistics as people get them: asked for, listed, read, fetched."
      trigger         = "http"
      memory_mb       = 256
      timeout_seconds = 10
      concurrency     = -1
      # Who asked for and who fetched what is written into the audit of reads.
      opens_reports = true
      settings = concat(local.sign_in_settings, [
        "DOCUMENTS_TABLE", "MEMBERS_TABLE", "REPORTS_TABLE", "MEDIA_BUCKET", "CURSOR_KEY", "TIME_ZONE",
      ])
      tables = {
        documents = {
          actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"]
          indexes = ["exports-by-district"]
        }
        members = { actions = ["dynamodb:BatchGetItem"], indexes = [] }
        reports = { actions = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"], indexes = [] }
      }
      media      = { "exports/*" = ["s3:GetObject"] }
      publishes  = false
      subscribes = false
      books      = false
      identities = []
      accounts   = []
      schedule   = null
    }
  }

  # The value of every setting that a function can ask for, but for CURSOR_KEY, of which
  # each function has its own.
  settings = {
    ACCOUNTS          = local.accounts
    HANDOVERS_TABLE   = local.table_names.handovers
    HASH_KEY          = var.hash_key
    IDENTITIES_TABLE  = local.table_names.identities
    IDENTITY_KEY_ID   = aws_kms_key.identity.arn
    JOIN_BASE         = var.join_base
    RETENTION_DAYS    = tostring(var.retention_days)
    USER_POOL_ID      = local.cognito ? one(aws_cognito_user_pool.members[*].id) : ""
    MEMBERS_TABLE     = local.table_names.members
    OUTCOMES_TABLE    = local.table_names.outcomes
    REPORTS_TABLE     = local.table_names.reports
    REWARDS_TABLE     = local.table_names.rewards
    TALLIES_TABLE     = local.table_names.tallies
    TASKS_TABLE       = local.table_names.tasks
    TIME_ZONE         = var.time_zone
    POLICY            = local.policy
    MEMBER_CLAIM      = local.member_claim
    MEDIA_BUCKET      = local.media_bucket
    MEDIA_LIMITS      = jsonencode(local.media_limits)
    MALWARE_SCAN      = var.malware_scan == "off" ? "off" : "tags"
    NOTICES_TABLE     = local.table_names.notices
    NOTICES_TOPIC_ARN = local.notices_topic_arn
    LINK_BASE         = var.link_base
    TASK_LINK_BASE    = var.task_link_base
    DOCUMENTS_TABLE   = local.table_names.documents

    BRIEFING_LINK_BASE = var.briefing_link_base

    PLATFORM_APPLICATIONS = join(",", [for platform, arn in var.platform_applications : "${platform}=${arn}"])

    SCHEDULE_GROUP        = aws_scheduler_schedule_group.tasks.name
    SCHEDULE_TARGET_ARN   = local.clock_arn
    SCHEDULE_ROLE_ARN     = aws_iam_role.moments.arn
    SCHEDULE_FAILURES_ARN = aws_sqs_queue.failures["task-clock"].arn

    WEBHOOK_KEY_ID     = aws_kms_key.webhooks.arn
    RETRY_GROUP        = aws_scheduler_schedule_group.webhooks.name
    RETRY_TARGET_ARN   = local.sender_arn
    RETRY_ROLE_ARN     = aws_iam_role.retries.arn
    RETRY_FAILURES_ARN = aws_sqs_queue.failures["webhook"].arn
  }

  # The file of the working hours, holidays and deadlines, without its blanks.
  policy = var.calendar_file == null ? "{}" : jsonencode(jsondecode(file(var.calendar_file)))

  # A limit that is not set is left out.
  media_limits = {
    for kind, limits in var.media_limits : kind => { for name, limit in limits : name => limit if limit != null }
  }

  # The table whose stream drives a function, and every table of which it sees something.
  streamed_tables = { for name, function in local.functions : name => flatten([try(function.stream, [])]) }
  read_tables     = { for name, function in local.functions : name => distinct(concat(keys(function.tables), local.streamed_tables[name])) }

  # The devices that a platform application knows.
  device_arns = [for arn in values(var.platform_applications) : "${replace(arn, ":app/", ":endpoint/")}/*"]

  package_folder = coalesce(var.package_folder, "${path.module}/packages/${var.architecture}")

  # What each function may do: one policy document per concern, and none for a concern that
  # it does not have. Indexes, streams and queues are named by their ARNs' grammar.
  policies = {
    for name, function in local.functions : name => {
      for concern, statements in {
        tables = [
          for table, use in function.tables : merge(
            {
              Sid    = "Table${title(table)}"
              Effect = "Allow"
              Action = use.actions
              Resource = concat(
                [local.table_arns[table]],
                [for index in use.indexes : "${local.table_arns[table]}/index/${index}"],
              )
            },
            { for name, those in {
              Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = try(use.partitions, []) } }
            } : name => those if can(use.partitions) },
          )
        ]

        # DynamoDB asks KMS in the name of who asks DynamoDB; nothing but DynamoDB may.
        table-keys = [{
          Sid       = "TableKeys"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
          Resource  = [for table in local.read_tables[name] : aws_kms_key.table[table].arn]
          Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${var.region}.${local.dns_suffix}" } }
        }]

        settings = [{
          Sid      = "OwnSettings"
          Effect   = "Allow"
          Action   = ["kms:Decrypt"]
          Resource = [aws_kms_key.functions.arn]
        }]

        media = [
          for keys, actions in function.media : {
            Sid      = title(trimsuffix(keys, "/*"))
            Effect   = "Allow"
            Action   = sort(setsubtract(actions, ["s3:ListBucket"]))
            Resource = ["${local.media_bucket_arn}/${keys}"]
          } if length(setsubtract(actions, ["s3:ListBucket"])) > 0
        ]

        # Listing is something that is done with the bucket: which keys it may be asked for is
        # a condition, and no condition where it may be asked for all of them.
        media-list = [
          for keys, actions in function.media : merge(
            { Sid = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = [local.media_bucket_arn] },
            { for name, those in { Condition = { StringLike = { "s3:prefix" = keys } } } : name => those if keys != "*" },
          ) if contains(actions, "s3:ListBucket")
        ]

        # What is read has to be unsealed. What is written has to be sealed, and in parts it is
        # also unsealed, to be put together.
        media-key = [
          for actions in [setintersection(flatten(values(function.media)), ["s3:GetObject", "s3:PutObject"])] : {
            Sid       = "MediaKey"
            Effect    = "Allow"
            Action    = contains(actions, "s3:PutObject") ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"]
            Resource  = [aws_kms_key.media.arn]
            Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.${local.dns_suffix}" } }
          } if length(actions) > 0
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

        # The bank's files, which are sealed by the same key for another purpose.
        transfers = [
          for key in length(try(function.transfers, [])) > 0 ? [aws_kms_key.identity.arn] : [] : {
            Sid       = "Transfers"
            Effect    = "Allow"
            Action    = function.transfers
            Resource  = [key]
            Condition = { StringEquals = { "kms:EncryptionContext:purpose" = "transfers" } }
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

        # The moments of tasks and no other schedule; the scheduler is given one role and nobody
        # else is.
        moments = flatten([
          for role in function.books ? [aws_iam_role.moments.arn] : [] : [
            {
              Sid      = "Moments"
              Effect   = "Allow"
              Action   = ["scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:UpdateSchedule"]
              Resource = ["arn:${local.partition}:scheduler:${local.here}:schedule/${local.moments_group}/*"]
            },
            {
              Sid       = "MomentsRole"
              Effect    = "Allow"
              Action    = ["iam:PassRole"]
              Resource  = [role]
              Condition = { StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" } }
            },
          ]
        ])

        # The secrets of webhooks, and nothing else that anybody may ever seal with their key.
        webhook-secrets = [
          for key in length(try(function.secrets, [])) > 0 ? [aws_kms_key.webhooks.arn] : [] : {
            Sid       = "WebhookSecrets"
            Effect    = "Allow"
            Action    = function.secrets
            Resource  = [key]
            Condition = { StringEquals = { "kms:EncryptionContext:purpose" = "webhook" } }
          }
        ]

        # Its own next tries. What was booked is never called off: the record says what is due.
        retries = flatten([
          for role in try(function.retries, false) ? [aws_iam_role.retries.arn] : [] : [
            {
              Sid      = "Retries"
              Effect   = "Allow"
              Action   = ["scheduler:CreateSchedule", "scheduler:UpdateSchedule"]
              Resource = ["arn:${local.partition}:scheduler:${local.here}:schedule/${local.retries_group}/*"]
            },
            {
              Sid       = "RetriesRole"
              Effect    = "Allow"
              Action    = ["iam:PassRole"]
              Resource  = [role]
              Condition = { StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" } }
            },
          ]
        ])

        # What a function could not take goes to its queue, in the function's own name.
        failures = [
          for queue in function.trigger == "http" ? [] : [local.failure_queues[name]] : {
            Sid      = "Failures"
            Effect   = "Allow"
            Action   = ["sqs:SendMessage"]
            Resource = ["arn:${local.partition}:sqs:${local.here}:${queue}"]
          }
        ]

        # What drives a function: Lambda reads the stream in its name. Listing streams knows no
        # resource; it tells their names and nothing in them.
        stream = flatten([
          for tables in function.trigger == "stream" ? [local.streamed_tables[name]] : [] : [
            {
              Sid      = "Stream"
              Effect   = "Allow"
              Action   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
              Resource = [for table in tables : "${local.table_arns[table]}/stream/*"]
            },
            { Sid = "Streams", Effect = "Allow", Action = ["dynamodb:ListStreams"], Resource = ["*"] },
          ]
        ])
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
