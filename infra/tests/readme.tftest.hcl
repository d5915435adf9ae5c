# The table of functions in README.md says what functions.tf does.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "functions" {
  command = plan

  assert {
    condition = sort([
      for line in split("\n", split("## ", split("## Functions", file("README.md"))[1])[0]) : line
      if startswith(line, "| `")
      ]) == sort([
      for name, function in local.functions : format("| %s |", join(" | ", [
        "`${name}`",
        function.trigger == "stream" ? "stream of `${function.stream}`" : function.trigger,
        join("; ", [
          for table, use in function.tables : length(use.indexes) == 0 ? "`${table}`"
          : "`${table}` (${join(", ", [for index in use.indexes : "`${index}`"])})"
        ]),
        function.publishes ? "`notices`" : "–",
        length(function.media) > 0 ? "`media`" : "–",
        tostring(function.memory_mb),
        tostring(function.timeout_seconds),
        function.concurrency < 0 ? "–" : tostring(function.concurrency),
        function.opens_reports ? "400" : "90",
      ]))
    ])
    error_message = "The table of functions in README.md is not that of functions.tf."
  }
}
