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

  # A stream tells its reader which table it is of; everybody else is told by a setting.
  assert {
    condition = alltrue([
      for function in local.functions : alltrue([
        for table in keys(function.tables) :
        table == try(function.stream, null) || contains(function.settings, "${upper(replace(table, "-", "_"))}_TABLE")
      ])
    ])
    error_message = "A function may touch a table of which its settings say nothing."
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
      "media/whole-bucket names too many resources",
      "members/publishes publishes",
      "notify/subscribes subscribes others",
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
      "submission/other-role reaches into another service",
      "submission/other-table reaches a table it does not declare",
      "submission/others-log writes to another's log",
      "submission/others-queue writes to another's queue",
      "submission/some-action allows any action",
      "submission/topic publishes",
      "submission/topics-key reaches a key that is not its own",
      "triage/tables reaches identities",
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
