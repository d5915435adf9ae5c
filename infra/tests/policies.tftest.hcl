# What each function may do, read by tests/policy-check: first on what this deployment makes,
# then on documents that break each rule.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "bundle" {
  # The check tells keys apart by these names.
  assert {
    condition     = alltrue([for table, key in aws_kms_key.table : endswith(key.arn, ":key/table/${table}")])
    error_message = "The key of a new table needs its ARN in tests/mocks/aws.tfmock.hcl."
  }

  assert {
    condition     = keys(output.permissions) == keys(local.functions)
    error_message = "The output `permissions` leaves a function out."
  }

  # A stream tells its reader which table it is of; a table is told by a setting.
  assert {
    condition = alltrue([
      for function in local.functions : alltrue([
        for table in keys(function.tables) : contains(function.settings, "${upper(replace(table, "-", "_"))}_TABLE")
      ])
    ])
    error_message = "A function may touch a table of which its settings say nothing."
  }

  # Of a table that drives a function the function reads the stream, and of the table itself no
  # more than its row says.
  assert {
    condition = {
      for name in keys(local.streamed) : name => toset(flatten([
        for concern in ["tables", "stream"] : [
          for statement in jsondecode(lookup(module.function[name].policies, concern, "{\"Statement\":[]}")).Statement : [
            for pair in setproduct(statement.Action, statement.Resource) : "${pair[0]} ${pair[1]}"
          ]
        ]
      ]))
      } == {
      for name, those in {
        briefing = {
          tables = ["documents"]
          touched = {
            "documents"                          = ["BatchGetItem", "PutItem"]
            "members"                            = ["BatchGetItem", "Query"]
            "members/index/districts"            = ["BatchGetItem", "Query"]
            "members/index/members-by-community" = ["BatchGetItem", "Query"]
            "notices"                            = ["PutItem"]
            "reports"                            = ["BatchGetItem", "Query"]
            "reports/index/reports-by-district"  = ["BatchGetItem", "Query"]
            "tallies"                            = ["Query"]
            "tasks"                              = ["BatchGetItem", "Query"]
            "tasks/index/tasks-by-district"      = ["BatchGetItem", "Query"]
          }
        }
        export = {
          tables = ["documents"]
          touched = {
            "documents"                         = ["BatchGetItem", "PutItem"]
            "members"                           = ["BatchGetItem"]
            "reports"                           = ["BatchGetItem", "Query"]
            "reports/index/reports-by-district" = ["BatchGetItem", "Query"]
            "tallies"                           = ["Query"]
          }
        }
        media-erase = {
          tables  = ["reports"]
          touched = { outcomes = ["DeleteItem", "Query"], reports = ["BatchGetItem", "DeleteItem", "PutItem"] }
        }
        notify = { tables = ["notices"], touched = { members = ["BatchGetItem"] } }
        reward-propose = {
          tables = ["outcomes", "rewards"]
          touched = {
            notices  = ["PutItem"]
            outcomes = ["BatchGetItem"]
            reports  = ["BatchGetItem", "Query"]
            rewards  = ["BatchGetItem", "PutItem", "Query"]
          }
        }
        tally         = { tables = ["members", "outcomes", "reports", "rewards"], touched = { tallies = ["BatchGetItem", "UpdateItem"] } }
        task-schedule = { tables = ["tasks"], touched = {} }
        webhook = {
          tables  = ["handovers"]
          touched = { handovers = ["BatchGetItem", "PutItem"], notices = ["PutItem"] }
        }
        } : name => toset(concat(
          ["dynamodb:ListStreams *"],
          [
            for pair in setproduct(["DescribeStream", "GetRecords", "GetShardIterator"], those.tables) :
            "dynamodb:${pair[0]} arn:aws:dynamodb:us-east-1:123456789012:table/pingan-dev-${pair[1]}/stream/*"
          ],
          flatten([
            for table, actions in those.touched : [
              for action in actions :
              "dynamodb:${action} arn:aws:dynamodb:us-east-1:123456789012:table/pingan-dev-${table}"
            ]
          ]),
      ))
    }
    error_message = "A function that a stream drives may do something else with its stream, or with tables."
  }

  # All that any function may do with the table of tasks, and all that those who are only there
  # for tasks may do with any table, written out a second time.
  assert {
    condition = {
      for name, function in module.function : name => toset(flatten([
        for statement in jsondecode(lookup(function.policies, "tables", "{\"Statement\":[]}")).Statement : [
          for pair in setproduct(statement.Resource, statement.Action) : format(
            "%s %s", trimprefix(pair[0], "arn:aws:dynamodb:us-east-1:123456789012:table/pingan-dev-"),
            trimprefix(pair[1], "dynamodb:"),
          ) if contains(["tasking", "task-schedule", "task-clock"], name) || strcontains(pair[0], "pingan-dev-tasks")
        ]
      ]))
      } == {
      for name in keys(module.function) : name => toset(flatten([
        for table, actions in lookup({
          award-run  = { tasks = ["Query"] }
          briefing   = { for end in ["", "/index/tasks-by-district"] : "tasks${end}" => ["BatchGetItem", "Query"] }
          media      = { tasks = ["BatchGetItem"] }
          members    = { tasks = ["Query"] }
          submission = { tasks = ["BatchGetItem"] }
          task-clock = {
            "notices" = ["PutItem"]
            "tasks"   = ["BatchGetItem", "PutItem"]
          }
          tasking = merge(
            {
              "members" = ["BatchGetItem"]
              "notices" = ["PutItem"]
              "tasks"   = ["BatchGetItem", "DeleteItem", "PutItem", "Query", "UpdateItem"]
            },
            { for end in ["", "/index/reports-by-task"] : "reports${end}" => ["BatchGetItem", "PutItem", "Query", "UpdateItem"] },
            {
              for index in ["answers-by-task", "tasks-by-community", "tasks-by-district", "tasks-by-station"] :
              "tasks/index/${index}" => ["BatchGetItem", "DeleteItem", "PutItem", "Query", "UpdateItem"]
            },
          )
        }, name, {}) : [for action in actions : "${table} ${action}"]
      ]))
    }
    error_message = "A function may do something else with tasks, or one of theirs with another table."
  }

  # All that any function may do with the table of hand-overs, and all that `handover` may do with any
  # table, written out a second time.
  assert {
    condition = {
      for name, function in module.function : name => toset(flatten([
        for statement in jsondecode(lookup(function.policies, "tables", "{\"Statement\":[]}")).Statement : [
          for pair in setproduct(statement.Resource, statement.Action) : format(
            "%s %s", trimprefix(pair[0], "arn:aws:dynamodb:us-east-1:123456789012:table/pingan-dev-"),
            trimprefix(pair[1], "dynamodb:"),
          ) if name == "handover" || strcontains(pair[0], "pingan-dev-handovers")
        ]
      ]))
      } == {
      for name in keys(module.function) : name => toset(flatten([
        for table, actions in lookup(merge(
          { for name in ["media", "outcomes"] : name => { handovers = ["BatchGetItem"] } },
          {
            agency-systems = { handovers = ["BatchGetItem", "PutItem", "Query"] }
            deadlines = {
              for end in ["", "/index/handovers-by-due"] : "handovers${end}" => ["BatchGetItem", "PutItem", "Query"]
            }
            webhook = { handovers = ["BatchGetItem", "PutItem"] }
          },
          {
            for name in ["submission", "officer-review", "station-review", "district-review"] :
            name => { handovers = ["BatchGetItem", "PutItem"] }
          },
          {
            handover = merge(
              {
                "members" = ["BatchGetItem"]
                "notices" = ["PutItem"]
                "reports" = ["BatchGetItem", "DeleteItem", "PutItem"]
              },
              {
                for end in ["", "/index/handovers-by-district", "/index/handovers-by-receiver"] :
                "handovers${end}" => ["BatchGetItem", "PutItem", "Query"]
              },
            )
          },
        ), name, {}) : [for action in actions : "${table} ${action}"]
      ]))
    }
    error_message = "A function may do something else with hand-overs, or `handover` with another table."
  }

  # What counts period awards reads what gives points, and nothing that was written or answered.
  assert {
    condition = toset(flatten([
      for statement in jsondecode(module.function["award-run"].policies["tables"]).Statement : [
        for pair in setproduct(statement.Resource, statement.Action) : format(
          "%s %s %s", trimprefix(pair[0], "arn:aws:dynamodb:us-east-1:123456789012:table/pingan-dev-"),
          trimprefix(pair[1], "dynamodb:"), jsonencode(try(statement.Condition, null)),
        )
      ]
      ])) == toset(concat(
      [for end in ["", "/index/districts"] : "members${end} BatchGetItem null"],
      [for end in ["", "/index/districts"] : "members${end} Query null"],
      ["notices PutItem null"],
      [for action in ["BatchGetItem", "PutItem", "Query"] : "rewards ${action} null"],
      [
        for table in ["outcomes", "tasks"] :
        "${table} Query {\"ForAllValues:StringLike\":{\"dynamodb:LeadingKeys\":[\"FACTS#*\"]}}"
      ],
    ))
    error_message = "What counts period awards may read or write something else."
  }

  # No other function's tables are held to some partitions, so that no other test has to look at them.
  assert {
    condition = [
      for name, function in module.function : name if anytrue([
        for statement in jsondecode(lookup(function.policies, "tables", "{\"Statement\":[]}")).Statement : can(statement.Condition)
      ])
    ] == ["award-run"]
    error_message = "Another function is held to some partitions of a table."
  }

  # All that any function may do with the scheduler and with roles: the moments of tasks and the
  # retries of webhooks, each in one group, with one role for one service.
  assert {
    condition = toset(flatten([
      for name, function in module.function : [
        for statement in flatten([for document in values(function.policies) : jsondecode(document).Statement]) : [
          for pair in setproduct(statement.Action, statement.Resource) :
          "${name} ${pair[0]} ${pair[1]} ${jsonencode(try(statement.Condition, null))}"
          if can(regex("^(events|iam|lambda|scheduler|sts):", pair[0]))
        ]
      ]
      ])) == toset(concat(
      [
        for action in ["CreateSchedule", "DeleteSchedule", "UpdateSchedule"] :
        "task-schedule scheduler:${action} arn:aws:scheduler:us-east-1:123456789012:schedule/pingan-dev-tasks/* null"
      ],
      ["task-schedule iam:PassRole arn:aws:iam::123456789012:role/moments {\"StringEquals\":{\"iam:PassedToService\":\"scheduler.amazonaws.com\"}}"],
      [
        for action in ["CreateSchedule", "UpdateSchedule"] :
        "webhook scheduler:${action} arn:aws:scheduler:us-east-1:123456789012:schedule/pingan-dev-webhooks/* null"
      ],
      ["webhook iam:PassRole arn:aws:iam::123456789012:role/retries {\"StringEquals\":{\"iam:PassedToService\":\"scheduler.amazonaws.com\"}}"],
    ))
    error_message = "A function books something else than moments and retries, or gives away another role."
  }

  # All that any function may do with the key of identities, and with the accounts of members: who recruits seals
  # identities and opens none, and ends no account.
  assert {
    condition = {
      for concern in ["accounts", "identities"] : concern => {
        for name, function in module.function : name => [
          for action in sort(one(jsondecode(function.policies[concern]).Statement).Action) : split(":", action)[1]
        ] if can(function.policies[concern])
      }
      } == {
      accounts = {
        members = [
          "AdminCreateUser", "AdminDeleteUser", "AdminDisableUser", "AdminEnableUser", "AdminUpdateUserAttributes",
          "AdminUserGlobalSignOut",
        ]
        recruiting = ["AdminCreateUser", "AdminUpdateUserAttributes"]
      }
      identities = {
        custody    = ["Decrypt"]
        members    = ["Decrypt", "GenerateDataKey"]
        payouts    = ["Decrypt"]
        recruiting = ["GenerateDataKey"]
      }
    }
    error_message = "A function may do something else with identities, or with the accounts of members."
  }

  # Who pays opens identities and seals none; the bank's files are sealed by the same key for that purpose alone.
  assert {
    condition = {
      for concern in ["identities", "transfers"] : concern => [
        for statement in jsondecode(module.function["payouts"].policies[concern]).Statement :
        [statement.Action, statement.Resource, statement.Condition]
      ]
      } == {
      identities = [[
        ["kms:Decrypt"], ["arn:aws:kms:us-east-1:123456789012:key/identity"],
        { StringEquals = { "kms:EncryptionContext:purpose" = "identity" } },
      ]]
      transfers = [[
        ["kms:Decrypt", "kms:GenerateDataKey"], ["arn:aws:kms:us-east-1:123456789012:key/identity"],
        { StringEquals = { "kms:EncryptionContext:purpose" = "transfers" } },
      ]]
    }
    error_message = "Who pays has the key of identities for something else than to open them, and for the bank's files."
  }
  assert {
    condition     = [for name, function in module.function : name if can(function.policies["transfers"])] == ["payouts"]
    error_message = "Somebody else than who pays has the key of the bank's files."
  }

  # Who signs webhooks, or shows a new secret, has their key for secrets and for nothing else.
  assert {
    condition = {
      for name, function in module.function : name => [
        for statement in jsondecode(function.policies["webhook-secrets"]).Statement :
        [statement.Action, statement.Resource, statement.Condition]
      ] if can(function.policies["webhook-secrets"])
      } == {
      for name, actions in { agency-systems = ["kms:Decrypt", "kms:GenerateDataKey"], webhook = ["kms:Decrypt"] } : name => [[
        actions, ["arn:aws:kms:us-east-1:123456789012:key/webhooks"],
        { StringEquals = { "kms:EncryptionContext:purpose" = "webhook" } },
      ]]
    }
    error_message = "A function has the key of webhooks for something else than their secrets."
  }

  # All that any function may do in the bucket, written out a second time.
  assert {
    condition = {
      for name, function in module.function : name => {
        for statement in flatten([
          for concern in ["media", "media-list"] : jsondecode(try(function.policies[concern], "{\"Statement\":[]}")).Statement
          ]) : one(statement.Resource) => join(" ", concat(
          [for action in sort(statement.Action) : trimprefix(action, "s3:")],
          try(["of ${statement.Condition.StringLike["s3:prefix"]}"], []),
        ))...
      } if can(function.policies["media"])
      } == {
      briefing  = { "arn:aws:s3:::pingan-dev-media-123456789012/briefings/*" = ["PutObject"] }
      briefings = { "arn:aws:s3:::pingan-dev-media-123456789012/briefings/*" = ["GetObject"] }
      export    = { "arn:aws:s3:::pingan-dev-media-123456789012/exports/*" = ["PutObject"] }
      exports   = { "arn:aws:s3:::pingan-dev-media-123456789012/exports/*" = ["GetObject"] }
      media = {
        "arn:aws:s3:::pingan-dev-media-123456789012"             = ["ListBucket of uploads/*"]
        "arn:aws:s3:::pingan-dev-media-123456789012/copies/*"    = ["GetObject"]
        "arn:aws:s3:::pingan-dev-media-123456789012/originals/*" = ["GetObject"]
        "arn:aws:s3:::pingan-dev-media-123456789012/uploads/*"   = ["AbortMultipartUpload ListMultipartUploadParts PutObject"]
      }
      media-erase = {
        "arn:aws:s3:::pingan-dev-media-123456789012"             = ["ListBucket of originals/*"]
        "arn:aws:s3:::pingan-dev-media-123456789012/copies/*"    = ["DeleteObject"]
        "arn:aws:s3:::pingan-dev-media-123456789012/originals/*" = ["DeleteObject"]
        "arn:aws:s3:::pingan-dev-media-123456789012/uploads/*"   = ["DeleteObject"]
      }
      media-intake = {
        "arn:aws:s3:::pingan-dev-media-123456789012"             = ["ListBucket"]
        "arn:aws:s3:::pingan-dev-media-123456789012/copies/*"    = ["AbortMultipartUpload PutObject"]
        "arn:aws:s3:::pingan-dev-media-123456789012/originals/*" = ["AbortMultipartUpload PutObject"]
        "arn:aws:s3:::pingan-dev-media-123456789012/uploads/*"   = ["DeleteObject GetObject GetObjectTagging"]
      }
    }
    error_message = "A function may do something else in the bucket of the media."
  }

  # Who writes seals and who reads unseals; who only deletes does neither.
  assert {
    condition = {
      for name, function in module.function : name => one(jsondecode(function.policies["media-key"]).Statement).Action
      if can(function.policies["media-key"])
      } == {
      briefing     = ["kms:Decrypt", "kms:GenerateDataKey"]
      briefings    = ["kms:Decrypt"]
      export       = ["kms:Decrypt", "kms:GenerateDataKey"]
      exports      = ["kms:Decrypt"]
      media        = ["kms:Decrypt", "kms:GenerateDataKey"]
      media-intake = ["kms:Decrypt", "kms:GenerateDataKey"]
    }
    error_message = "A function has the key of the media for something else than reading and writing."
  }
}

