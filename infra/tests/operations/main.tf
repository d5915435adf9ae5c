# Reads an OpenAPI document the other way round than api.tf does: whatever a path item holds
# is an operation unless it is known to be none. A method that api.tf forgot shows so.

variable "file" {
  description = "The document, from where `terraform test` runs."
  type        = string
}

locals {
  no_operations = ["$ref", "summary", "description", "servers", "parameters"]
}

output "operations" {
  description = "Per route key: the function, and what the operation itself says of its security, in JSON."
  value = merge([
    for path, item in jsondecode(file(var.file)).paths : {
      for method, operation in item : "${upper(method)} ${path}" => {
        function = operation["x-function"]
        security = jsonencode(try(operation.security, "nothing"))
      } if !contains(local.no_operations, method)
    }
  ]...)
}
