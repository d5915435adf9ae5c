# The tables, as shared/store/src/tables.rs makes them on one machine: the keys, the
# indexes and what each index shows are the store's, and a test compares the two.

locals {
  tables = {
    # Each index answers one question and is named after it.
    documents = {
      stream = true
      indexes = {
        briefings-by-district = { hash = "district_pk", range = "created_sk", shows = "briefing" }
        exports-by-district   = { hash = "exports_pk", range = "created_sk", shows = "export" }
      }
    }
    handovers = {
      stream = true
      indexes = {
        handovers-by-district = { hash = "district_pk", range = "created_sk", shows = "handover" }
        handovers-by-receiver = { hash = "receiver_pk", range = "created_sk", shows = "handover" }
        handovers-by-due      = { hash = "due_pk", range = "due_sk", shows = "handover" }
      }
    }
    identities = {
      stream  = false
      indexes = { openings-by-district = { hash = "district_pk", range = "created_sk", shows = "opening" } }
    }
    members = {
      stream = true
      indexes = {
        invites-by-community = { hash = "invites_pk", range = "created_sk", shows = "invite" }
        members-by-community = { hash = "community_pk", range = "created_sk", shows = "member" }
        members-by-station   = { hash = "station_pk", range = "created_sk", shows = "member" }
        members-by-district  = { hash = "district_pk", range = "created_sk", shows = "member" }
        districts            = { hash = "districts_pk", range = "districts_sk", shows = "district" }
      }
    }
    notices = {
      stream  = true
      indexes = {}
    }
    outcomes = {
      stream = true
      indexes = {
        outcomes-by-community = { hash = "community_pk", range = "created_sk", shows = "outcome" }
        outcomes-by-station   = { hash = "station_pk", range = "created_sk", shows = "outcome" }
        outcomes-by-district  = { hash = "district_pk", range = "created_sk", shows = "outcome" }
        outcomes-by-receiver  = { hash = "receiver_pk", range = "created_sk", shows = "outcome" }
        outcomes-by-kind      = { hash = "kind_pk", range = "on_sk", shows = "outcome" }
        outcomes-to-confirm   = { hash = "confirm_pk", range = "proposed_sk", shows = "outcome" }
      }
    }
    reports = {
      stream = true
      indexes = {
        queue-by-stage       = { hash = "queue_pk", range = "queue_sk", shows = "report" }
        open-reports-by-node = { hash = "open_pk", range = "created_sk", shows = "everything" }
        deadlines-by-node    = { hash = "open_pk", range = "deadline_sk", shows = "everything" }
        reports-by-due       = { hash = "due_pk", range = "due_sk", shows = "keys" }
        reports-by-reporter  = { hash = "reporter_pk", range = "created_sk", shows = "report" }
        reports-by-community = { hash = "community_pk", range = "created_sk", shows = "report" }
        reports-by-station   = { hash = "station_pk", range = "created_sk", shows = "report" }
        reports-by-district  = { hash = "district_pk", range = "created_sk", shows = "report" }
        reports-by-task      = { hash = "task_pk", range = "created_sk", shows = "report" }
      }
    }
    rewards = {
      stream = true
      indexes = {
        rewards-by-district = { hash = "district_pk", range = "created_sk", shows = "reward" }
        rewards-by-state    = { hash = "state_pk", range = "created_sk", shows = "reward" }
        rewards-by-reporter = { hash = "reporter_pk", range = "created_sk", shows = "everything" }
        rewards-by-due      = { hash = "due_pk", range = "due_sk", shows = "keys" }
        payouts-by-state    = { hash = "payouts_pk", range = "updated_sk", shows = "payout" }
        batches-by-state    = { hash = "batches_pk", range = "updated_sk", shows = "batch" }
      }
    }
    tallies = {
      stream  = false
      indexes = {}
    }
    tasks = {
      stream = true
      indexes = {
        tasks-by-community = { hash = "community_pk", range = "created_sk", shows = "task" }
        tasks-by-station   = { hash = "station_pk", range = "created_sk", shows = "task" }
        tasks-by-district  = { hash = "district_pk", range = "created_sk", shows = "task" }
        answers-by-task    = { hash = "answers_pk", range = "answered_sk", shows = "answer" }
      }
    }
  }

  # What lists show: of a report and of a hand-over nothing of its texts, of a member nothing of who it is. The
  # answers to a task are short and read together, so that their list shows them whole.
  # `everything` is for items that hold nothing but what a list shows, `keys` for what is only
  # looked up: DynamoDB takes no more than a hundred names for all indexes of a table together.
  shown = {
    batch = [
      "type", "schema", "id", "version", "district", "state", "line_count", "amount_fen", "created_at", "updated_at",
    ]
    answer = ["type", "schema", "pseudonym", "answered_at", "form_version", "answer", "media"]
    handover = [
      "type", "schema", "id", "version", "report", "district", "receiver", "category", "urgency", "state", "due_at",
      "received_at", "erase_by", "erased_at", "created_at", "updated_at",
    ]
    briefing = [
      "type", "schema", "id", "version", "district", "period", "origin", "state", "requested_by", "created_by",
      "created_at", "made_at", "comments",
    ]
    district = ["type", "schema", "node"]
    export = [
      "type", "schema", "id", "version", "district", "format", "of", "from", "to", "by", "reason", "state",
      "requested_by", "position", "created_by", "fingerprint", "created_at", "made_at", "size_bytes",
    ]
    invite = [
      "type", "schema", "code", "node", "made_by", "created_at", "expires_at_time", "max_uses", "uses", "revoked_at",
    ]
    member = [
      "type", "schema", "id", "pseudonym", "role", "node", "body", "state", "kind", "trades", "places", "created_at",
      "joined_at",
    ]
    opening = [
      "type", "schema", "id", "member", "pseudonym", "node", "requested_by", "role", "reason", "requested_at",
      "decide_by", "decision",
    ]
    outcome = [
      "type", "schema", "id", "version", "state", "claim", "waits", "node", "category", "concerns", "most_concerns",
      "receiver", "created_at", "updated_at",
    ]
    payout = [
      "type", "schema", "reward", "share", "version", "district", "amount_fen", "state", "method", "updated_at",
    ]
    report = [
      "type", "schema", "id", "version", "node", "pseudonym", "category", "urgency", "state", "stage",
      "stage_since", "due_at", "created_at", "updated_at", "reason",
    ]
    reward = [
      "type", "schema", "id", "version", "node", "concerns", "matter", "merit", "amount_fen", "state", "waits_for_fund",
      "appealed", "claim_until", "created_at", "updated_at",
    ]
    task = [
      "type", "schema", "id", "version", "kind", "title", "category", "priority", "node", "stage", "starts_at",
      "ends_at", "created_at", "updated_at",
    ]
  }

  table_names = { for table in keys(local.tables) : table => "${local.prefix}-${table}" }
  table_arns = {
    for table, name in local.table_names : table => "arn:${local.partition}:dynamodb:${local.here}:table/${name}"
  }
}

