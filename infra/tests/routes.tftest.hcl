# Every operation of the API's description has its route, its function and its authorizer.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "described" {
  command = plan

  module {
    source = "./tests/operations"
  }

  variables {
    file = "openapi.json"
  }
}

run "routes" {
  assert {
    condition     = keys(aws_apigatewayv2_route.operation) == keys(run.described.operations)
    error_message = "The routes are not the operations of openapi.json."
  }

  assert {
    condition     = alltrue([for key, route in aws_apigatewayv2_route.operation : route.route_key == key])
    error_message = "A route answers to something else than its operation."
  }

  # Otherwise the next two would be true of anything.
  assert {
    condition = alltrue([
      for values in [
        [for integration in aws_apigatewayv2_integration.function : integration.id],
        [for function in module.function : function.invoke_arn],
      ] : length(distinct(values)) == length(values)
    ])
    error_message = "The mocks give two integrations or functions the same name."
  }

  assert {
    condition = alltrue([
      for key, operation in run.described.operations : aws_apigatewayv2_route.operation[key].target ==
      "integrations/${aws_apigatewayv2_integration.function[operation.function].id}"
    ])
    error_message = "A route leads to another function than its operation's x-function."
  }

  assert {
    condition = alltrue([
      for name, integration in aws_apigatewayv2_integration.function :
      integration.integration_uri == module.function[name].invoke_arn
      && integration.integration_type == "AWS_PROXY"
      && integration.payload_format_version == "2.0"
    ])
    error_message = "An integration does not call the function it is named after."
  }

  assert {
    condition = alltrue([
      for name in distinct([for operation in run.described.operations : operation.function]) :
      aws_lambda_permission.api[name].function_name == module.function[name].name
      && aws_lambda_permission.api[name].source_arn == "${aws_apigatewayv2_api.this.execution_arn}/*/*"
    ])
    error_message = "The API may not call a function to which a route leads, or something else may."
  }

  assert {
    condition = alltrue([
      for key, operation in run.described.operations :
      aws_apigatewayv2_route.operation[key].authorization_type == "JWT"
      && aws_apigatewayv2_route.operation[key].authorizer_id == aws_apigatewayv2_authorizer.members.id
      if !contains(["[]", "[{}]"], operation.security)
    ])
    error_message = "A route lets people in without a token."
  }

  # Every route that is meant to be public stands here a second time.
  assert {
    condition = toset([
      for key, route in aws_apigatewayv2_route.operation : key if route.authorization_type != "JWT"
      ]) == toset([
      "GET /districts/{district}/funds/{year}/summary", "GET /join/{code}", "POST /join/{code}",
    ])
    error_message = "A route has become public. If that is meant, add it to this list."
  }

  assert {
    condition = (
      aws_apigatewayv2_authorizer.members.authorizer_type == "JWT"
      && aws_apigatewayv2_authorizer.members.identity_sources == toset(["$request.header.Authorization"])
      && aws_apigatewayv2_authorizer.members.api_id == aws_apigatewayv2_api.this.id
    )
    error_message = "The authorizer does not look at the bearer token of this API's requests."
  }
}

# Only `security: []` and `security: [{}]` of the operation itself open a route. Nothing, a
# document open as a whole and whatever a document should not say all keep it closed.
run "fails_closed" {
  variables {
    openapi_file = "tests/fixtures/openapi.json"
  }

  assert {
    condition = [
      for key, route in aws_apigatewayv2_route.operation : key if route.authorization_type != "JWT"
    ] == ["GET /public", "HEAD /public"]
    error_message = "Something else than the two operations that say so is public."
  }

  assert {
    condition = alltrue([
      for route in aws_apigatewayv2_route.operation :
      route.authorizer_id == aws_apigatewayv2_authorizer.members.id if route.authorization_type == "JWT"
    ])
    error_message = "A closed route has no authorizer."
  }

  # Each operation has its route, and the summary and parameters of a path have none.
  assert {
    condition     = length(aws_apigatewayv2_route.operation) == 16
    error_message = "The document's sixteen operations have other routes than sixteen."
  }

  assert {
    condition = (
      aws_apigatewayv2_route.operation["PATCH /reports/{report_id}/appeals"].target
      == "integrations/${aws_apigatewayv2_integration.function["submission"].id}"
    )
    error_message = "A new operation has not got its route by itself."
  }
}
