# The HTTP API. Its routes are those of openapi.json, which is written from the functions'
# own routers: adding an operation there is all that its route needs.

locals {
  openapi = jsondecode(file(coalesce(var.openapi_file, "${path.module}/openapi.json")))

  # A path item can hold more than operations.
  methods = ["get", "put", "post", "delete", "patch", "head", "options"]

  operations = merge([
    for path, item in local.openapi.paths : {
      for method, operation in item : "${upper(method)} ${path}" => {
        function = operation["x-function"]
        # Public is only what says so itself, by a security that asks for nothing. Whatever
        # says nothing, or anything else, needs a token.
        public = contains(["[]", "[{}]"], jsonencode(try(operation.security, null)))
      } if contains(local.methods, method)
    }
  ]...)

  http_functions = toset([for operation in local.operations : operation.function])
}

resource "aws_apigatewayv2_api" "this" {
  name          = local.prefix
  description   = local.openapi.info.title
  protocol_type = "HTTP"

  # Without an origin there is no CORS at all, and browsers keep out.
  dynamic "cors_configuration" {
    for_each = length(var.allowed_origins) > 0 ? [1] : []
    content {
      allow_origins  = var.allowed_origins
      allow_methods  = sort(distinct([for route in keys(local.operations) : split(" ", route)[0]]))
      allow_headers  = ["authorization", "content-type", "idempotency-key", "if-match"]
      expose_headers = ["etag", "link", "location", "retry-after"]
      max_age        = 600
    }
  }
}

resource "aws_apigatewayv2_authorizer" "members" {
  api_id           = aws_apigatewayv2_api.this.id
  name             = "members"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = local.issuer
    audience = local.audience
  }
}

resource "aws_apigatewayv2_integration" "function" {
  for_each = local.http_functions

  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.function[each.key].invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = local.functions[each.key].timeout_seconds * 1000
}

resource "aws_apigatewayv2_route" "operation" {
  for_each = local.operations

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.function[each.value.function].id}"
  authorization_type = each.value.public ? "NONE" : "JWT"
  authorizer_id      = each.value.public ? null : aws_apigatewayv2_authorizer.members.id
}

# The stage whose name is not part of any path.
resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit    = var.throttle.rate
    throttling_burst_limit   = var.throttle.burst
    detailed_metrics_enabled = true
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn
    # Who asked for what and how it was answered: never a query, which may hold a cursor,
    # nor a token.
    format = jsonencode({
      "request.id"         = "$context.requestId"
      "request.at"         = "$context.requestTimeEpoch"
      "request.ip"         = "$context.identity.sourceIp"
      "request.method"     = "$context.httpMethod"
      "request.route"      = "$context.routeKey"
      "request.path"       = "$context.path"
      "request.member"     = "$context.authorizer.claims.${local.member_claim}"
      "answer.status"      = "$context.status"
      "answer.bytes"       = "$context.responseLength"
      "answer.ms"          = "$context.responseLatency"
      "answer.function_ms" = "$context.integrationLatency"
      "error.authorizer"   = "$context.authorizer.error"
      "error.integration"  = "$context.integrationErrorMessage"
    })
  }
}

# Part of the audit of readings: which member asked for which report.
resource "aws_cloudwatch_log_group" "api" {
  name              = "/aws/apigateway/${local.prefix}"
  retention_in_days = max(400, var.log_retention_days)
}

resource "aws_lambda_permission" "api" {
  for_each = local.http_functions

  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = module.function[each.key].name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*"
}