resource "aws_dynamodb_table" "this" {
  for_each = local.tables

  name         = local.table_names[each.key]
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  dynamic "attribute" {
    for_each = toset(concat(["pk", "sk"], flatten([for index in values(each.value.indexes) : [index.hash, index.range]])))
    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.indexes
    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.hash
      range_key          = global_secondary_index.value.range
      projection_type    = lookup({ everything = "ALL", keys = "KEYS_ONLY" }, global_secondary_index.value.shows, "INCLUDE")
      non_key_attributes = lookup(local.shown, global_secondary_index.value.shows, null)
    }
  }

  stream_enabled   = each.value.stream
  stream_view_type = each.value.stream ? "NEW_IMAGE" : null

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.table[each.key].arn
  }

  deletion_protection_enabled = var.protect_data

  # `protect_data` guards each table in AWS itself, where it also holds against everything
  # that is not Terraform. `prevent_destroy` knows no variables, and the proof of
  # deployment could not tear down what it made.
}

# One key per table: who may read one is said apart from who may read another.
resource "aws_kms_key" "table" {
  for_each = local.tables

  description             = "${local.prefix}: the table ${each.key}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_alias" "table" {
  for_each = local.tables

  name          = "alias/${local.prefix}-${each.key}"
  target_key_id = aws_kms_key.table[each.key].key_id
}

# What seals identities and the bank's files, apart from the key of their table: who may read the table cannot yet
# read a name. Losing this key loses every identity.
resource "aws_kms_key" "identity" {
  description             = "${local.prefix}: who members are in life"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_alias" "identity" {
  name          = "alias/${local.prefix}-identity"
  target_key_id = aws_kms_key.identity.key_id
}