run "what_the_functions_may_do" {
  command = plan

  module {
    source = "./tests/policy-check"
  }

  variables {
    prefix    = run.bundle.prefix
    functions = run.bundle.permissions
  }

  assert {
    condition     = length(output.violations) == 0
    error_message = join("\n", concat(["These policies break the rules of tests/policy-check:"], output.violations))
  }

  # Its log, its traces, its settings' key, and at least one thing to do.
  assert {
    condition     = alltrue([for count in values(output.statements) : count >= 4])
    error_message = "The check has not read the policies of every function."
  }
}

# Every document in this file breaks the rules that stand here, and no other.
run "what_functions_must_not_do" {
  command = plan

  module {
    source = "./tests/policy-check"
  }

  variables {
    prefix = "pingan-dev"
    functions = {
      for name, function in jsondecode(file("tests/fixtures/bad-policies.json")) : name => {
        tables   = function.tables
        policies = { for concern, document in function.policies : concern => jsonencode(document) }
      }
    }
  }

  assert {
    condition = output.violations == tolist([
      "media-erase/key reaches a key that is not its own",
      "media-erase/lists-all lists the media",
      "media-erase/lists-more lists the media",
      "media-erase/reads reads media that are not for it",
      "media-intake/deletes-originals deletes media that are not for it",
      "media-intake/policy does something else to the media",
      "media-intake/reads-and-writes writes media that are not for it",
      "media-intake/untags does something else to the media",
      "media-intake/untags tags the media",
      "media/deletes deletes media that are not for it",
      "media/lists lists the media",
      "media/reads-uploads reads media that are not for it",
      "media/tags does something else to the media",
      "media/tags tags the media",
      "media/whole-bucket names too many resources",
      "media/whole-bucket reads media that are not for it",
      "media/writes-originals writes media that are not for it",
      "members/publishes publishes",
      "notify/subscribes subscribes others",
      "station-review/bucket lists the media",
      "station-review/bucket reviews and touches the media",
      "station-review/bucket touches the media",
      "submission/any-action allows any action",
      "submission/any-index names too many resources",
      "submission/any-key names no resource",
      "submission/any-key reaches a key that is not its own",
      "submission/any-resource names no resource",
      "submission/any-table names too many resources",
      "submission/any-table reaches a table it does not declare",
      "submission/bare-key uses a key for anything",
      "submission/books books somewhere else",
      "submission/books reaches into another service",
      "submission/bucket reads media that are not for it",
      "submission/bucket touches the media",
      "submission/everything allows any action",
      "submission/everything names no resource",
      "submission/everything reaches into another service",
      "submission/identities reaches a table it does not declare",
      "submission/identities reaches identities",
      "submission/identities-key reaches a key that is not its own",
      "submission/identities-key reaches identities",
      "submission/key-alias reaches a key that is not its own",
      "submission/longer-name reaches a table it does not declare",
      "submission/media-key reaches a key that is not its own",
      "submission/mixed-traces names no resource",
      "submission/no-resource names no resource",
      "submission/not-action says it the wrong way round",
      "submission/not-resource names no resource",
      "submission/not-resource says it the wrong way round",
      "submission/other-index reaches a table it does not declare",
      "submission/other-key reaches a key that is not its own",
      "submission/other-role gives a role away",
      "submission/other-role reaches into another service",
      "submission/other-table reaches a table it does not declare",
      "submission/others-log writes to another's log",
      "submission/others-queue writes to another's queue",
      "submission/some-action allows any action",
      "submission/topic publishes",
      "submission/topics-key reaches a key that is not its own",
      "task-clock/books books somewhere else",
      "task-clock/books reaches into another service",
      "task-clock/identities reaches identities",
      "task-clock/identities reaches more than tasks",
      "task-clock/members reaches more than tasks",
      "task-clock/passes gives a role away",
      "task-clock/passes reaches into another service",
      "task-clock/reports reaches more than tasks",
      "task-schedule/any-group books somewhere else",
      "task-schedule/any-group names too many resources",
      "task-schedule/any-role gives a role away",
      "task-schedule/any-role names too many resources",
      "task-schedule/any-service gives a role away",
      "task-schedule/default-group books somewhere else",
      "task-schedule/groups books somewhere else",
      "task-schedule/groups reaches into another service",
      "task-schedule/jobs books somewhere else",
      "task-schedule/other-role gives a role away",
      "task-schedule/other-service gives a role away",
      "task-schedule/starts reaches into another service",
      "task-schedule/table reaches more than tasks",
      "task-schedule/trust reaches into another service",
      "tasking/books books somewhere else",
      "tasking/books reaches into another service",
      "tasking/identities reaches a table it does not declare",
      "tasking/identities reaches identities",
      "triage/tables reaches identities",
      "webhook/identities reaches a key that is not its own",
      "webhook/identities reaches identities",
      "webhook/other-group books somewhere else",
      "webhook/other-purpose uses a key for anything",
      "webhook/other-role gives a role away",
    ])
    error_message = join("\n", concat(["The check finds something else:"], output.violations))
  }
}

# What custody will need, and what others need, is not refused.
run "what_functions_need" {
  command = plan

  module {
    source = "./tests/policy-check"
  }

  variables {
    prefix = "pingan-dev"
    functions = {
      for name, function in jsondecode(file("tests/fixtures/good-policies.json")) : name => {
        tables   = function.tables
        policies = { for concern, document in function.policies : concern => jsonencode(document) }
      }
    }
  }

  assert {
    condition     = length(output.violations) == 0
    error_message = join("\n", concat(["The check refuses what is needed:"], output.violations))
  }
}
