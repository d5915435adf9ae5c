# Who signs people in: a Cognito user pool of this deployment, or an OIDC issuer outside
# it. Either way the API knows the issuer, the audience and the claim that holds the
# member's id, and nothing more; what a member may do stands in the table `members`.

locals {
  cognito = var.issuer == null

  issuer = local.cognito ? "https://${one(aws_cognito_user_pool.members[*].endpoint)}" : var.issuer.url

  # A Cognito access token names its client where others name an audience; API Gateway
  # takes either.
  audience = local.cognito ? [for client in aws_cognito_user_pool_client.app : client.id] : var.issuer.audience

  # Users of our own pool are called after their member; accounts of an issuer outside are
  # linked to members by invitations, unless its tokens hold the member's id.
  accounts = local.cognito || var.direct_accounts ? "direct" : "linked"

  member_claim = coalesce(var.member_claim, local.cognito ? "username" : "sub")
}

resource "aws_cognito_user_pool" "members" {
  count = local.cognito ? 1 : 0

  name = "${local.prefix}-members"

  # A member's id is the user name; people sign in by their phone number.
  # Whoever makes a user says that the number is verified; the pool has no sender of texts,
  # and so nothing is verified by it.
  alias_attributes = ["phone_number"]

  username_configuration {
    case_sensitive = true
  }

  # Officers and managers recruit; nobody signs up.
  admin_create_user_config {
    allow_admin_create_user_only = true
  }

  password_policy {
    minimum_length                   = 12
    require_lowercase                = true
    require_numbers                  = true
    require_symbols                  = false
    require_uppercase                = true
    temporary_password_validity_days = 3
  }

  # Staff are made with an authenticator of their own, see README.md; a pool can demand
  # one of everybody or of nobody, and a reporter's phone is not asked for a second one.
  mfa_configuration = "OPTIONAL"

  software_token_mfa_configuration {
    enabled = true
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "admin_only"
      priority = 1
    }
  }

  deletion_protection = var.protect_data ? "ACTIVE" : "INACTIVE"
}

# The phone app and the managers' console. Neither can keep a secret.
resource "aws_cognito_user_pool_client" "app" {
  for_each = local.cognito ? toset(["phone", "console"]) : toset([])

  name         = "${local.prefix}-${each.key}"
  user_pool_id = one(aws_cognito_user_pool.members[*].id)

  explicit_auth_flows = concat(
    ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    var.allow_admin_sign_in ? ["ALLOW_ADMIN_USER_PASSWORD_AUTH"] : [],
  )

  # Short: who loses the phone, or the post, is out soon. A suspension in `members` is in
  # force at once and does not wait for it.
  access_token_validity  = 15
  id_token_validity      = 15
  refresh_token_validity = each.key == "phone" ? 30 : 1

  token_validity_units {
    access_token  = "minutes"
    id_token      = "minutes"
    refresh_token = "days"
  }

  # People sign in by the number, so that nobody changes their own.
  write_attributes = ["locale"]

  enable_token_revocation       = true
  prevent_user_existence_errors = "ENABLED"
}
