# The tables, as shared/store/src/tables.rs makes them on one machine: the keys, the
# indexes and what each index shows are the store's, and a test compares the two.

locals {
  tables = {
    # Each index answers one question and is named after it.
    identities = {
      stream  = false
      indexes = { openings-by-district = { hash = "district_pk", range = "created_sk", shows = "opening" } }
    }
    members = {
      stream = false
      indexes = {
        invites-by-community = { hash = "invites_pk", range = "created_sk", shows = "invite" }
        members-by-community = { hash = "community_pk", range = "created_sk", shows = "member" }
        members-by-station   = { hash = "station_pk", range = "created_sk", shows = "member" }
        members-by-district  = { hash = "district_pk", range = "created_sk", shows = "member" }
      }
    }
    notices = {
      stream  = true
      indexes = {}
    }
    reports = {
      stream = true
      indexes = {
        queue-by-stage       = { hash = "queue_pk", range = "queue_sk", shows = "report" }
        reports-by-reporter  = { hash = "reporter_pk", range = "created_sk", shows = "report" }
        reports-by-community = { hash = "community_pk", range = "created_sk", shows = "report" }
        reports-by-station   = { hash = "station_pk", range = "created_sk", shows = "report" }
        reports-by-district  = { hash = "district_pk", range = "created_sk", shows = "report" }
        reports-by-task      = { hash = "task_pk", range = "created_sk", shows = "report" }
      }
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

  # What lists show: of a report nothing of its texts, of a member nothing of who it is. The
  # answers to a task are short and read together, so that their list shows them whole.
  shown = {
    answer = ["type", "schema", "pseudonym", "answered_at", "form_version", "answer", "media"]
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
    report = [
      "type", "schema", "id", "version", "node", "pseudonym", "category", "urgency", "state", "stage",
      "stage_since", "due_at", "created_at", "updated_at", "reason",
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
      projection_type    = "INCLUDE"
      non_key_attributes = local.shown[global_secondary_index.value.shows]
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

# What seals identities, apart from the key of their table: who may read the table cannot yet
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
