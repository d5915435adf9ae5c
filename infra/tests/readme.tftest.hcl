# The tables of functions and of tables in README.md say what functions.tf and data.tf do.

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
        function.trigger == "stream" ? "stream of ${join(", ", [for table in local.streamed_tables[name] : "`${table}`"])}" : function.trigger,
        length(function.tables) == 0 ? "–" : join("; ", [
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

run "tables" {
  command = plan

  # What a table is for is said by nobody else.
  assert {
    condition = sort([
      for line in split("\n", split("## ", split("## Tables", file("README.md"))[1])[0]) :
      join(" | ", [for place, cell in split(" | ", line) : cell if place != 1]) if startswith(line, "| `")
      ]) == sort([
      for name, table in local.tables : format("| %s |", join(" | ", [
        "`${name}`",
        length(table.indexes) == 0 ? "–" : join(", ", sort([for index in keys(table.indexes) : "`${index}`"])),
        table.stream ? join(", ", [for function in keys(local.streamed) : "`${function}`" if contains(local.streamed_tables[function], name)]) : "–",
      ]))
    ])
    error_message = "The table of tables in README.md is not that of data.tf."
  }
}
