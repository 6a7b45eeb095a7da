std = "lua54"
max_line_length = 100
codes = true
globals = { "bot" }
read_globals = { "matrix" }
exclude_files = { "build*" }
