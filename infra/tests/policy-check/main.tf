# Reads what functions may do and says what they should not. It knows the rules and not how
# the documents came about, so that it can be tried on documents that break them.

variable "functions" {
  description = "Per function: the tables its row declares, and its policy documents by concern."
  type = map(object({
    tables   = set(string)
    policies = map(string)
  }))
}

variable "prefix" {
  description = "What every name begins with, like `pingan-dev`."
  type        = string
}

locals {
  # Who opens sealed identities, or seals them.
  may_identify = ["custody", "members", "payouts", "recruiting"]
  # Who makes and ends the accounts with which members sign in.
  may_register = ["members", "recruiting"]
  may_publish  = ["notify"]
  # Who keeps the subscriptions and devices of those who are told.
  may_subscribe = ["members"]
  # Who may do what with the media, and with which keys. An upload that was not checked is read
  # by the intake alone; what is kept is deleted by what erases and by nothing else.
  media_rights = {
    reads = {
      actions = ["s3:getobject", "s3:getobjecttagging"]
      by      = { briefings = ["briefings"], exports = ["exports"], media = ["copies", "originals"], media-intake = ["uploads"] }
    }
    writes = {
      actions = ["s3:putobject", "s3:abortmultipartupload", "s3:listmultipartuploadparts"]
      by      = { briefing = ["briefings"], export = ["exports"], media = ["uploads"], media-intake = ["copies", "originals"] }
    }
    deletes = {
      actions = ["s3:deleteobject"]
      by      = { media-erase = ["copies", "originals", "uploads"], media-intake = ["uploads"] }
    }
  }
  # Who books with the scheduler, in which group, and which role it gives it with which to start
  # what is booked.
  bookers = {
    task-schedule = { group = "tasks", role = "moments" }
    webhook       = { group = "webhooks", role = "retries" }
  }
  may_book = keys(local.bookers)
  # Who may know the secrets of webhooks.
  may_sign = ["agency-systems", "webhook"]
  # Who is there for tasks alone, and what of the tables that may reach at most, whatever its row
  # declares: the one reads a stream and no table, the other neither people nor reports.
  only_for_tasks = {
    task-clock    = ["notices(/index/[^/]+)?", "tasks(/index/[^/]+)?"]
    task-schedule = ["tasks/stream/[^/]+"]
  }
  # Who may ask which keys there are: all of them, or those that begin so.
  may_list = { media = ["uploads/*"], media-erase = ["originals/*"], media-intake = [] }
  may_open = distinct(flatten([for right in local.media_rights : keys(right.by)]))
  # Who needs its key: whoever reads or writes.
  may_unseal = distinct(concat(keys(local.media_rights.reads.by), keys(local.media_rights.writes.by)))

  # What may be done without naming a resource, because it knows none.
  without_resource = [
    "xray:puttelemetryrecords", "xray:puttracesegments", "dynamodb:liststreams", "sns:createplatformendpoint",
    "sns:deleteendpoint", "sns:setendpointattributes", "sns:setsubscriptionattributes", "sns:unsubscribe",
  ]

  # All that a function has to do with. A new one is worth a second look.
  services = ["cognito-idp", "dynamodb", "kms", "logs", "s3", "sns", "sqs", "xray"]
  # And what those beside have to do with that book.
  booking = ["iam:passrole", "scheduler:createschedule", "scheduler:deleteschedule", "scheduler:updateschedule"]

  any_table = "arn:aws:dynamodb:[a-z0-9-]+:[0-9]{12}:table/"

  # The only resources that may end in a wildcard; none has one elsewhere.
  open_ended = [
    "^arn:aws:dynamodb:[^*?]+:table/[^*?/]+/stream/[*]$",
    "^arn:aws:s3:::[^*?/]+/(briefings|copies|exports|originals|uploads)/[*]$",
    "^arn:aws:sns:[^*?]+:endpoint/[A-Z_]+/[^*?/]+/[*]$",
    "^arn:aws:logs:[^*?]+:log-group:/aws/lambda/[^*?]+:[*]$",
    "^arn:aws:scheduler:[^*?]+:schedule/[^*?/]+/[*]$",
  ]

  # IAM takes one or many, and actions in any case.
  statements = flatten([
    for name, function in var.functions : [
      for concern, document in function.policies : [
        for statement in flatten([jsondecode(document).Statement]) : {
          function  = name
          place     = "${name}/${concern}"
          names     = keys(statement)
          actions   = [for action in flatten([try(statement.Action, [])]) : lower(action)]
          resources = flatten([try(statement.Resource, [])])
          service   = try(statement.Condition.StringEquals["kms:ViaService"], "")
          purpose   = try(statement.Condition.StringEquals["kms:EncryptionContext:purpose"], "")
          passed_to = flatten([try(statement.Condition.StringEquals["iam:PassedToService"], [])])
          listed    = flatten([try(statement.Condition.StringLike["s3:prefix"], [])])
        } if try(statement.Effect, "") != "Deny"
      ]
    ]
  ])

  actions   = flatten([for s in local.statements : [for action in s.actions : merge(s, { action = action })]])
  resources = flatten([for s in local.statements : [for resource in s.resources : merge(s, { resource = resource })]])

  media_actions = flatten([
    for a in local.actions : [for resource in a.resources : merge(a, { resource = resource })] if startswith(a.action, "s3:")
  ])

  table_arns = [for r in local.resources : r if strcontains(r.resource, ":dynamodb:")]
  key_arns   = [for r in local.resources : r if strcontains(r.resource, ":kms:")]

  # The mocks call each key after what it seals.
  own_keys = {
    for name, function in var.functions : name => concat(
      ["functions"],
      [for table in function.tables : "table/${table}"],
      contains(local.may_identify, name) ? ["identity"] : [],
      contains(local.may_unseal, name) ? ["media"] : [],
      contains(local.may_publish, name) ? ["messages"] : [],
      contains(local.may_sign, name) ? ["webhooks"] : [],
    )
  }

  violations = merge(local.misuses_of_media, {
    # What says what is not allowed allows all the rest.
    "says it the wrong way round" = [
      for s in local.statements : s.place if length(setintersection(s.names, ["NotAction", "NotResource"])) > 0
    ]

    "allows any action" = [for a in local.actions : a.place if can(regex("[*?]", a.action))]

    "reaches into another service" = [
      for a in local.actions : a.place if !contains(local.services, split(":", a.action)[0])
      && !(contains(local.may_book, a.function) && contains(local.booking, a.action))
    ]

    # Whoever may write a schedule that stands elsewhere may start whatever its role may.
    "books somewhere else" = concat(
      [
        for a in local.actions : a.place if startswith(a.action, "scheduler:") && !alltrue([
          for resource in a.resources : can(regex("^arn:aws:scheduler:[^*?:]+:[0-9]{12}:schedule/${var.prefix}-${try(local.bookers[a.function].group, "tasks")}/[^/]+$", resource))
        ])
      ],
      [
        for r in local.resources : r.place
        if strcontains(r.resource, ":scheduler:") && !contains(local.may_book, r.function)
      ],
    )

    # The mocks call the role after what it is for.
    "gives a role away" = concat(
      [
        for a in local.actions : a.place if startswith(a.action, "iam:") && !(
          a.resources == ["arn:aws:iam::123456789012:role/${try(local.bookers[a.function].role, "moments")}"] && a.passed_to == ["scheduler.amazonaws.com"]
        )
      ],
      [for r in local.resources : r.place if strcontains(r.resource, ":iam:") && !contains(local.may_book, r.function)],
    )

    "reaches more than tasks" = [
      for r in local.table_arns : r.place if contains(keys(local.only_for_tasks), r.function) && !anytrue([
        for form in try(local.only_for_tasks[r.function], []) :
        can(regex("^${local.any_table}${var.prefix}-${form}$", r.resource))
      ])
    ]

    "names no resource" = [
      for a in local.actions : a.place
      if !contains(local.without_resource, a.action) && (length(a.resources) == 0 || contains(a.resources, "*"))
    ]

    "names too many resources" = [
      for r in local.resources : r.place
      if r.resource != "*" && can(regex("[*?]", r.resource))
      && !anytrue([for form in local.open_ended : can(regex(form, r.resource))])
    ]

    "reaches a table it does not declare" = [
      for r in local.table_arns : r.place if !anytrue([
        for table in var.functions[r.function].tables :
        can(regex("^${local.any_table}${var.prefix}-${table}(/(index|stream)/[^/]+)?$", r.resource))
      ])
    ]

    "reaches a key that is not its own" = concat(
      [
        for r in local.key_arns : r.place if !contains(
          [for key in local.own_keys[r.function] : "key/${key}"], try(split(":", r.resource)[5], ""),
        )
      ],
      # An alias or another service's ARN would go past the check above.
      [
        for a in local.actions : a.place if startswith(a.action, "kms:")
        && !alltrue([for resource in a.resources : startswith(resource, "arn:aws:kms:")])
      ],
    )

    # DynamoDB, S3 and SNS ask KMS in the function's name; nothing else may do so.
    "uses a key for anything" = [
      for r in local.key_arns : r.place
      if !endswith(r.resource, ":key/functions") && r.service == ""
      && !(endswith(r.resource, ":key/identity") && r.purpose == "identity")
      && !(endswith(r.resource, ":key/identity") && r.purpose == "transfers" && r.function == "payouts")
      && !(endswith(r.resource, ":key/webhooks") && r.purpose == "webhook")
    ]

    "reaches identities" = [
      for r in local.resources : r.place
      if(strcontains(lower(r.resource), "identities") || endswith(r.resource, ":key/identity"))
      && !contains(local.may_identify, r.function)
    ]

    "manages accounts" = [
      for a in local.actions : a.place
      if startswith(a.action, "cognito-idp:") && !contains(local.may_register, a.function)
    ]

    "publishes" = concat(
      [
        for a in local.actions : a.place
        if a.action == "sns:publish" && !contains(local.may_publish, a.function)
      ],
      [
        for r in local.resources : r.place if strcontains(r.resource, ":sns:")
        && !contains(concat(local.may_publish, local.may_subscribe), r.function)
      ],
    )

    "subscribes others" = [
      for a in local.actions : a.place
      if startswith(a.action, "sns:") && a.action != "sns:publish" && !contains(local.may_subscribe, a.function)
    ]

    "touches the media" = concat(
      [for a in local.actions : a.place if startswith(a.action, "s3:") && !contains(local.may_open, a.function)],
      [
        for r in local.resources : r.place
        if strcontains(r.resource, ":s3:") && !contains(local.may_open, r.function)
      ],
    )

    # That an upload is clean is for the scanner to say.
    "tags the media" = [
      for a in local.media_actions : a.place if can(regex("^s3:(put|delete)object(version)?tagging$", a.action))
    ]

    "lists the media" = [
      for a in local.media_actions : a.place if a.action == "s3:listbucket"
      && try(toset(local.may_list[a.function]) != toset(a.listed), true)
    ]

    "does something else to the media" = [
      for a in local.media_actions : a.place if !strcontains(a.action, "*") && !strcontains(a.action, "?")
      && !contains(concat(["s3:listbucket"], flatten([for right in local.media_rights : right.actions])), a.action)
    ]

    # Whatever else may one day touch the media, reviewers' functions hand out no bytes.
    "reviews and touches the media" = [
      for s in local.statements : s.place if endswith(s.function, "-review")
      && anytrue(concat(
        [for action in s.actions : startswith(action, "s3:")],
        [for resource in s.resources : strcontains(resource, ":s3:")],
      ))
    ]

    "writes to another's queue" = [
      for r in local.resources : r.place
      if strcontains(r.resource, ":sqs:")
      && !endswith(r.resource, ":${var.prefix}-${r.function}-failures")
    ]

    "writes to another's log" = [
      for r in local.resources : r.place
      if strcontains(r.resource, ":logs:")
      && !endswith(r.resource, ":log-group:/aws/lambda/${var.prefix}-${r.function}:*")
    ]
  })

  misuses_of_media = {
    for verb, right in local.media_rights : "${verb} media that are not for it" => [
      for a in local.media_actions : a.place if contains(right.actions, a.action)
      && !contains(try(right.by[a.function], []), try(regex("^arn:aws:s3:::[^/]+/([a-z]+)/", a.resource)[0], ""))
    ]
  }
}

output "statements" {
  description = "How many statements were read: a check of nothing finds nothing."
  value = {
    for name in keys(var.functions) : name => length([for s in local.statements : s if s.function == name])
  }
}

output "violations" {
  description = "What is wrong, as `<function>/<concern> <what is wrong>`."
  value = sort(distinct(flatten([
    for rule, places in local.violations : [for place in places : "${place} ${rule}"]
  ])))
}
